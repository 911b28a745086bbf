"""The partial-convolution U-Net of arXiv:1804.07723, section 3.2, in any width and depth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from inpaint.models.limits import (
    MAX_BLOCKS,
    MAX_DILATION,
    MAX_KERNEL,
    MAX_LEVELS,
    MAX_WIDTH,
    check_limit,
)
from inpaint.models.unet_blocks import NoiseInjection, PConvBlock, PConvOutput, ResidualUnit
from inpaint.utils import imagenet
from inpaint.utils.settings import read_settings, shortened


@dataclass(frozen=True)
class UNetConfig:
    """Size of a PConvUNet. The defaults are the paper's network, made for 512x512 images.

    Raises ValueError for values that make no network.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512, 512)  # channels of each level
    kernels: tuple[int, ...] = (7, 5, 5, 3, 3, 3, 3, 3)  # encoder kernel sizes, odd, px
    leak: float = 0.2  # slope of the decoder's LeakyReLU below 0
    noise: bool = False  # whether the decoder's features get noise, see NoiseInjection
    # Dilations of the residual units after the decoder's block of each level, the finest level
    # first; () for none at all. See ResidualUnit.
    residual: tuple[tuple[int, ...], ...] = ()
    # Of each input channel, in the range of the images; for other than 3 channels 0.5 and 0.25.
    mean: tuple[float, ...] = imagenet.MEAN
    std: tuple[float, ...] = imagenet.STD
    in_channels: int = 3
    out_channels: int = 3

    def __post_init__(self) -> None:
        for field in fields(self):  # JSON has no tuples
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, _tuples(value))
        check_limit("the number of levels", [len(self.widths), len(self.residual)], MAX_LEVELS)
        check_limit("residual units of a level", map(len, self.residual), MAX_BLOCKS)
        if not self.widths or len(self.widths) != len(self.kernels):
            raise ValueError(
                f"widths and kernels must have one entry for each level, got {len(self.widths)} "
                f"and {len(self.kernels)}"
            )
        if min(self.widths) < 1:
            raise ValueError(f"widths must be positive, got {self.widths}")
        if any(k < 1 or k % 2 == 0 for k in self.kernels):
            raise ValueError(f"kernels must be odd, got {self.kernels}")
        if not 0 <= self.leak < math.inf:
            raise ValueError(f"leak must be at least 0, got {self.leak}")
        if len(self.residual) > len(self.widths) - 1 or any(d < 1 for d in sum(self.residual, ())):
            raise ValueError(
                f"residual must have at most one entry for each of the {len(self.widths) - 1} "
                f"decoder blocks, with dilations of 1 or more, got {shortened(self.residual)}"
            )
        if min(self.in_channels, self.out_channels) < 1:
            raise ValueError(
                f"in_channels and out_channels must be 1 or more, got {self.in_channels} and "
                f"{self.out_channels}"
            )
        check_limit("widths", self.widths, MAX_WIDTH)
        check_limit("kernels", self.kernels, MAX_KERNEL)
        check_limit("in_channels", [self.in_channels], MAX_WIDTH)
        check_limit("out_channels", [self.out_channels], MAX_WIDTH)
        check_limit("residual", sum(self.residual, ()), MAX_DILATION)
        if self.in_channels != 3 and (self.mean, self.std) == (imagenet.MEAN, imagenet.STD):
            object.__setattr__(self, "mean", (0.5,) * self.in_channels)
            object.__setattr__(self, "std", (0.25,) * self.in_channels)
        channels = {len(self.mean), len(self.std)}
        if channels != {self.in_channels} or min(self.std) <= 0:
            raise ValueError(
                f"mean and std must have one entry for each of {self.in_channels} channels, and "
                f"std must be positive, got {shortened(self.mean)} and {shortened(self.std)}"
            )

    @classmethod
    def named(cls, name: str) -> UNetConfig:
        """The configuration called `name`; ValueError lists the names when there is none."""
        if name not in _NAMED:
            raise ValueError(f"network must be one of {', '.join(_NAMED)}, got {name!r}")
        return _NAMED[name]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UNetConfig:
        """The inverse of to_dict. Raises ValueError for other keys, types and values."""
        return read_settings(cls, values, "network")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain types that JSON can hold."""
        return asdict(self)


_NAMED = {
    "paper": UNetConfig(),
    "compact": UNetConfig(widths=(32, 64, 128, 256, 256, 256, 256), kernels=(7, 5, 5, 3, 3, 3, 3)),
}
# Dilated convolutions where they are cheap carry structure on; those above make texture of noise.
_NAMED["generative"] = replace(
    _NAMED["compact"], noise=True, residual=((1,), (1,), (1, 2), (1, 2, 4))
)


class PConvUNet(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="inpaint",
    pipeline_tag="image-to-image",
    paper_url="https://arxiv.org/abs/1804.07723",
    tags=["inpainting", "partial-convolution"],
):
    """U-Net of partial convolutions: an image with holes in, a whole image out.

    The encoder halves the size at each level, the decoder doubles it by nearest upsampling and
    concatenates features and masks of the encoder. The last level sees the image itself. Works
    for any size: from ceil(n / 2) an odd level is upsampled to its own n, and an odd image has
    a row or column of hole at its end meanwhile, which to the encoder is what padding is.

    `from_pretrained`, `save_pretrained` and `push_to_hub` are huggingface_hub's, for a folder or a
    repository with the weights and the configuration.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: UNetConfig | dict[str, Any] | None = None) -> None:
        """config: None is the paper's network; a dict is what UNetConfig.to_dict gave, as
        from_pretrained reads it."""
        super().__init__()
        if not isinstance(config, UNetConfig):
            config = UNetConfig.from_dict(config or {})
        self.config = config
        widths = (config.in_channels, *config.widths)
        self.encoder = nn.ModuleList(
            PConvBlock(c_in, c_out, kernel=kernel, stride=2, norm=level > 0)
            for level, (c_in, c_out, kernel) in enumerate(
                zip(widths, config.widths, config.kernels, strict=False)
            )
        )
        self.decoder = nn.ModuleList(
            PConvBlock(deep + skip, skip, kernel=3, leak=config.leak)
            for skip, deep in reversed(list(pairwise(config.widths)))
        )
        self.noise = nn.ModuleList(
            NoiseInjection(width, seed=level) if config.noise else nn.Identity()
            for level, width in enumerate(reversed(config.widths[:-1]))
        )
        units = (*config.residual, *[()] * (len(config.widths) - 1 - len(config.residual)))
        self.residual = nn.ModuleList(
            nn.ModuleList(ResidualUnit(width, dilation, config.leak) for dilation in dilations)
            for width, dilations in reversed(list(zip(config.widths, units, strict=False)))
        )
        self.decoder.append(PConvOutput(config.widths[0], config.in_channels, config.out_channels))
        for name in ("mean", "std"):
            constant = torch.tensor(getattr(config, name)).view(1, -1, 1, 1)
            self.register_buffer(name, constant, persistent=False)
        self._frozen: set[str] = set()  # parts whose batch norms are fixed
        self.apply(_initialise)
        for unit in (unit for level in self.residual for unit in level):  # type: ignore[attr-defined]
            nn.init.zeros_(unit.conv.weight)

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Fill a batch of images.

        image: (B, in_channels, H, W), floating point, RGB in [0, 1]; what it holds in the holes
        does not matter, NaN included.
        valid: (B or 1, 1, H, W), any dtype, above 0 = known, 0 = hole.

        Returns the network's image, (B, out_channels, H, W), about [0, 1] but not clamped; also
        where the input was known, so paste it into the hole. An image without any known pixel comes
        back as the mean colour. With out_channels other than in_channels there is no mean and
        deviation to scale the output by: it is that of the last convolution. Raises ValueError for
        shapes that do not fit, and TypeError for an image of integers.
        """
        if not torch.compiler.is_compiling():  # comparing it would fix the batch size of an export
            self._check(image, valid)
        height, width = image.shape[2:]
        to_even = (0, (width + 1) // 2 * 2 - width, 0, (height + 1) // 2 * 2 - height)
        valid = valid > 0
        # Not a product: it would keep a NaN. The mean is normalised to an exact 0.
        known = torch.where(valid, image, self.mean)
        features = F.pad((known - self.mean) / self.std, to_even)
        mask = F.pad(valid.to(image.dtype), to_even)
        skips = []
        for block in self.encoder:
            skips.append((features, mask))
            features, mask = block(features, mask)
        *blocks, last = self.decoder
        joining = cast("list[Any]", blocks)  # as text: torch 2.6 compiles it, too
        residual = cast("list[nn.ModuleList]", self.residual)
        for block, noise, units in zip(joining, self.noise, residual, strict=True):
            features, mask = block.joined(features, mask, *skips.pop())
            if self.config.noise:
                features = noise(features, mask)
            for unit in units:
                features = unit(features, mask)
        features, _ = last(features, mask, *skips.pop())
        if torch.compiler.is_compiling():  # torch.export cannot prove that a slice fits
            for axis, length in ((2, height), (3, width)):
                kept = torch.arange(length, device=image.device)
                features = features.index_select(axis, kept)
        else:
            features = features[:, :, :height, :width]
        if self.config.out_channels != self.config.in_channels:
            return features
        return features * self.std + self.mean

    def _check(self, image: Tensor, valid: Tensor) -> None:
        channels = self.config.in_channels
        if image.dim() != 4 or image.shape[1] != channels:
            raise ValueError(
                f"image must have shape (B, {channels}, H, W), got {tuple(image.shape)}"
            )
        if not image.is_floating_point():
            raise TypeError(
                f"image must be of floating point, in [0, 1], got {image.dtype}; divide 8-bit "
                "values by 255"
            )
        batch, _, height, width = image.shape
        if tuple(valid.shape) not in [(1, 1, height, width), (batch, 1, height, width)]:
            raise ValueError(
                f"valid must have shape ({batch} or 1, 1, {height}, {width}) for an image of shape "
                f"{tuple(image.shape)}, got {tuple(valid.shape)}"
            )

    def freeze_norm(self, *, decoder: bool = False) -> None:
        """Fix the encoder's batch norms, their statistics and affine parameters alike.

        The paper's second phase (section 4.2): holes disturb the statistics, so they are learnt
        in the first phase and left alone. decoder: fix the decoder's too, for batches that are
        too small for statistics. Stays in force through later calls of train(), for good.
        """
        self._frozen |= {"encoder", "decoder"} if decoder else {"encoder"}
        for norm in self._frozen_norms():
            norm.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> PConvUNet:
        """As nn.Module.train, but frozen norms stay in eval mode. Returns the network."""
        super().train(mode)
        for norm in self._frozen_norms():
            norm.eval()
        return self

    def _frozen_norms(self) -> Iterator[nn.Module]:
        for part in sorted(self._frozen):
            yield from (m for m in getattr(self, part).modules() if isinstance(m, _BatchNorm))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def _initialise(module: nn.Module) -> None:
    """He initialisation of the convolutions."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)

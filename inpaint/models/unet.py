"""The partial-convolution U-Net of arXiv:1804.07723, section 3.2, in any width and depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from inpaint.models.partial_conv import partial_conv, rescale, window_count, without_autocast
from inpaint.utils import imagenet


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
        if not self.widths or len(self.widths) != len(self.kernels):
            raise ValueError(
                f"widths and kernels must have one entry for each level, got {len(self.widths)} "
                f"and {len(self.kernels)}"
            )
        if min(self.widths) < 1:
            raise ValueError(f"widths must be positive, got {self.widths}")
        if any(k < 1 or k % 2 == 0 for k in self.kernels):
            raise ValueError(f"kernels must be odd, got {self.kernels}")
        if self.leak < 0:
            raise ValueError(f"leak must be at least 0, got {self.leak}")
        if len(self.residual) > len(self.widths) - 1 or any(d < 1 for d in sum(self.residual, ())):
            raise ValueError(
                f"residual must have at most one entry for each of the {len(self.widths) - 1} "
                f"decoder blocks, with dilations of 1 or more, got {self.residual}"
            )
        if min(self.in_channels, self.out_channels) < 1:
            raise ValueError(
                f"in_channels and out_channels must be 1 or more, got {self.in_channels} and "
                f"{self.out_channels}"
            )
        if self.in_channels != 3 and (self.mean, self.std) == (imagenet.MEAN, imagenet.STD):
            object.__setattr__(self, "mean", (0.5,) * self.in_channels)
            object.__setattr__(self, "std", (0.25,) * self.in_channels)
        channels = {len(self.mean), len(self.std)}
        if channels != {self.in_channels} or min(self.std) <= 0:
            raise ValueError(
                f"mean and std must have one entry for each of {self.in_channels} channels, and "
                f"std must be positive, got {self.mean} and {self.std}"
            )

    @classmethod
    def named(cls, name: str) -> UNetConfig:
        """The configuration called `name`; ValueError lists the names when there is none."""
        if name not in _NAMED:
            raise ValueError(f"network must be one of {', '.join(_NAMED)}, got {name!r}")
        return _NAMED[name]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UNetConfig:
        """The inverse of to_dict. Raises ValueError for keys that are no settings."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown network settings: {', '.join(unknown)}")
        return cls(**values)

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


_NOISE_TILE = 64  # side of the noise that is repeated over a level's features
_NOISE_STRENGTH = 0.1  # at the start of training; normalised features are of the order of 1


class PConvBlock(nn.Module):
    """Partial convolution, batch norm, activation.

    Features come in masked and go out masked, zero in every hole. So a tensor that is used
    twice, by the next level and by the skip connection, is masked once.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        norm: bool = True,
        leak: float | None = 0.0,
    ) -> None:
        """leak: slope of the activation below 0 (0 is a ReLU), None for no activation."""
        super().__init__()
        # A plain convolution holds the weights, so its state dict is the usual one.
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=not norm
        )
        self.norm = nn.BatchNorm2d(out_channels) if norm else nn.Identity()
        self.leak = leak

    def forward(
        self, x: Tensor, valid: Tensor, mask_channels: Sequence[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W), zero in its holes; valid (B or 1, K, H, W); see partial_conv.

        Returns features and mask of size ceil(H / stride) x ceil(W / stride); the mask has one
        channel.
        """
        y, valid = partial_conv(
            x,
            self.conv.weight,
            self.conv.bias,
            valid,
            mask_channels=mask_channels,
            stride=self.conv.stride,
            padding=self.conv.padding,
            masked=True,
        )
        if isinstance(self.norm, nn.Identity):
            masked = y  # nothing has moved the holes away from zero
        else:
            masked = self.norm(y).mul_(valid)
        if self.leak is None:
            return masked, valid
        return F.leaky_relu(masked, self.leak, inplace=True), valid  # keeps zeros

    def joined(
        self, x: Tensor, valid: Tensor, skip: Tensor, skip_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The block on x (B, C, ceil(H / 2), ceil(W / 2)), upsampled and joined with the features
        of a skip connection, (B, S, H, W); both zero in their holes, masks of one channel."""
        features = torch.cat([_upsample(x, skip), skip], 1)
        mask = torch.cat([_upsample(valid, skip_valid), skip_valid], 1)
        return self(features, mask, (x.shape[1], skip.shape[1]))


class PConvOutput(nn.Module):
    """The last level: 3x3 partial convolution of the upsampled features and the image.

    Three output channels at the image's full size keep few lanes of a processor busy, and the
    upsampled features are the largest tensor of the network. So it is never made: the four
    outputs that share a small pixel are four channels of a convolution at the small size. At
    512x512 with 64 features that is 12 ms instead of 88 ms on one core.
    """

    fold: Tensor

    def __init__(self, features: int, in_channels: int = 3, out_channels: int = 3) -> None:
        """features: channels of the level below; in_channels: of the image."""
        super().__init__()
        self.features = features
        self.conv = nn.Conv2d(features + in_channels, out_channels, 3, padding=1)
        # Upsampled rows 2i-1 .. 2i+2 are the rows i-1, i, i, i+1. So the three taps of an even
        # row, and of an odd one, fall on the taps i-1, i, i+1 like this.
        even, odd = [[1.0, 0, 0], [0, 1, 1], [0, 0, 0]], [[0.0, 0, 0], [1, 1, 0], [0, 0, 1]]
        self.register_buffer("fold", torch.tensor([even, odd]), persistent=False)

    def forward(
        self, x: Tensor, valid: Tensor, image: Tensor, image_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W), image (B, I, 2H, 2W), zero in their holes; masks of one channel.

        Returns the new image (B, O, 2H, 2W) and its mask. Under autocast they are float32: below 1
        bfloat16 has steps of 0.004, an 8-bit level.
        """
        if torch.is_autocast_enabled(x.device.type):
            with without_autocast(x.device):
                return self.forward(x.float(), valid.float(), image.float(), image_valid.float())
        features = self.features
        weight = self.conv.weight
        small = torch.einsum("pik,qjl,ockl->opqcij", self.fold, self.fold, weight[:, :features])
        y = F.pixel_shuffle(F.conv2d(x, small.flatten(0, 2), padding=1), 2)
        y = y + F.conv2d(image, weight[:, features:], padding=1)
        mask = torch.cat([_upsample(valid, image_valid), image_valid], 1)
        count = window_count(mask, (3, 3), weights=(features, image.shape[1]), padding=1)
        return rescale(y, self.conv.bias, count, weight[0].numel())


class NoiseInjection(nn.Module):
    """Noise of one channel added to all of them, each with a strength that is learnt.

    A network that is to invent texture needs something to make it of: deep in a hole its features
    are as smooth as its answer was. From StyleGAN (arXiv:1812.04948, section 3.2). Fresh noise in
    training; afterwards always the same, so that the same image gives the same fill.
    """

    tile: Tensor

    def __init__(self, channels: int, seed: int = 0) -> None:
        """seed: of the noise after training."""
        super().__init__()
        self.strength = nn.Parameter(torch.full((1, channels, 1, 1), _NOISE_STRENGTH))
        generator = torch.Generator().manual_seed(seed)
        tile = torch.randn(1, 1, _NOISE_TILE, _NOISE_TILE, generator=generator)
        self.register_buffer("tile", tile, persistent=False)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """x (B, C, H, W) with noise where valid, (B or 1, 1, H, W), is 1."""
        if self.training:
            noise = torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device)
        else:
            noise = self.tile
            for axis in (2, 3):
                wrapped = torch.arange(x.shape[axis], device=x.device) % _NOISE_TILE
                noise = noise.index_select(axis, wrapped)
        return x + (self.strength * noise * valid).to(x.dtype)


class ResidualUnit(nn.Module):
    """x + LeakyReLU(partial convolution of x): further layers for a decoder level.

    Starts as the identity, so that it can be added to a network that is trained already.
    """

    def __init__(self, channels: int, dilation: int, leak: float) -> None:
        """dilation: of the 3x3 convolution, px; leak: slope of the LeakyReLU below 0."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.leak = leak

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """x (B, C, H, W), zero where valid, (B or 1, 1, H, W), is 0; stays so."""
        y, _ = partial_conv(
            x,
            self.conv.weight,
            self.conv.bias,
            valid,
            padding=self.conv.padding,
            dilation=self.conv.dilation,
            masked=True,
        )
        return x + F.leaky_relu(y, self.leak, inplace=True) * valid


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
        joining = cast(list[Any], blocks)
        residual = cast(list[nn.ModuleList], self.residual)
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


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    """x at the size of `like`, nearest: twice its size, less one row or column if that is odd."""
    # Not by a factor of two and then cropped: torch.export cannot prove that the crop fits. The
    # rows are the same, but for float32 rounding at odd sizes above 4,000, where one may repeat
    # its other neighbour.
    return F.interpolate(x, size=like.shape[2:], mode="nearest")


def _initialise(module: nn.Module) -> None:
    """He initialisation of the convolutions."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)

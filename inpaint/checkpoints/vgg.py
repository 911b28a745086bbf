"""VGG-16 features (Simonyan & Zisserman, arXiv:1409.1556) for the losses and the metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.checkpoints.torch_file import CheckpointError, load_torch_file
from inpaint.checkpoints.weights import shipped_weights
from inpaint.utils import imagenet

logger = logging.getLogger("inpaint")

# Positions of the convolutions in torchvision's vgg16().features, one tuple for each level; a
# level ends in a 2x2 max pool.
_LEVELS = ((0, 2), (5, 7), (10, 12, 14))
_CHANNELS = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256))
_SCALE_LIMIT = 10.0  # features larger or smaller than the shipped ones by this are refused


class VGG16(nn.Module):
    """The first three levels of VGG-16, frozen.

    The weights are the authors' own (converted from Caffe, CC BY 4.0) unless a file of
    torchvision's IMAGENET1K_V1 is given. The authors' expect colours in [0, 255] with the mean
    taken off, torchvision's expect them normalised; both are handed RGB in [0, 1] here. A file
    with the authors' weights, torchvision's IMAGENET1K_FEATURES, is recognised by its first kernel.
    """

    # The published loss weights were tuned on torchvision's features, whose activations are of
    # the order of 1. The authors' weights answer in the range of their input. These divisors,
    # their mean activations after pool1, pool2 and pool3 over natural photos, bring the two
    # together.
    CAFFE_SCALE = (140.0, 300.0, 280.0)

    mean: Tensor
    std: Tensor

    def __init__(self, weights: str | Path | None = None) -> None:
        """weights: None for the shipped file, or the path of a safetensors or torch file with
        torchvision's key names: `features.N.weight` and `features.N.bias`.

        The scale of a file's features is compared with the shipped ones', and logged.

        Raises FileNotFoundError, or CheckpointError when the file is damaged, lacks a tensor or
        holds it in another shape, or gives features of another order of magnitude.
        """
        super().__init__()
        shipped = shipped_weights("vgg16_features_to_pool3")
        path = shipped if weights is None else Path(weights)
        self.levels = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(c_in, c_out, 3, padding=1) for c_in, c_out in pairwise(channels)
            )
            for channels in _CHANNELS
        )
        self._load(path)
        caffe = weights is None or self._begins_as(shipped)
        mean = (123.68, 116.779, 103.939) if caffe else tuple(255 * v for v in imagenet.MEAN)
        std = (1.0, 1.0, 1.0) if caffe else tuple(255 * v for v in imagenet.STD)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.scale = self.CAFFE_SCALE if caffe else (1.0, 1.0, 1.0)
        self.requires_grad_(False)
        self.eval()
        if not caffe:
            self._check_scale(path)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features after pool1, pool2 and pool3, in the range of torchvision's weights.

        image: (B, 3, H, W), RGB in [0, 1], H and W at least 8.
        Returns three tensors: (B, 64, H/2, W/2), (B, 128, H/4, W/4), (B, 256, H/8, W/8).
        """
        pooled = [F.max_pool2d(level, 2) for level in self.activations(image)]
        return [level / scale for level, scale in zip(pooled, self.scale, strict=True)]

    def scaled_activations(self, image: Tensor) -> list[Tensor]:
        """relu1_2, relu2_2 and relu3_3 before pooling, in the range of torchvision's weights."""
        levels = zip(self.activations(image), self.scale, strict=True)
        return [level / scale for level, scale in levels]

    def activations(self, image: Tensor) -> list[Tensor]:
        """relu1_2, relu2_2 and relu3_3 as the weights give them, before pooling and scaling."""
        x = (image * 255 - self.mean) / self.std
        outputs: list[Tensor] = []
        for level in self.levels:
            if outputs:
                x = F.max_pool2d(x, 2)
            for conv in level:  # type: ignore[attr-defined]
                x = F.relu(conv(x), inplace=True)
            outputs.append(x)
        return outputs

    def train(self, mode: bool = True) -> VGG16:
        """Frozen: stays in eval mode."""
        return super().train(False)

    def _load(self, path: Path) -> None:
        state = load_torch_file(path, what="VGG-16 weight file")
        if not isinstance(state, Mapping):
            raise CheckpointError(f"{path} holds a {type(state).__name__}, wanted named tensors")
        for level, positions in zip(self.levels, _LEVELS, strict=True):
            for conv, position in zip(level, positions, strict=True):  # type: ignore[call-overload]
                for kind in ("weight", "bias"):
                    key = f"features.{position}.{kind}"
                    if key not in state:
                        raise CheckpointError(f"{path} holds no {key}, so it is no VGG-16")
                    own = getattr(conv, kind).data
                    if not isinstance(state[key], Tensor) or not state[key].isfinite().all():
                        raise CheckpointError(f"{path} holds {key} with values that are not finite")
                    if state[key].shape != own.shape:
                        raise CheckpointError(
                            f"{path} holds {key} of shape {tuple(state[key].shape)}, wanted "
                            f"{tuple(own.shape)}"
                        )
                    own.copy_(state[key])

    def _begins_as(self, path: Path) -> bool:
        """Whether the first kernel is that of a file."""
        kernel = load_torch_file(path)["features.0.weight"].float()
        return torch.allclose(next(self.parameters()), kernel, atol=1e-3)

    @torch.no_grad()
    def _check_scale(self, path: Path) -> None:
        """Features grow with the weights, and the style terms with their square: with features of
        another scale the published loss weights mean something else."""
        image = _natural_noise()
        pairs = zip(self(image), VGG16()(image), strict=True)
        ratios = [(level.mean() / shipped.mean()).item() for level, shipped in pairs]
        text = (
            f"{path}: mean features after pool1, pool2 and pool3 are "
            f"{', '.join(f'{ratio:.3g}' for ratio in ratios)} times those of the shipped weights"
        )
        if not all(1 / _SCALE_LIMIT < ratio < _SCALE_LIMIT for ratio in ratios):
            raise CheckpointError(
                f"{text}, which the loss weights are made for; wanted torchvision's IMAGENET1K_V1"
            )
        logger.info(text)


def _natural_noise(size: int = 128) -> Tensor:
    """Gray noise with the spectrum of photos, amplitudes that fall as 1/frequency; always the same.

    Returns (1, 3, size, size), RGB in [0, 1], with three equal channels.
    """
    generator = torch.Generator().manual_seed(0)
    frequency = torch.fft.fftfreq(size)
    radius = torch.hypot(frequency[:, None], frequency[None, : size // 2 + 1].abs())
    spectrum = torch.fft.rfft2(torch.randn(size, size, generator=generator))
    field = torch.fft.irfft2(spectrum / radius.clamp(min=1 / size), s=(size, size))
    field = (field - field.mean()) / field.std()
    return (0.45 + 0.23 * field).clamp(0, 1).expand(1, 3, size, size)

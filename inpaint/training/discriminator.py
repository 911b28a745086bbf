"""The projected discriminator: judges fills by frozen VGG-16 features (arXiv:2111.01007).

A discriminator on plain pretrained features looks at the few channels in which fills differ most.
So, as in section 3 of the paper, the features are mixed first by fixed random projections, across
channels (rotations) and across scales (1x1 convolutions from coarse to fine), and small trained
heads judge each scale. Different from the paper: VGG-16 to relu3_3 instead of an
EfficientNet, heads give maps of scores instead of a few, and they are given the hole too, because
only the hole of a composite can be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_LEAK = 0.2
_FEATURES = (64, 128, 256)  # channels of relu1_2, relu2_2, relu3_3
_SEED = 1  # of the projections


class RandomProjection(nn.Module):
    """Fixed random mixing of VGG-16 features across channels and scales; nothing to train.

    Features are standardised first, by statistics of the photos seen in training: as they come,
    their means are as large as their deviations, and hide them from layers with spectral norm.
    Across channels they are rotated, so nothing is lost: with 16, 32 and 64 mixed channels
    instead of 64, 128 and 256, heads tell a photo from its fill in 67, 77, 84 and 87 % of the
    positions, instead of 82, 86, 94 and 94 %.
    """

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(_SEED)
        self.standards = nn.ModuleList(Standardise(channels) for channels in _FEATURES)
        self.across_channels = nn.ModuleList(
            _fixed_conv(channels, channels, generator) for channels in _FEATURES
        )
        self.across_scales = nn.ModuleList(
            _fixed_conv(coarse, fine, generator) for fine, coarse in pairwise(_FEATURES)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features of each level, (B, C, H, W), in, mixed ones of the same sizes out.

        A level holds half of its own and half of the next coarser one.
        """
        mixed = [
            standard.then(conv, level)  # type: ignore[operator]
            for conv, standard, level in zip(
                self.across_channels, self.standards, features, strict=True
            )
        ]
        for level in reversed(range(len(mixed) - 1)):
            coarse = self.across_scales[level](mixed[level + 1])
            mixed[level] = (mixed[level] + _upsample(coarse, mixed[level])) * 0.5**0.5
        return mixed


class Standardise(nn.Module):
    """Features with mean 0 and deviation 1 in each channel, by averages over what was seen."""

    mean: Tensor
    square: Tensor
    updates: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("square", torch.ones(channels))
        self.register_buffer("updates", torch.zeros(()))

    def then(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        """conv, 1x1 without bias, of x, (B, C, H, W), standardised; in one convolution."""
        scale = (self.square - self.mean.square()).clamp(min=1e-4).rsqrt()
        weight = conv.weight * scale.view(-1, 1, 1)
        bias = -(weight[..., 0, 0] * self.mean).sum(1)
        return F.conv2d(x, weight, bias)

    @torch.no_grad()
    def update(self, mean: Tensor, square: Tensor) -> None:
        """Take a batch's means of values and of squares, (C,), into the averages.

        Those of the first thousand batches count equally, later ones a thousandth.
        """
        self.updates += 1
        share = 1 / self.updates.clamp(max=1000)
        self.mean.lerp_(mean, share)
        self.square.lerp_(square, share)


class Head(nn.Module):
    """Convolutions with spectral norm, (B, C, H, W) to a map of scores (B, 1, H', W')."""

    def __init__(self, in_channels: int, width: int, strides: Sequence[int]) -> None:
        """strides: 1 or 2 for each hidden convolution."""
        super().__init__()
        widths = [in_channels + 1, *(width for _ in strides)]  # and the hole
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(c_in, width, 4 if step == 2 else 3, step, padding=1))
            for c_in, step in zip(widths, strides, strict=False)
        )
        self.score = spectral_norm(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        """x (B, C, H, W); hole (B, 1, H, W), the share of hole at each position."""
        first, *others = cast(list[nn.Conv2d], list(self.convs))
        # Two convolutions instead of one of both together: an odd number of channels is slow.
        features, last = first.weight[:, :-1], first.weight[:, -1:]
        y = F.conv2d(x, features, first.bias, first.stride, first.padding)
        y = y + F.conv2d(hole.to(x.dtype), last, None, first.stride, first.padding)
        for conv in others:
            y = conv(F.leaky_relu(y, _LEAK))
        return self.score(F.leaky_relu(y, _LEAK))


class ProjectedDiscriminator(nn.Module):
    """Scores of composites at several scales, high where a fill looks like a photo.

    The receptive fields of the five heads are about 30, 50, 80, 140 and 250 px.
    """

    def __init__(self, width: int = 32) -> None:
        """width: channels of the heads of relu1_2 and relu2_2; the others have twice as many.

        Raises ValueError below 1.
        """
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be 1 or more, got {width}")
        self.projection = RandomProjection()
        self.heads = nn.ModuleList(
            [
                Head(_FEATURES[0], width, (2,)),
                Head(_FEATURES[1], width, (2,)),
                Head(_FEATURES[2], 2 * width, (2, 1)),
                Head(_FEATURES[2], 2 * width, (2, 2)),
                Head(_FEATURES[2], 2 * width, (2, 2, 2)),
            ]
        )

    def forward(self, features: Sequence[Tensor], hole: Tensor) -> list[Tensor]:
        """Score maps of each head, (B, 1, H', W').

        features: relu1_2, relu2_2 and relu3_3 of the composite, of the order of 1, as
        VGG16.scaled_activations gives them. hole: (B, 1, H, W) in [0, 1], the composite's size.
        """
        mixed = self.projection(features)
        holes = [F.adaptive_avg_pool2d(hole, level.shape[2:]) for level in mixed]
        levels = (0, 1, 2, 2, 2)
        return [
            head(mixed[level], holes[level]) for head, level in zip(self.heads, levels, strict=True)
        ]


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    """x at the size of `like`, in its own precision: autocast would make float32 of it."""
    height, width = like.shape[2:]
    with torch.autocast(x.device.type, enabled=False):
        return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


def _fixed_conv(c_in: int, c_out: int, generator: torch.Generator) -> nn.Conv2d:
    """A 1x1 convolution without bias that rotates its input into c_out <= c_in channels."""
    conv = nn.Conv2d(c_in, c_out, 1, bias=False)
    rotation, _ = torch.linalg.qr(torch.randn(c_in, c_in, generator=generator))
    with torch.no_grad():
        conv.weight.copy_(rotation[:c_out, :, None, None])
    return conv.requires_grad_(False)

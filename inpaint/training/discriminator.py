"""The projected discriminator: judges fills by frozen VGG-16 features (arXiv:2111.01007).

A discriminator on plain pretrained features looks at the few channels in which fills differ most.
So, as in section 3 of the paper, the features are mixed first by fixed random projections, across
channels (1x1 convolutions) and across scales (3x3 convolutions from coarse to fine), and small
trained heads judge each scale. Different from the paper: VGG-16 to relu3_3 instead of an
EfficientNet, heads give maps of scores instead of a few, and they are given the hole too, because
only the hole of a composite can be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_LEAK = 0.2
_FEATURES = (64, 128, 256)  # channels of relu1_2, relu2_2, relu3_3
_STRIDES = (1, 2, 4)  # px of the image for each position of these
_SEED = 1  # of the projections


class RandomProjection(nn.Module):
    """Fixed random mixing of VGG-16 features across channels and scales; nothing to train."""

    def __init__(self, channels: Sequence[int]) -> None:
        """channels: of the answer, for each of the three levels."""
        super().__init__()
        generator = torch.Generator().manual_seed(_SEED)
        self.across_channels = nn.ModuleList(
            _fixed_conv(features, width, 1, generator)
            for features, width in zip(_FEATURES, channels, strict=True)
        )
        self.across_scales = nn.ModuleList(
            _fixed_conv(coarse, fine, 3, generator) for fine, coarse in pairwise(channels)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features of each level, (B, C, H, W), in, mixed ones of the same sizes out.

        A level holds half of its own and half of the next coarser one.
        """
        mixed = [conv(level) for conv, level in zip(self.across_channels, features, strict=True)]
        for level in reversed(range(len(mixed) - 1)):
            coarse = self.across_scales[level](mixed[level + 1])
            size = mixed[level].shape[2:]
            coarse = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
            mixed[level] = (mixed[level] + coarse) * 0.5**0.5
        return mixed


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
        x = torch.cat([x, hole.to(x.dtype)], 1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), _LEAK)
        return self.score(x)


class ProjectedDiscriminator(nn.Module):
    """Scores of composites at several scales, high where a fill looks like a photo.

    The receptive fields of the four heads are about 30, 50, 80 and 140 px.
    """

    def __init__(self, width: int = 32) -> None:
        """width: channels of the heads of relu1_2 and relu2_2; the others have twice as many.

        Raises ValueError below 1.
        """
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be 1 or more, got {width}")
        channels = (width // 2 or 1, width, 2 * width)
        self.projection = RandomProjection(channels)
        self.heads = nn.ModuleList(
            [
                Head(channels[0], width, (2,)),
                Head(channels[1], width, (2,)),
                Head(channels[2], 2 * width, (2, 1)),
                Head(channels[2], 2 * width, (2, 2)),
            ]
        )

    def forward(self, features: Sequence[Tensor], hole: Tensor) -> list[Tensor]:
        """Score maps of each head, (B, 1, H', W').

        features: relu1_2, relu2_2 and relu3_3 of the composite, of the order of 1, as
        VGG16.scaled_activations gives them. hole: (B, 1, H, W) in [0, 1], the composite's size.
        """
        mixed = self.projection(features)
        holes = [F.adaptive_avg_pool2d(hole, level.shape[2:]) for level in mixed]
        levels = (0, 1, 2, 2)
        return [
            head(mixed[level], holes[level]) for head, level in zip(self.heads, levels, strict=True)
        ]


def _fixed_conv(c_in: int, c_out: int, kernel: int, generator: torch.Generator) -> nn.Conv2d:
    """A convolution without bias, fixed at values that keep the variance of its input."""
    conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)
    with torch.no_grad():
        conv.weight.normal_(0, (c_in * kernel**2) ** -0.5, generator=generator)
    return conv.requires_grad_(False)

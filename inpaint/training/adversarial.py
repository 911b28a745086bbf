"""The terms of adversarial training: a fill must look like a photo, and agree with it coarsely.

Notation of inpaint/training/losses.py: images are (B, 3, H, W), RGB in [0, 1]; `hole` is
(B, 1, H, W), 1 = hole, 0 = known. Score maps come from ProjectedDiscriminator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_DISCOUNTED = 10  # px of depth that count
_DISCOUNT = 0.75  # of the loss for each pixel of depth


def weighted_mean(values: Tensor, hole: Tensor) -> Tensor:
    """Mean of a map over the hole, 0 for a batch without holes.

    Args:
        values: (B, C, H', W').
        hole: (B, 1, H, W); a position of the map counts with the share of hole below it, so what
            is known has no say.
    """
    share = _shares(hole, values)
    means = values.mean(1, keepdim=True, dtype=torch.float32)  # (B, 1, H', W')
    return (means * share).sum() / share.sum().clamp(min=1e-6)


def _shares(hole: Tensor, values: Tensor) -> Tensor:
    height, width = values.shape[2:]
    return F.adaptive_avg_pool2d(hole.float(), (height, width))


def generator_loss(scores: Sequence[Tensor], hole: Tensor) -> Tensor:
    """Minus the mean score of the fills, averaged over the heads."""
    return -torch.stack([weighted_mean(score, hole) for score in scores]).mean()


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], hole: Tensor) -> Tensor:
    """Hinge loss: max(0, 1 - score) of photos and max(0, 1 + score) of fills, over the heads."""
    terms = [
        weighted_mean(F.relu(1 - photo.float()) + F.relu(1 + fill.float()), hole)
        for photo, fill in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()


def feature_loss(features: Sequence[Tensor], target: Sequence[Tensor], hole: Tensor) -> Tensor:
    """L1 distance of features inside the hole, averaged over the levels."""
    pairs = zip(features, target, strict=True)
    return torch.stack([weighted_mean((a - b).abs(), hole) for a, b in pairs]).mean()


def coarse_loss(output: Tensor, target: Tensor, hole: Tensor, factor: int) -> Tensor:
    """L1 distance inside the hole of images made `factor` times smaller, each by its mean.

    Only pixels of the hole are in the means, so that the known ones cannot make up for them.
    """
    difference = hole * (output.float() - target)
    small, share = (
        F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False) for x in (difference, hole)
    )
    return small.abs().sum() / (output.shape[1] * share.sum()).clamp(min=1e-6)


def discounted_loss(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """L1 distance inside the hole, less important by a quarter with each pixel of depth.

    Beside known pixels there is little to invent. The spatially discounted loss of
    arXiv:1801.07892, section 3.4, with a steeper discount, as the discriminator takes over inside.
    """
    weights, known = torch.zeros_like(hole), 1 - hole
    for depth in range(_DISCOUNTED):
        grown = F.max_pool2d(known, 3, stride=1, padding=1)
        weights = weights + _DISCOUNT**depth * (grown - known)
        known = grown
    difference = (weights * (output.float() - target)).abs()
    return difference.sum() / (output.shape[1] * weights.sum()).clamp(min=1e-6)


@dataclass(frozen=True)
class Views:
    """What the discriminator sees of a batch: of the first images the whole, of others a crop."""

    whole: int  # how many are seen as a whole
    top: Tensor  # (B - whole,), row of each crop's first pixel
    left: Tensor  # (B - whole,), its column


def draw_views(hole: Tensor, crop: int, whole: float) -> Views:
    """Views of a batch, drawn by torch's generator; nothing waits for the device.

    Args:
        hole: (B, 1, H, W), 1 = hole. A crop holds a pixel of it, each as likely as the others.
        crop: Side of the crops, px.
        whole: Share of the samples that are seen as a whole, rounded; all are that are no larger
            than a crop.
    """
    batch, _, height, width = hole.shape
    count = batch if max(height, width) <= crop else round(whole * batch)
    part = hole[count:].flatten(1)  # (B - whole, H * W)
    pixel = (part + torch.rand_like(part)).argmax(1)
    before = (torch.rand(2, batch - count, device=hole.device) * crop).long()
    top = (pixel // width - before[0]).clamp(0, max(height - crop, 0))
    left = (pixel % width - before[1]).clamp(0, max(width - crop, 0))
    return Views(count, top, left)


def take_views(images: Tensor, views: Views, crop: int) -> Tensor:
    """The views of images, (B, C, H, W), as (B, C, crop, crop), channels last in memory.

    Wholes are made smaller, or larger, by the means of areas.
    """
    channels, width = images.shape[1], images.shape[3]
    whole, cut = images[: views.whole], images[views.whole :]
    if whole.shape[2:] != (crop, crop):
        whole = F.adaptive_avg_pool2d(whole, crop)
    if len(cut):
        along = torch.arange(crop, device=images.device)
        rows = (views.top[:, None] + along)[:, None, :, None].expand(-1, channels, -1, width)
        columns = (views.left[:, None] + along)[:, None, None].expand(-1, channels, crop, -1)
        whole = torch.cat([whole, cut.gather(2, rows).gather(3, columns)])
    return whole.contiguous(memory_format=torch.channels_last)

"""Boundary blending of a whole batch at once, on the device that trains.

The same equations as in inpaint.inference.boundary, which solves them for the pixels of one image's
band. Here each image is a dense grid, and what does not belong to its band has weight 0: a GPU does
not wait for the host, which would have to collect the pixels of each band.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.inference.boundary import MAX_ITER, RTOL, BoundaryConfig


@torch.no_grad()
def blend_boundaries(image: Tensor, hole: Tensor, config: BoundaryConfig | None = None) -> Tensor:
    """`blend_boundary` of each image of a batch, all of whose pixels are known or in the hole.

    Nothing waits for the device.

    Args:
        image: (B, 3, H, W) float32 RGB in [0, 1], with a fill in the hole.
        hole: (B, 1, H, W) bool, True = filled.
        config: See `blend_boundary`.

    Returns:
        (B, 3, H, W) float32, not clamped; differs from `image` only in the hole, within `band`
        pixels of something known.
    """
    config = config or BoundaryConfig()
    squared = _squared_depth(hole, config.band)
    band = (hole & (squared <= config.band**2)).float()
    bending = F.max_pool2d(band, (3, 1), 1, (1, 0)).maximum(F.max_pool2d(band, (1, 3), 1, (0, 1)))
    # Depths beyond the band are infinite there, and infinity times 0 is not 0.
    data_weight = config.data_weight * squared.clamp(max=config.band**2).sqrt() * band

    def left_side(values: Tensor) -> Tensor:
        bent = laplacian(values).mul_(bending)
        return laplacian(bent).mul_(band).addcmul_(data_weight, values)

    # u = image + v, and v is 0 outside the band: the data term pulls v to 0.
    rhs = laplacian(laplacian(image).mul_(bending)).mul_(-band)
    return image + _conjugate_gradients(left_side, rhs)


def laplacian(values: Tensor) -> Tensor:
    """Sum of the differences to the four neighbours, (B, C, H, W); 0 to those that do not exist."""
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    sums = padded[..., 2:, 1:-1] + padded[..., :-2, 1:-1]
    return sums.add_(padded[..., 1:-1, 2:]).add_(padded[..., 1:-1, :-2]).sub_(values, alpha=4)


def _squared_depth(hole: Tensor, limit: int) -> Tensor:
    """Squared distance to the nearest pixel outside the hole, px, up to `limit`; beyond, more.

    (B, 1, H, W) float32 of whole numbers, infinite where nothing is near; 0 outside the hole.
    """
    squared = torch.where(hole, math.inf, 0.0)
    offsets = torch.arange(-limit, limit + 1, device=hole.device).square()
    for axis, margins in ((2, (0, 0, limit, limit)), (3, (limit, limit))):
        near = F.pad(squared, margins, value=math.inf).unfold(axis, 2 * limit + 1, 1)
        squared = (near + offsets).amin(-1)
    return squared


def _conjugate_gradients(operator: Callable[[Tensor], Tensor], rhs: Tensor) -> Tensor:
    """x with operator(x) = rhs for each image and channel, (B, C, H, W), starting from 0.

    An image stays as it is as soon as all its channels are solved to RTOL, as if solved alone.
    """
    x, residual, direction = torch.zeros_like(rhs), rhs.clone(), rhs.clone()
    power = _dot(rhs, rhs)
    target = power * RTOL**2
    for _ in range(MAX_ITER):
        goes_on = (power > target).any(1, keepdim=True)
        product = operator(direction)
        step = goes_on * power / _dot(direction, product).clamp(min=1e-30)
        x.addcmul_(step, direction)
        residual.addcmul_(step, product, value=-1)
        previous, power = power, _dot(residual, residual)
        direction.mul_(power / previous.clamp(min=1e-30)).add_(residual)
    return x


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, 1, 1)."""
    return (a * b).sum((2, 3), keepdim=True)

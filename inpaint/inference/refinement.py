"""The refiner of a network, run on the blocks of an image that hold a hole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from inpaint.inference.tiling import Rectangle, grown, relative
from inpaint.models.refiner import Refiner

_BLOCK = 256  # side of the largest square that is refined at once, px
_STEP = 32  # sides are multiples of it: few sizes, because kernels are made for each


@torch.inference_mode()
def refine(
    refiner: Refiner, fill: np.ndarray, plate: np.ndarray, mask: np.ndarray, device: torch.device
) -> np.ndarray:
    """The plate, (H, W, 3) float32, with what the refiner makes of it where mask is 1.

    fill, plate: as for Refiner.forward. mask: (H, W) uint8, 0 = known, 1 = hole to refine, 2 =
    hole that is none of our business. The work grows with the hole, not with the picture.
    """
    result = plate.copy()
    for inner in _blocks(mask == 1):
        outer = grown(inner, refiner.outlook, mask.shape)
        hole = (mask[outer] > 0).astype(np.float32)[..., None]
        inputs = (
            torch.from_numpy(array).to(device).permute(2, 0, 1)[None]
            for array in (fill[outer], plate[outer], hole)
        )
        better = refiner(*inputs)[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()
        own = mask[inner] == 1
        result[inner][own] = better[relative(inner, outer)][own]
    return result


def room(refiner: Refiner) -> int:
    """How much around a hole `refine` wants to see, px."""
    return refiner.outlook + _STEP


def _blocks(hole: np.ndarray) -> Iterator[Rectangle]:
    """Rectangles that hold all of a hole, (H, W) bool, and little else."""
    height, width = hole.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            part = hole[top : top + _BLOCK, left : left + _BLOCK]
            rows, columns = (np.flatnonzero(part.any(axis)) for axis in (1, 0))
            if len(rows):
                yield _span(rows, top, height), _span(columns, left, width)


def _span(where: np.ndarray, start: int, limit: int) -> slice:
    """From the first to the last of these numbers, whole steps, counted from `start`."""
    first, last = int(where[0]) // _STEP, int(where[-1]) // _STEP
    return slice(start + first * _STEP, min(start + (last + 1) * _STEP, limit))

"""The refiner, run on the blocks of a crop that hold a hole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from inpaint.checkpoints.torch_file import check_finite
from inpaint.models.refiner import Refiner
from inpaint.utils.crop import Crop
from inpaint.utils.rectangles import Rectangle, dilate, relative

_BLOCK = 384  # side of the largest square that is refined at once, px
_STEP = 32  # sides are multiples of it: few sizes, because kernels are made for each


@torch.inference_mode()
def refine(refiner: Refiner, crop: Crop, blended: np.ndarray, device: torch.device) -> np.ndarray:
    """The blended image with the refiner's answer in the hole.

    The work grows with the hole, not with the crop.

    Args:
        refiner: On `device`.
        crop: With the network's fill.
        blended: (H, W, 3) float32, what blend_boundary made of it.
        device: Where the refiner is.

    Returns:
        (H, W, 3) float32.
    """
    result = blended.copy()
    not_known = (~crop.known).astype(np.float32)[..., None]
    for inner in _blocks(crop.hole):
        outer = dilate(inner, refiner.receptive_radius, crop.hole.shape)
        inputs = (
            torch.from_numpy(array[outer]).to(device).permute(2, 0, 1)[None]
            for array in (crop.image, blended, not_known)
        )
        output = check_finite(refiner(*inputs)[0], "refiner")
        refined = output.permute(1, 2, 0).clamp(0, 1).cpu().numpy()
        own = crop.hole[inner]
        result[inner][own] = refined[relative(inner, outer)][own]
    return result


def context_margin(refiner: Refiner) -> int:
    """How much around a hole `refine` needs in its crop, px."""
    return refiner.receptive_radius + _STEP


def _blocks(hole: np.ndarray) -> Iterator[Rectangle]:
    """Rectangles that hold all of a hole, (H, W) bool, and little else."""
    height, width = hole.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            part = hole[top : top + _BLOCK, left : left + _BLOCK]
            rows, columns = (np.flatnonzero(part.any(axis)) for axis in (1, 0))
            if len(rows):
                yield _span(rows, top, height), _span(columns, left, width)


def _span(indices: np.ndarray, start: int, limit: int) -> slice:
    """From the first to the last of these indices, in whole steps counted from `start`."""
    first, last = int(indices[0]) // _STEP, int(indices[-1]) // _STEP
    return slice(start + first * _STEP, min(start + (last + 1) * _STEP, limit))

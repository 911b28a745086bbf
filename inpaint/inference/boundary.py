"""The rim of a hole: what lies beside the known pixels is continued from them, smoothly.

A network that has to answer for every hole gets a pixel beside a known one less right than its
neighbours tell, and leaves a faint seam. So the rim is bent as a thin plate that is clamped at the
known pixels and held to the network's picture by springs, which grow stiffer inwards:

    minimise  sum (Laplace u)^2 + sum STIFFNESS * depth * (u - network)^2

It meets the known pixels without a step, and with their slope. Biharmonic inpainting (Damelin and
Hoang, "On surface completion and image inpainting by biharmonic functions", 2018) is the first term
alone, and knows nothing a few pixels further in.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.utils.conjugate_gradient import solve
from inpaint.utils.distance import depth_of

RIM = 16  # width of the rim, px
_STIFFNESS = 0.02  # of the springs one pixel from what is known; the plate has 20 on its diagonal
_STEPS = 100  # of conjugate gradients, at most
_ENOUGH = 1e-3  # residual over its first, at which they end: below half a level of 8 bits

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def continue_edges(image: np.ndarray, mask: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """The fill with its rim led on from the known pixels around it.

    image: (H, W, 3) float32, known where mask is 0. mask: (H, W) uint8, 0 = known, 1 = hole to
    fill, 2 = hole that is none of our business. fill: (H, W, 3) float32, the network's picture.

    Returns (H, W, 3) float32, which differs from fill only where mask is 1, within RIM pixels
    of something known. Beyond the rim the network's picture counts as known; what is not there,
    outside the picture or in other holes, has no part in the sums.
    """
    if not (mask == 0).any():
        return fill
    depth = depth_of(mask > 0)
    rim = (mask == 1) & (depth <= RIM)
    if not rim.any():
        return fill
    base = np.where((mask == 1)[..., None], fill, image)
    plate = _Plate(rim, mask != 2, _STIFFNESS * depth)
    result = fill.copy()
    result[rim] = plate.bend(base)
    return result


class _Plate:
    """The equations of the rim's pixels, (A + springs) u = right side, with A = Laplace^2."""

    def __init__(self, rim: np.ndarray, exists: np.ndarray, springs: np.ndarray) -> None:
        bending = cv2.dilate(rim.view(np.uint8), _CROSS).astype(bool) & exists
        around = cv2.dilate(bending.view(np.uint8), _CROSS).astype(bool) & exists
        self.pixels = np.flatnonzero(around)
        self.bending = _column(bending.flat[self.pixels])
        self.free = _column(rim.flat[self.pixels])
        self.springs = _column(springs.flat[self.pixels]) * self.free
        self.neighbours = self._neighbours(rim.shape)

    def _neighbours(self, size: tuple[int, ...]) -> Tensor:
        """Positions in `pixels` of the pixels beside each: (4, N); its own where there is none."""
        numbers = np.full((size[0] + 2, size[1] + 2), -1, np.int32)
        rows, columns = np.unravel_index(self.pixels, size)
        own = np.arange(len(self.pixels), dtype=np.int32)
        numbers[rows + 1, columns + 1] = own
        beside = [
            numbers[rows + 1 + dy, columns + 1 + dx]
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        return torch.from_numpy(np.stack([np.where(n < 0, own, n) for n in beside]))

    def _laplace(self, values: Tensor) -> Tensor:
        """Sum of the differences to the pixels beside each: (N, 3)."""
        total = -4 * values
        for beside in self.neighbours:
            total += values.index_select(0, beside)
        return total

    def _bent(self, values: Tensor) -> Tensor:
        """A times values, (N, 3)."""
        return self._laplace(self.bending * self._laplace(values))

    def _apply(self, values: Tensor) -> Tensor:
        """The left side of the free pixels for any values, (N, 3); 0 for the others."""
        return self.free * (self._bent(values) + self.springs * values)

    def bend(self, base: np.ndarray) -> np.ndarray:
        """Colours of the rim's pixels, (n, 3), from those of all, (H, W, 3), by conjugate gradients
        from where they are."""
        start = torch.from_numpy(base.reshape(-1, base.shape[-1])[self.pixels])
        # u = start + v, and v is 0 outside the rim: the springs pull v to 0.
        v = solve(self._apply, -self.free * self._bent(start), steps=_STEPS, enough=_ENOUGH)
        return (start + v)[self.free[:, 0] > 0].numpy()


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None]

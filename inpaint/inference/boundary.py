"""Boundary blending: the pixels beside the known ones are continued from them, smoothly.

A network that has to answer for every hole gets a pixel beside a known one less right than its
neighbours tell, and leaves a faint seam. So a band along the hole's boundary is replaced by a
thin-plate (biharmonic) surface that is clamped at the known pixels and pulled to the network's
image, by a weight that grows inwards:

    minimise  sum (Laplace u)^2 + sum data_weight * depth * (u - network)^2

It meets the known pixels without a step, and with their slope. Biharmonic inpainting (Damelin and
Hoang, "On surface completion and image inpainting by biharmonic functions", 2018) is the first term
alone, and knows nothing a few pixels further in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numba import njit
from torch import Tensor

from inpaint.utils.conjugate_gradient import conjugate_gradient
from inpaint.utils.crop import Crop
from inpaint.utils.distance import hole_depth

MAX_BAND = 1024  # px
_MIN_DATA_WEIGHT = 1e-6  # of thin holes: keeps the equations definite
MAX_ITER = 100
RTOL = 1e-3  # leaves an error below half a level of 8 bits

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class BoundaryConfig:
    """How far what is known is continued. Raises ValueError.

    The defaults are for a network that gives the mean of what could be there. One that invents has
    detail right up to the known pixels, which a wide band would smooth away: see INVENTED.
    """

    band: int = 16  # width of the band, px
    data_weight: float = 0.02  # one pixel from what is known; the diagonal of Laplace^2 is 20

    def __post_init__(self) -> None:
        if self.band < 1 or not 0 < self.data_weight < np.inf:
            raise ValueError(f"boundary needs band >= 1 and data_weight > 0, got {self}")
        if self.band > MAX_BAND:
            raise ValueError(f"boundary needs band <= {MAX_BAND}, got {self}")


INVENTED = BoundaryConfig(band=3, data_weight=1.0)  # for networks of adversarial training


def blend_boundary(
    crop: Crop, config: BoundaryConfig | None = None, *, to_image: bool = True
) -> np.ndarray:
    """The crop's image with the band along the hole's boundary continued from the known pixels.

    With `to_image`, the surface is pulled to the crop's image inside the hole; without, as for thin
    holes, only the known pixels count, and the band is that of the defaults. Pixels of the hole
    beyond the band count as known. What does not exist, outside the crop or ignored, has no part
    in the sums.

    Returns:
        (H, W, 3) float32, which differs from the crop's image only in the hole, within `band`
        pixels of something known.
    """
    config = config if config is not None and to_image else BoundaryConfig()
    known = crop.known
    if not known.any():
        return crop.image
    depth = hole_depth(~known)
    band = crop.hole & (depth <= config.band)
    if not band.any():
        return crop.image
    weight = config.data_weight if to_image else _MIN_DATA_WEIGHT
    plate = _ThinPlate(band, ~crop.ignore, weight * depth)
    result = crop.image.copy()
    result[band] = plate.solve(crop.image)
    return result


class _ThinPlate:
    """The equations of the band's pixels, (A + data weight) u = rhs, with A = Laplace^2."""

    def __init__(self, band: np.ndarray, exists: np.ndarray, data_weight: np.ndarray) -> None:
        """band, exists: (H, W) bool. data_weight: (H, W)."""
        bending = cv2.dilate(band.view(np.uint8), _CROSS).astype(bool) & exists
        around = cv2.dilate(bending.view(np.uint8), _CROSS).astype(bool) & exists
        self.pixels = np.flatnonzero(around)
        self.bending = _column(bending.flat[self.pixels])
        self.free = _column(band.flat[self.pixels])
        self.data_weight = _column(data_weight.flat[self.pixels]) * self.free
        self.neighbours = self._neighbours(band.shape)
        self._bent, self._left = (np.empty((len(self.pixels), 3), np.float32) for _ in range(2))

    def _neighbours(self, size: tuple[int, ...]) -> np.ndarray:
        """Indices into `pixels` of each one's neighbours: (N, 4); its own for a missing one."""
        numbers = np.full((size[0] + 2, size[1] + 2), -1, np.int32)
        rows, columns = np.unravel_index(self.pixels, size)
        own = np.arange(len(self.pixels), dtype=np.int32)
        numbers[rows + 1, columns + 1] = own
        neighbours = [
            numbers[rows + 1 + dy, columns + 1 + dx]
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        return np.stack([np.where(n < 0, own, n) for n in neighbours], 1)

    def _biharmonic(self, values: Tensor) -> Tensor:
        """A times values, (N, 3), for the free pixels; 0 for the others."""
        return self._apply(values, torch.zeros_like(self.data_weight))

    def _apply(self, values: Tensor, data_weight: Tensor) -> Tensor:
        """The left side for the free pixels of any values, (N, 3); 0 for the others.

        The next call overwrites it.
        """
        _laplace(values.numpy(), self.neighbours, self.bending.numpy()[:, 0], self._bent)
        _left_side(
            values.numpy(), self._bent, self.neighbours, self.free.numpy()[:, 0],
            data_weight.numpy()[:, 0], self._left,
        )  # fmt: skip
        return torch.from_numpy(self._left)

    def solve(self, image: np.ndarray) -> np.ndarray:
        """Colours of the band's pixels, (n, 3), given the image, (H, W, 3), which is the start."""
        start = torch.from_numpy(image.reshape(-1, image.shape[-1])[self.pixels])
        # u = start + v, and v is 0 outside the band: the data term pulls v to 0.
        rhs = -self._biharmonic(start)
        v = conjugate_gradient(
            lambda values: self._apply(values, self.data_weight),
            rhs,
            max_iter=MAX_ITER,
            rtol=RTOL,
        )
        return (start + v)[self.free[:, 0] > 0].numpy()


@njit(cache=True, nogil=True)
def _laplace(
    values: np.ndarray, neighbours: np.ndarray, weight: np.ndarray, sums: np.ndarray
) -> None:
    """Write the weighted sums of the differences to the four neighbours: (N, 3) float32."""
    for i in range(len(values)):
        for c in range(3):
            sums[i, c] = weight[i] * _difference(values, neighbours, i, c)


@njit(cache=True, nogil=True)
def _left_side(
    values: np.ndarray,
    bent: np.ndarray,
    neighbours: np.ndarray,
    free: np.ndarray,
    data_weight: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Write free * (the Laplacian of bent + data_weight * values): (N, 3) float32."""
    for i in range(len(values)):
        for c in range(3):
            bending = _difference(bent, neighbours, i, c)
            sums[i, c] = free[i] * (bending + data_weight[i] * values[i, c])


@njit(cache=True, nogil=True)
def _difference(values: np.ndarray, neighbours: np.ndarray, i: int, c: int) -> float:
    """The sum of the differences of one value to the four neighbours."""
    above, below = values[neighbours[i, 0], c], values[neighbours[i, 1], c]
    left, right = values[neighbours[i, 2], c], values[neighbours[i, 3], c]
    return above + below + left + right - np.float32(4) * values[i, c]


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None]

"""Robust weight of the soft fill in the screened blending.

A network extends colours from the hole's boundary into it: also those of an object that the mask
does not cover wholly, as a haze. The copied pieces agree with each other and with the whole
boundary. Where the local mean of the fill is far from theirs, the fill is an outlier, and gets the
weight of one in a redescending M-estimator (Geman and McClure, "Statistical methods for tomographic
image reconstruction", 1987).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_RADIUS = 4  # blocks, of the square in which mean colours are compared
_SCALE = 0.25  # of the estimator: distance of mean colours at which the weight is half


@njit(cache=True, nogil=True)
def screening_scale(
    image: np.ndarray, offsets: np.ndarray, hole: np.ndarray, halvings: int
) -> np.ndarray:
    """Factor of the screening length L: sqrt(1 + (d / _SCALE)^4), 1 to infinity.

    The weight of the fill is 1 / L^2, so it is multiplied by 1 / (1 + (d / _SCALE)^4); d is the
    distance of the mean colours of fill and copied pixels in a window.

    Args:
        image: (H, W, 3) float32, with the soft fill.
        offsets: (H, W, 2) int16, (rows, columns) to the pixel that is copied.
        hole: (H, W) bool.
        halvings: n; each block of 2^n x 2^n pixels is sampled at its first one.

    Returns:
        (H / 2^n, W / 2^n) float32, rounded up; 1 where the window has no hole pixel.
    """
    side = 1 << halvings
    height, width = (hole.shape[0] + side - 1) // side, (hole.shape[1] + side - 1) // side
    result = np.ones((height, width), np.float32)
    columns = np.zeros((width, 4))  # sums of the rows around: differences of RGB, and their number
    for row in range(height + _RADIUS):
        if row < height:
            _add_row(image, offsets, hole, side, row, 1.0, columns)
        if row > 2 * _RADIUS:
            _add_row(image, offsets, hole, side, row - 2 * _RADIUS - 1, -1.0, columns)
        if row < _RADIUS:
            continue
        sums = np.zeros(4)
        for x in range(width + _RADIUS):
            for k in range(4):  # several times as fast as sums of slices
                if x < width:
                    sums[k] += columns[x, k]
                if x > 2 * _RADIUS:
                    sums[k] -= columns[x - 2 * _RADIUS - 1, k]
            if x >= _RADIUS and sums[3] > 0.5:
                squares = (sums[0] ** 2 + sums[1] ** 2 + sums[2] ** 2) / sums[3] ** 2
                result[row - _RADIUS, x - _RADIUS] = np.sqrt(1 + (squares / _SCALE**2) ** 2)
    return result


@njit(cache=True, nogil=True)
def _add_row(
    image: np.ndarray,
    offsets: np.ndarray,
    hole: np.ndarray,
    side: int,
    row: int,
    sign: float,
    columns: np.ndarray,
) -> None:
    """Add or subtract a row of blocks."""
    y = row * side
    for column in range(len(columns)):
        x = column * side
        if hole[y, x]:
            v, u = y + offsets[y, x, 0], x + offsets[y, x, 1]
            for c in range(3):
                columns[column, c] += sign * (image[y, x, c] - image[v, u, c])
            columns[column, 3] += sign

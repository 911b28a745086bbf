"""Where a soft fill is wrong, told by the pieces that are copied into it.

A network carries colours on from the hole's boundary: also those of an object of which a rest was
left outside the hole, as a haze. Pieces are chosen to go together with each other and with the
whole boundary. Where the fill's mean colour is far from theirs, it is therefore the fill that is
wrong, and its colours count less: the weight of a difference falls to nothing with its size, as
that of an outlier does in robust regression with a redescending estimator (Geman and McClure,
"Statistical methods for tomographic image reconstruction", 1987).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_RADIUS = 4  # blocks, of the square in which mean colours are compared
_FAR = 0.25  # distance of mean colours at which the fill's weight is half


@njit(cache=True, nogil=True)
def doubt(image: np.ndarray, offsets: np.ndarray, hole: np.ndarray, halvings: int) -> np.ndarray:
    """What to multiply the length with beyond which the fill's colours count: 1 to infinity.

    The weight of the fill is one over the length squared; it becomes 1 / (1 + (d / _FAR)^4) of
    that, d the distance of the mean colours of fill and copied pixels around a place.

    Args:
        image: (H, W, 3) float32, with the soft fill.
        offsets: (H, W, 2) int16, (rows, columns) to the pixel that is copied.
        hole: (H, W) bool.
        halvings: n, of the result; each block of 2^n x 2^n pixels is told by its first one.

    Returns:
        (H / 2^n, W / 2^n) float32, rounded up; 1 around places without a hole.
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
                result[row - _RADIUS, x - _RADIUS] = np.sqrt(1 + (squares / _FAR**2) ** 2)
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

"""Features by which pixels of a hole are matched with sources: blurred colours and texture energy.

The network's fill is soft and the known part is not, so colours are compared after a blur that
makes both alike. What the blur removes is texture; its standard deviation is compared as well. In
the hole it is estimated from the known pixels around it that have the fill's colours: without that,
a smooth fill would be matched with smooth sources.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numba import njit

from inpaint.texture.pyramid import Level, blur

_STEP = 2  # px from a pixel to the four others whose colours are compared
_TEXTURE = 0.5  # weight of a difference in the standard deviation of texture
_SAMPLES = 250  # known pixels from which the texture in the hole is estimated
_NEAR = 4  # px from the hole to the farthest of them
_POSITION = 2.0  # px, distance of a sample at which its weight is half
_COLOUR = 0.1  # standard deviation, over the difference of colours, of the weight of a sample


class Features:
    """Per-pixel features that `feature_distance` compares.

    Attributes:
        colours: (H, W, 3) float32, blurred.
        texture: (H, W) float32, weighted standard deviation of what the blur takes away.
    """

    def __init__(self, level: Level, sigma: float) -> None:
        self.colours = blur(level.image, sigma)
        self.texture = np.float32(_TEXTURE) * np.sqrt(level.variance)

    def estimate_texture(self, level: Level) -> None:
        """Set the texture in the level's hole from the known pixels around it, in place."""
        rows, columns = np.nonzero(level.source & dilate(level.hole, _NEAR))
        if not len(rows):
            rows, columns = np.nonzero(level.source)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLES)).astype(np.int64)
        _estimate(self.colours, self.texture, level.hole, rows[chosen], columns[chosen])


@njit(cache=True, nogil=True)
def feature_distance(
    colours: np.ndarray, texture: np.ndarray, y: int, x: int, v: int, u: int
) -> float:
    """Mean squared difference of the features of the pixels (y, x) and (v, u).

    Too little texture at the source (v, u) counts four times as much as too much.
    """
    height, width = texture.shape
    total = 0.0
    for tap in range(5):
        dy = (0, -_STEP, _STEP, 0, 0)[tap]
        dx = (0, 0, 0, -_STEP, _STEP)[tap]
        a, b = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
        c, d = min(max(v + dy, 0), height - 1), min(max(u + dx, 0), width - 1)
        for channel in range(3):
            difference = colours[a, b, channel] - colours[c, d, channel]
            total += difference * difference
    difference = texture[y, x] - texture[v, u]
    if difference > 0:
        difference *= 2.0
    return total / 5 + difference * difference


def prefers_first(
    first: Features, second: Features, hole: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Where a hole's sources are nearer to the first fill than to the second: (H, W) bool.

    Args:
        first, second: Features of the same known part with two fills.
        hole: (H, W) bool.
        offsets: (H, W, 2), (rows, columns) to the sources.
    """
    found = np.zeros(hole.shape, np.bool_)
    _prefers_first(
        first.colours, first.texture, second.colours, second.texture, hole, offsets, found
    )  # fmt: skip
    return found


@njit(cache=True, nogil=True)
def _prefers_first(
    colours: np.ndarray,
    texture: np.ndarray,
    other_colours: np.ndarray,
    other_texture: np.ndarray,
    hole: np.ndarray,
    offsets: np.ndarray,
    found: np.ndarray,
) -> None:
    for y in range(hole.shape[0]):
        for x in range(hole.shape[1]):
            if hole[y, x]:
                v, u = y + offsets[y, x, 0], x + offsets[y, x, 1]
                cost = feature_distance(colours, texture, y, x, v, u)
                found[y, x] = cost < feature_distance(other_colours, other_texture, y, x, v, u)


def dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask, (H, W) bool, dilated by a square of 2 * radius + 1 px."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square).astype(bool)


@njit(cache=True, nogil=True)
def _estimate(
    colours: np.ndarray,
    texture: np.ndarray,
    hole: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    for y in range(hole.shape[0]):
        for x in range(hole.shape[1]):
            if not hole[y, x]:
                continue
            weights = total = 0.0
            for i in range(len(rows)):
                v, u = rows[i], columns[i]
                squares = 0.0
                for c in range(3):
                    squares += (colours[y, x, c] - colours[v, u, c]) ** 2
                far = (v - y) ** 2 + (u - x) ** 2
                weight = math.exp(-squares / (2 * _COLOUR**2)) / (far + _POSITION**2)
                weights += weight
                total += weight * texture[v, u] ** 2
            texture[y, x] = math.sqrt(total / max(weights, 1e-12))

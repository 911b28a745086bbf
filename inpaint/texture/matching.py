"""What places of an image are compared by: blurred colours around them, and how textured they are.

The network's fill is soft and the known part is not, so colours are compared after a blur that
leaves both sides alike. What the blur takes away is texture; its amount is compared as well, and
what is expected in the hole is told by the known pixels around it that have the fill's colours.
Without that, a smooth fill would find smooth sources.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from inpaint.texture.pyramid import Level, blur

_TAP = 2  # px from a place to the four others whose colours are compared
_TEXTURE = 0.5  # weight of a difference in the standard deviation of texture
_SAMPLES = 250  # known pixels that tell the texture expected in the hole
_NEAR = 4  # px from the hole to the farthest of them
_PLACE = 2.0  # px, distance of a sample at which its weight falls
_COLOUR = 0.1  # standard deviation of colours of samples that tell


class Appearance:
    """Arrays that `distance` compares.

    Attributes:
        colours: (H, W, 3) float32, blurred.
        texture: (H, W) float32, weighted standard deviation of what the blur takes away.
    """

    def __init__(self, level: Level, sigma: float) -> None:
        self.colours = blur(level.image, sigma)
        self.texture = np.float32(_TEXTURE) * np.sqrt(level.variance)

    def expect_texture(self, level: Level) -> None:
        """Give the level's hole the texture of the known pixels around it."""
        rows, columns = np.nonzero(level.source & near(level.hole, _NEAR))
        if not len(rows):
            rows, columns = np.nonzero(level.source)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLES)).astype(np.int64)
        _expect(self.colours, self.texture, level.hole, rows[chosen], columns[chosen])


@njit(cache=True, nogil=True)
def distance(colours: np.ndarray, texture: np.ndarray, y: int, x: int, v: int, u: int) -> float:
    """Mean squared difference of the places (y, x) and (v, u), see Appearance."""
    height, width = texture.shape
    total = 0.0
    for tap in range(5):
        dy = (0, -_TAP, _TAP, 0, 0)[tap]
        dx = (0, 0, 0, -_TAP, _TAP)[tap]
        a, b = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
        c, d = min(max(v + dy, 0), height - 1), min(max(u + dx, 0), width - 1)
        for channel in range(3):
            difference = colours[a, b, channel] - colours[c, d, channel]
            total += difference * difference
    difference = texture[y, x] - texture[v, u]
    if difference > 0:
        difference *= 2.0
    return total / 5 + difference * difference


def closer(
    first: Appearance, second: Appearance, hole: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Where a hole's sources are more like it in the first appearance: (H, W) bool.

    Args:
        first, second: Of the same known part, with different fills.
        hole: (H, W) bool.
        offsets: (H, W, 2), (rows, columns) to the sources.
    """
    found = np.zeros(hole.shape, np.bool_)
    _closer(
        first.colours, first.texture, second.colours, second.texture, hole, offsets, found
    )  # fmt: skip
    return found


@njit(cache=True, nogil=True)
def _closer(
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
                cost = distance(colours, texture, y, x, v, u)
                found[y, x] = cost < distance(other_colours, other_texture, y, x, v, u)


@njit(cache=True, nogil=True)
def near(hole: np.ndarray, radius: int) -> np.ndarray:
    """Whether a hole pixel lies within `radius` rows and columns: (H, W) bool."""
    height, width = hole.shape
    rows = np.zeros((height, width), np.bool_)
    found = np.zeros((height, width), np.bool_)
    for y in range(height):
        last = -radius - 1
        for x in range(width):
            if hole[y, x]:
                for u in range(max(x - radius, last + 1, 0), min(x + radius + 1, width)):
                    rows[y, u] = True
                last = min(x + radius, width - 1)
    for y in range(height):
        for v in range(max(y - radius, 0), min(y + radius + 1, height)):
            for x in range(width):
                found[y, x] |= rows[v, x]
    return found


@njit(cache=True, nogil=True)
def _expect(
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
                unlike = 0.0
                for c in range(3):
                    unlike += (colours[y, x, c] - colours[v, u, c]) ** 2
                far = (v - y) ** 2 + (u - x) ** 2
                weight = math.exp(-unlike / (2 * _COLOUR**2)) / (far + _PLACE**2)
                weights += weight
                total += weight * texture[v, u] ** 2
            texture[y, x] = math.sqrt(total / max(weights, 1e-12))

"""Image pyramids that know what is hole, and how much texture each pixel stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True)
class Level:
    """An image at one scale; all arrays have its size.

    Attributes:
        image: (H, W, 3) float32 RGB in [0, 1], in the hole: the fill so far.
        variance: (H, W) float32, of the gray values of the full-size pixels below each pixel, scale
            by scale: 0 at full size.
        hole: (H, W) bool, True = has hole pixels below it.
        known: (H, W) bool, True = all below is known.
        source: (H, W) bool, True = all below may be copied.
    """

    image: np.ndarray
    variance: np.ndarray
    hole: np.ndarray
    known: np.ndarray
    source: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.hole.shape[0], self.hole.shape[1]

    def halved(self) -> Level:
        """The level at half its size, rounded up."""
        return Level(*_halve(self.image, self.variance, self.hole, self.known, self.source))


@njit(cache=True, nogil=True)
def is_source(source: np.ndarray, y: int, x: int) -> bool:
    """Whether a pixel lies in the image and may be copied."""
    return y >= 0 and x >= 0 and y < source.shape[0] and x < source.shape[1] and source[y, x]


@njit(cache=True, nogil=True)
def _halve(
    image: np.ndarray,
    variance: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    source: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    height, width = hole.shape
    size = (height + 1) // 2, (width + 1) // 2
    half = np.zeros((size[0], size[1], 3), np.float32)
    half_variance = np.zeros(size, np.float32)
    half_hole = np.zeros(size, np.bool_)
    half_known = np.ones(size, np.bool_)
    half_source = np.ones(size, np.bool_)
    for y in range(size[0]):
        for x in range(size[1]):
            count = 0
            total = squares = below = 0.0
            for v in range(2 * y, 2 * y + 2):
                for u in range(2 * x, 2 * x + 2):
                    if v >= height or u >= width:
                        half_source[y, x] = False
                        continue
                    gray = (image[v, u, 0] + image[v, u, 1] + image[v, u, 2]) / 3.0
                    for c in range(3):
                        half[y, x, c] += image[v, u, c]
                    count += 1
                    total += gray
                    squares += gray * gray
                    below += variance[v, u]
                    half_hole[y, x] |= hole[v, u]
                    half_known[y, x] &= known[v, u]
                    half_source[y, x] &= source[v, u]
            for c in range(3):
                half[y, x, c] /= count
            spread = squares / count - (total / count) ** 2
            half_variance[y, x] = below / count + max(spread, 0.0)
    return half, half_variance, half_hole, half_known, half_source


@njit(cache=True, nogil=True)
def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur of (H, W, 3) float32 with replicated borders; the same bytes everywhere."""
    radius = int(np.ceil(3.0 * sigma))
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2.0 * sigma**2))
    kernel /= kernel.sum()
    height, width = image.shape[:2]
    rows = np.zeros_like(image)
    result = np.zeros_like(image)
    for y in range(height):
        for k in range(2 * radius + 1):
            v = min(max(y + k - radius, 0), height - 1)
            for x in range(width):
                for c in range(3):
                    rows[y, x, c] += kernel[k] * image[v, x, c]
    for y in range(height):
        for x in range(width):
            for k in range(2 * radius + 1):
                u = min(max(x + k - radius, 0), width - 1)
                for c in range(3):
                    result[y, x, c] += kernel[k] * rows[y, u, c]
    return result

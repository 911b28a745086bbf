"""Images made smaller for the network, and its answers made larger again, in bounded memory.

What is large goes through without a copy of its own as floats, of 12 bytes a pixel; the values are
those of OpenCV's INTER_AREA and INTER_CUBIC to rounding.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from inpaint.inference.compositing import to_rgb
from inpaint.inference.tiling import scaled_size
from inpaint.utils.rectangles import Rectangle

MOST_PIXELS = 2**23  # of what is held as floats at once: 100 MB
_CUBIC = -0.75  # OpenCV's coefficient


def downscale(
    colours: np.ndarray, known: np.ndarray, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """An image made smaller, (h, w, 3) in [0, 1], with its mask (h, w) in {0, 1}, both float32.

    A small pixel is the mean of the known pixels below it, so that nothing leaks out of the
    hole, and is known when half of them are.

    Args:
        colours: (H, W) or (H, W, 1 or 3) of any dtype.
        known: (H, W) bool.
        factor: 1 or more.
    """
    height, width = scaled_size(known.shape, factor)
    if (height, width) == known.shape:
        return to_rgb(colours), known.astype(np.float32)
    if known.size > MOST_PIXELS:
        full = 1.0 if colours.dtype.kind == "f" else float(np.iinfo(colours.dtype).max)
        planes = colours if colours.ndim == 3 else colours[..., None]
        image, share = _area_means(planes, known, full, height, width)
    else:
        image, valid = to_rgb(colours), known.astype(np.float32)
        share = cv2.resize(valid, (width, height), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image * valid[..., None], (width, height), interpolation=cv2.INTER_AREA)
        image = image / np.maximum(share, 1e-6)[..., None]
    return image, (share >= 0.5).astype(np.float32)


class Enlarged:
    """An image as large as another one, of which parts are made when they are asked for."""

    def __init__(self, image: np.ndarray, size: tuple[int, int]) -> None:
        """image: (h, w, 3) float32. size: (height, width) that it gets."""
        self._image = image
        self._size = size
        self._columns: slice | None = None
        if image.shape[:2] != size and size[0] * size[1] <= MOST_PIXELS:
            self._image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)

    def part(self, part: Rectangle) -> np.ndarray:
        """A part of the enlarged image: (H, W, 3) float32."""
        if self._image.shape[:2] == self._size:
            return self._image[part]
        rows, columns = part
        if columns != self._columns:
            self._columns = columns
            self._wide = _cubic(self._image, 1, columns, self._size[1])
        return _cubic(self._wide, 0, rows, self._size[0])


def _cubic(image: np.ndarray, axis: int, span: slice, length: int) -> np.ndarray:
    """A span of an axis that is made `length` pixels long, by cubic interpolation."""
    side = image.shape[axis]
    places = (np.arange(span.start, span.stop) + 0.5) * side / length - 0.5
    first = np.floor(places).astype(np.int64)
    t = places - first
    a = _CUBIC
    far, near = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a, ((a + 2) * t - a - 3)
    weights = [far, near * t * t + 1, ((a + 2) * (1 - t) - a - 3) * (1 - t) ** 2 + 1]
    weights.append(1 - weights[0] - weights[1] - weights[2])
    shape = (-1, 1) if axis == 1 else (-1, 1, 1)
    total: np.ndarray | None = None
    for tap, weight in enumerate(weights):
        values = np.take(image, (first - 1 + tap).clip(0, side - 1), axis)
        values *= weight.astype(np.float32).reshape(shape)
        total = values if total is None else np.add(total, values, out=total)
    assert total is not None
    return total


@njit(cache=True, nogil=True)
def _area_means(
    colours: np.ndarray, known: np.ndarray, full: float, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the known colours below each pixel of a smaller image, and their share."""
    down, across = height / known.shape[0], width / known.shape[1]
    channels = colours.shape[2]
    sums = np.zeros((height, width, 3))
    share = np.zeros((height, width))
    for y in range(known.shape[0]):
        top = min(int(y * down), height - 1)
        upper = min(1.0, (top + 1 - y * down) / down)
        for x in range(known.shape[1]):
            if not known[y, x]:
                continue
            left = min(int(x * across), width - 1)
            outer = min(1.0, (left + 1 - x * across) / across)
            for a in range(2):
                part = upper if a == 0 else 1 - upper
                if part <= 0 or top + a >= height:
                    continue
                for b in range(2):
                    weight = part * (outer if b == 0 else 1 - outer) * down * across
                    if weight <= 0 or left + b >= width:
                        continue
                    share[top + a, left + b] += weight
                    for c in range(3):
                        value = colours[y, x, c % channels] / full
                        if not np.isnan(value):
                            sums[top + a, left + b, c] += weight * value
    image = np.zeros((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                image[y, x, c] = sums[y, x, c] / max(share[y, x], 1e-6)
    return image, share.astype(np.float32)

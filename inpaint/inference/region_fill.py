"""The fill of a region: colours of its hole pixels and of no others.

The box of a slanted stroke across a large photo is nearly all of it, and the stroke a hundredth.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from inpaint.inference.compositing import from_rgb
from inpaint.inference.scaling import MOST_PIXELS
from inpaint.inference.tiling import Region
from inpaint.utils.rectangles import Rectangle, bands, relative


class RegionFill:
    """Colours of a region's hole pixels.

    Attributes:
        box: Where the region lies.
        mask: (H, W) bool, of the size of `box`, True = hole.
        colours: (N, 3) float32 RGB in [0, 1], row by row; 0 until they are given.
    """

    def __init__(self, region: Region) -> None:
        self.box = region.box
        self.mask = region.mask
        self._starts = np.zeros(len(self.mask) + 1, np.int64)
        np.cumsum(np.count_nonzero(self.mask, axis=1), out=self._starts[1:])
        self.clear()

    def clear(self) -> None:
        """Forget the colours: memory that is not written to again goes back to the system."""
        self.colours = np.zeros((self._starts[-1], 3), np.float32)

    def rows(self, span: slice) -> np.ndarray:
        """Colours of the rows of a span, a view."""
        return self.colours[self._starts[span.start] : self._starts[span.stop]]

    def parts(self, pixels: int) -> list[Rectangle]:
        """Bands of rows of the image that hold the hole, each about so many pixels at most.

        A band has 256 rows at least, and the columns from its first to its last hole pixel.
        """
        found = []
        for rows, columns in bands(self.box, pixels):
            used = np.flatnonzero(self.mask[relative((rows, columns), self.box)].any(0))
            if len(used):
                across = slice(columns.start + int(used[0]), columns.start + int(used[-1]) + 1)
                found.append((rows, across))
        return found

    def put(self, part: Rectangle, image: np.ndarray) -> None:
        """Take the hole's colours in a part from an image of its size, (h, w, 3) float32.

        part: In coordinates of the box.
        """
        _put(self.colours, self.mask, self._starts, part[0].start, part[1].start, image)

    def paste(self, part: Rectangle, image: np.ndarray) -> None:
        """Give the hole's colours in a part to an image of its size, (h, w, 3) float32, in place.

        part: In coordinates of the box.
        """
        _paste(self.colours, self.mask, self._starts, part[0].start, part[1].start, image)

    def write(self, image: np.ndarray, *, gray: bool) -> None:
        """Give the colours to the hole of an image, (H, W) or (H, W, C) of any dtype, in place.

        gray: Without colour.
        """
        for part in bands(self.box, MOST_PIXELS // 2):
            inside = relative(part, self.box)
            colours = from_rgb(self.rows(inside[0]), image, gray=gray)
            image[part][self.mask[inside]] = colours

    def add(self, part: Rectangle, image: np.ndarray, weight: np.ndarray, sums: np.ndarray) -> None:
        """Add the weighted colours of an image, (h, w, 3), and the weights, (h, w), to `sums`.

        Args:
            part: In coordinates of the box.
            image: (h, w, 3) float32.
            weight: (h, w) float32.
            sums: (N,) float32, the sum of each pixel's weights.
        """
        top, left = part[0].start, part[1].start
        _add(self.colours, sums, self.mask, self._starts, top, left, image, weight)


@njit(cache=True, nogil=True)
def _put(
    colours: np.ndarray,
    mask: np.ndarray,
    starts: np.ndarray,
    top: int,
    left: int,
    image: np.ndarray,
) -> None:
    for y in range(image.shape[0]):
        number = starts[top + y] + np.count_nonzero(mask[top + y, :left])
        for x in range(image.shape[1]):
            if mask[top + y, left + x]:
                for c in range(3):
                    colours[number, c] = image[y, x, c]
                number += 1


@njit(cache=True, nogil=True)
def _paste(
    colours: np.ndarray,
    mask: np.ndarray,
    starts: np.ndarray,
    top: int,
    left: int,
    image: np.ndarray,
) -> None:
    for y in range(image.shape[0]):
        number = starts[top + y] + np.count_nonzero(mask[top + y, :left])
        for x in range(image.shape[1]):
            if mask[top + y, left + x]:
                for c in range(3):
                    image[y, x, c] = colours[number, c]
                number += 1


@njit(cache=True, nogil=True)
def _add(
    colours: np.ndarray,
    sums: np.ndarray,
    mask: np.ndarray,
    starts: np.ndarray,
    top: int,
    left: int,
    image: np.ndarray,
    weight: np.ndarray,
) -> None:
    for y in range(image.shape[0]):
        number = starts[top + y] + np.count_nonzero(mask[top + y, :left])
        for x in range(image.shape[1]):
            if mask[top + y, left + x]:
                for c in range(3):
                    colours[number, c] += weight[y, x] * image[y, x, c]
                sums[number] += weight[y, x]
                number += 1

"""Sources for a tile of texture deep in a very large hole, where the tile sees nothing known.

The nearest block of the photo that may be copied is put beside the tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.utils.rectangles import Rectangle

_STEP = 32  # px between the places that are looked at
_GAP = 64  # px between tile and block, so that the hole counts as deep beside it
_LEAST_SHARE = 0.25  # of a block that may be copied
_ABOUT = 0.9  # a nearer block is taken that has so much of the largest share


@dataclass(frozen=True)
class Sources:
    """A block of an image; its arrays are as high as the tile's context.

    Attributes:
        image: (H, W, 3) float32 RGB in [0, 1].
        allowed: (H, W) bool, True = may be copied.
    """

    image: np.ndarray
    allowed: np.ndarray

    def beside(
        self, image: np.ndarray, hole: np.ndarray, ignore: np.ndarray, exclude: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The arguments of `synthesize` with the block on the right of them."""
        gap = np.repeat(self.image[:, :1], _GAP, axis=1)
        width = _GAP + self.allowed.shape[1]
        not_allowed = np.ones((len(hole), width), bool)
        not_allowed[:, _GAP:] = ~self.allowed
        nothing = np.zeros((len(hole), width), bool)
        return (
            np.concatenate([image, gap, self.image], axis=1),
            np.concatenate([hole, nothing], axis=1),
            np.concatenate([ignore, not_allowed], axis=1),
            np.concatenate([exclude, nothing], axis=1),
        )


def nearest_block(copyable: list[tuple[np.ndarray, bool]], context: Rectangle) -> Rectangle | None:
    """The nearest block that may be copied, as high as a tile's context and half as wide.

    Args:
        copyable: Arrays (H, W) bool of the image's size, and what they are where copying is
            allowed.
        context: Of the tile.
    """
    seen = [array[::_STEP, ::_STEP] == value for array, value in copyable]
    allowed = np.logical_and.reduce(seen).astype(np.uint8)
    rows, columns = context
    size = rows.stop - rows.start, (columns.stop - columns.start) // 2
    height, width = (max(1, side // _STEP) for side in size)
    if height > allowed.shape[0] or width > allowed.shape[1]:
        return None
    sums = cv2.integral(allowed)
    counts = sums[height:, width:] - sums[:-height, width:]
    counts = counts - sums[height:, :-width] + sums[:-height, :-width]
    most = counts.max()
    if most < _LEAST_SHARE * height * width:
        return None
    places = np.argwhere(counts >= _ABOUT * most)
    middle = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
    distance = sum(
        np.square(places[:, axis] * _STEP + size[axis] / 2 - middle[axis]) for axis in (0, 1)
    )
    limits = copyable[0][0].shape
    top, left = (
        min(int(first) * _STEP, limit - side)
        for first, limit, side in zip(places[np.argmin(distance)], limits, size, strict=True)
    )
    return slice(top, top + size[0]), slice(left, left + size[1])

"""What a person draws to point at an object: a circle around it, dabs on it, and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

CLOSED = 0.3  # gap between the ends of a circle, at most, as a share of its length
ROUND = 3.0  # a circle is so many times as wide as the brush at least

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke of the brush.

    Attributes:
        points: (N, 2) float, x and y in pixels of the image.
        radius: Of the brush, in pixels.
        erase: Whether it takes away from the object.
    """

    points: np.ndarray
    radius: float
    erase: bool = False

    @property
    def is_circle(self) -> bool:
        """Whether the stroke goes round an object instead of lying on it."""
        if self.erase or len(self.points) < 3:
            return False
        length = np.hypot(*np.diff(self.points, axis=0).T).sum()
        gap = np.hypot(*(self.points[-1] - self.points[0]))
        area = cv2.contourArea(self.points.astype(np.float32))
        width = 2 * area / max(length / 2, 1e-6)  # of a long thin loop, about its real width
        return bool(gap <= CLOSED * length and width > 2 * ROUND * self.radius)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what the brush covers."""
        low, high = self.points.min(0) - self.radius, self.points.max(0) + self.radius
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def draw(self, size: tuple[int, int], *, scale: float, left: float, top: float) -> np.ndarray:
        """Where the stroke lies in a part of the image that is shown at another scale.

        A circle covers all inside of it.

        Args:
            size: (height, width) of the result.
            scale: Pixels of the result for one of the image.
            left, top: Corner of the part, in pixels of the image.

        Returns:
            (height, width) bool.
        """
        canvas = np.zeros(size, np.uint8)
        places = np.rint((self.points - (left, top)) * scale).astype(np.int32)
        if self.is_circle:
            cv2.fillPoly(canvas, [places], 1)
            return canvas.astype(bool)
        thickness = max(1, round(2 * self.radius * scale))
        cv2.polylines(canvas, [places], False, 1, thickness)
        for x, y in (places[0], places[-1]):
            cv2.circle(canvas, (int(x), int(y)), thickness // 2, 1, -1)
        return canvas.astype(bool)


def dilate_object(
    box: Box, mask: np.ndarray, pixels: int, size: tuple[int, int]
) -> tuple[Box, np.ndarray]:
    """An object grown by so many pixels, in a box that is larger as far as the image reaches.

    Args:
        box: Of the object, in the image.
        mask: (h, w) bool of the box, True = object.
        pixels: 0 or more.
        size: (height, width) of the image.
    """
    rows, columns = (
        slice(max(0, span.start - pixels), min(length, span.stop + pixels))
        for span, length in zip(box, size, strict=True)
    )
    whole = np.ones((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    top, left = box[0].start - rows.start, box[1].start - columns.start
    whole[top : top + mask.shape[0], left : left + mask.shape[1]] = ~mask
    distance = cv2.distanceTransform(whole, cv2.DIST_L2, cv2.DIST_MASK_5)
    return (rows, columns), distance <= pixels


def corrected(mask: np.ndarray, strokes: Sequence[Stroke], window: Box) -> np.ndarray:
    """The mask with what was drawn for sure: dabs belong to the object, erased parts don't."""
    rows, columns = window
    for stroke in strokes:
        if not stroke.is_circle:
            covered = stroke.draw(mask.shape, scale=1, left=columns.start, top=rows.start)
            mask[covered] = not stroke.erase
    return mask


def tight(window: Box, mask: np.ndarray) -> tuple[Box, np.ndarray]:
    """A window and its mask without the empty border."""
    found = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(found[0]):
        return window, mask
    inner = tuple(slice(int(places[0]), int(places[-1]) + 1) for places in found)
    outer = tuple(
        slice(span.start + part.start, span.start + part.stop)
        for span, part in zip(window, inner, strict=True)
    )
    return (outer[0], outer[1]), mask[inner]

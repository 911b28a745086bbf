"""What a person draws to point at an object: a circle around it, dabs on it, and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.utils.rectangles import Rectangle

CLOSED = 0.3  # gap between the ends of a circle, at most, as a share of its length
ROUND = 3.0  # least width of a circle, in widths of the brush


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
        """Whether the stroke goes around an object instead of lying on it."""
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


def corrected(mask: np.ndarray, strokes: Sequence[Stroke], window: Rectangle) -> np.ndarray:
    """The mask, changed in place: dabs belong to the object, erased parts do not."""
    rows, columns = window
    for stroke in strokes:
        if not stroke.is_circle:
            covered = stroke.draw(mask.shape, scale=1, left=columns.start, top=rows.start)
            mask[covered] = not stroke.erase
    return mask

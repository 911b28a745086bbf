"""From strokes on the small copy in the editor to a hole at the photo's own size, and back."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.app.session import Session

# Of the copy in the editor. More costs time to send and to paint on; less than the least makes
# tiny images hard to hit.
MOST_SIDE = 1400
LEAST_SIDE = 360


def size_shown(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the copy in the editor for a photo of (height, width)."""
    longest = max(size)
    factor = min(max(longest, LEAST_SIDE), MOST_SIDE) / longest
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def hole_of(session: Session, painted: np.ndarray | None) -> np.ndarray:
    """The hole, (H, W) bool, at the photo's own size.

    painted: bool, what the editor holds; None = it says nothing yet, as in the second after a mask
    was put into it. Where a hole was put into the editor and nobody painted since, the hole counts
    at its full detail.
    """
    if painted is None:
        return np.zeros(session.size, np.bool_) if session.given is None else session.given.unpack()
    painted = scaled(painted, session.shown_size)
    if session.given is None or session.shown is None:
        return scaled(painted, session.size)
    changed = scaled(painted != session.shown.unpack(), session.size)
    return np.where(changed, scaled(painted, session.size), session.given.unpack())


def hole_shown(hole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A hole at the size of the copy in the editor, in which thin parts do not vanish."""
    if size[0] >= hole.shape[0]:
        return scaled(hole, size)
    share = cv2.resize(hole.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return share > 0


def layer_of(hole: np.ndarray, colour: tuple[int, int, int], opacity: float) -> np.ndarray:
    """A layer for the editor, (H, W, 4) uint8 RGBA, painted where the hole is."""
    layer = np.zeros((*hole.shape, 4), np.uint8)
    layer[hole] = (*colour, round(255 * opacity))
    return layer


def scaled(hole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A hole at another (height, width), by nearest neighbour."""
    if hole.shape == size:
        return hole
    small = cv2.resize(hole.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return small.view(np.bool_)

"""How the pictures of this folder show a hole."""

from __future__ import annotations

import numpy as np

HOLE_COLOUR = (235, 60, 90)  # RGB


def marked(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The photo, (H, W, 3) uint8, seen through the colour where the hole, (H, W) bool, is."""
    tinted = (photo + 3 * np.array(HOLE_COLOUR)) // 4
    return np.where(hole[..., None], tinted, photo).astype(np.uint8)

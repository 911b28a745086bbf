"""Distance transforms."""

from __future__ import annotations

import cv2
import numpy as np

_FAR = np.float32(2**20)  # px; OpenCV's own is too large to be squared


def hole_depth(hole: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a hole from the nearest pixel outside it, px; 0 outside.

    Args:
        hole: (H, W) bool.

    Returns:
        (H, W) float32; larger than any image where there is no pixel outside the hole.
    """
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bit depends on where the array lies in memory. Squares are whole numbers.
    return np.sqrt(np.rint(np.square(np.minimum(depth, _FAR))))

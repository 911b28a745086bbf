"""Distance transforms."""

from __future__ import annotations

import cv2
import numpy as np


def depth_of(hole: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a hole, (H, W) bool, from the nearest other pixel, px; 0 outside.

    (H, W) float32; larger than any picture where there is no other pixel.
    """
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bit depends on where the array lies in memory. Squares are whole numbers.
    return np.sqrt(np.rint(np.square(depth)))

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
    view = np.ascontiguousarray(hole).view(np.uint8)
    depth = cv2.distanceTransform(view, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bit depends on where the array lies in memory. Squares are whole numbers.
    np.minimum(depth, _FAR, out=depth)
    for function in (np.square, np.rint, np.sqrt):
        function(depth, out=depth)  # in place: of a large photo each copy takes 0.4 GB
    return depth

"""Distance transforms."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.utils.rectangles import bounding_box, dilate

_FAR = np.float32(2**20)  # px; OpenCV's own is too large to be squared
_WORTH = 0.8  # share of the image around the hole up to which it is cut out


def hole_depth(hole: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a hole from the nearest pixel outside it, px; 0 outside.

    Args:
        hole: (H, W) bool.

    Returns:
        (H, W) float32; larger than any image where there is no pixel outside the hole.
    """
    box = bounding_box(hole)
    if box is None:
        return np.zeros(hole.shape, np.float32)
    frame = dilate(box, 1, hole.shape)  # what is farther away has no say
    if hole[frame].size < _WORTH * hole.size:
        depth = np.zeros(hole.shape, np.float32)
        depth[frame] = _depth(hole[frame])
        return depth
    return _depth(hole)


def _depth(hole: np.ndarray) -> np.ndarray:
    view = np.ascontiguousarray(hole).view(np.uint8)
    depth = cv2.distanceTransform(view, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bit depends on where the array lies in memory. Squares are whole numbers.
    np.minimum(depth, _FAR, out=depth)
    for function in (np.square, np.rint, np.sqrt):
        function(depth, out=depth)  # in place: of a large photo each copy takes 0.4 GB
    return depth

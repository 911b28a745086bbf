"""Crops of an image around an object: their boxes, their masks and reduced copies."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.utils.rectangles import Rectangle, absolute, bounding_box, dilate, relative


def tight(window: Rectangle, mask: np.ndarray) -> tuple[Rectangle, np.ndarray]:
    """A window and its mask without the empty border; both as they are where the mask is empty."""
    inner = bounding_box(mask)
    if inner is None:
        return window, mask
    return absolute(inner, window), mask[inner]


def enlarged(
    box: Rectangle, mask: np.ndarray, margin: int, size: tuple[int, ...]
) -> tuple[Rectangle, np.ndarray]:
    """A box that is larger by a margin as far as the image reaches, and the mask in it.

    Args:
        box: In the image.
        mask: (h, w) bool of the box.
        margin: In pixels.
        size: (height, width) of the image.
    """
    outer = dilate(box, margin, size)
    larger = np.zeros([span.stop - span.start for span in outer], np.bool_)
    larger[relative(box, outer)] = mask
    return outer, larger


def dilate_object(
    box: Rectangle, mask: np.ndarray, pixels: int, size: tuple[int, int]
) -> tuple[Rectangle, np.ndarray]:
    """An object grown by so many pixels, in a box that is larger as far as the image reaches.

    Args:
        box: Of the object, in the image.
        mask: (h, w) bool of the box, True = object.
        pixels: 0 or more.
        size: (height, width) of the image.
    """
    box, mask = enlarged(box, mask, pixels, size)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return box, distance <= pixels


def reduced(image: np.ndarray, side: int, *, enlarge: bool = False) -> tuple[np.ndarray, float]:
    """An image as RGB, (h, w, 3) uint8, whose longer side is at most `side` pixels, and its scale.

    Args:
        image: (H, W) or (H, W, 3) RGB, uint8 or uint16.
        side: In pixels.
        enlarge: Whether the longer side of a smaller image becomes `side`, too.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if not enlarge:
        scale = min(1.0, scale)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small: np.ndarray = cv2.resize(image, size, interpolation=method)
    if small.dtype == np.uint16:
        small = (small >> 8).astype(np.uint8)
    return (small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)), scale

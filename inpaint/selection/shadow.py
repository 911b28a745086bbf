"""The shadow of an object, which is removed with it."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.selection.crops import enlarged, reduced
from inpaint.utils.rectangles import Rectangle

SIDE = 256  # pixels of the longer side of the crop that is looked at
AROUND = 0.6  # of the object's longer side, looked at on each side of it
DARKENED = (0.25, 0.87)  # lightness in a shadow, as a share of that around it
LEAST_DARKENING = 7.0  # by which a shadow is darker than what is around it, in 8-bit lightness
SAME_CHROMA = 14.0  # in 8-bit Lab: a shadow has the colour of what it falls on
MOST_AREA = 1.0  # of a shadow, in areas of the object


def add_shadow(image: np.ndarray, box: Rectangle, mask: np.ndarray) -> tuple[Rectangle, np.ndarray]:
    """An object with its shadow: what is darker beside it, and of the colour of its surroundings.

    Args:
        image: (H, W, 3) RGB or (H, W), uint8 or uint16.
        box: Of the object.
        mask: (h, w) bool of the box, True = object.

    Returns:
        A larger box, and the mask of object and shadow in it.
    """
    margin = round(AROUND * max(mask.shape))
    window, whole = enlarged(box, mask, margin, image.shape[:2])
    small = reduced(image[window], SIDE)[0]
    size = small.shape[1], small.shape[0]
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    coarse = cv2.resize(whole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    shadow = _shadow(lab, coarse).astype(np.float32)
    large = cv2.resize(shadow, whole.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return window, whole | (large > 0.5)


def _shadow(lab: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w) bool, True = shadow of the object. lab: (h, w, 3) float32 of 8-bit Lab."""
    area = int(mask.sum())
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beside = 0.25 * area**0.5
    ground = ~mask & (distance > beside)
    if not area or not ground.any():
        return np.zeros_like(mask)
    weights = cv2.GaussianBlur(ground.astype(np.float32), (0, 0), beside)
    around = cv2.GaussianBlur(lab * ground[..., None], (0, 0), beside)
    around /= np.maximum(weights, 1e-6)[..., None]
    ratio = (lab[..., 0] + 1) / (around[..., 0] + 1)
    chroma = np.linalg.norm(lab[..., 1:] - around[..., 1:], axis=-1)
    dark = (ratio > DARKENED[0]) & (ratio < DARKENED[1]) & (chroma < SAME_CHROMA)
    dark &= (around[..., 0] - lab[..., 0] > LEAST_DARKENING) & (weights > 1e-3) & ~mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    dark = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, parts, areas, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
    touching = np.unique(parts[cv2.dilate(mask.astype(np.uint8), kernel, iterations=2) > 0])
    small = touching[areas[touching, cv2.CC_STAT_AREA] < MOST_AREA * area]
    shadow = np.isin(parts, small[small > 0])
    return cv2.dilate(shadow.astype(np.uint8), kernel).astype(bool) & ~mask

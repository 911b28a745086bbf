"""The shadow that an object throws: it must go with it."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.selection.strokes import Box

SIDE = 256  # pixels of the longer side of the crop that is looked at
AROUND = 0.6  # of the object's longer side, looked at on each side of it
DARKENED = (0.25, 0.87)  # lightness in a shadow, as a share of that around it
LEAST_DARKENING = 7.0  # the same in 8-bit lightness
SAME_CHROMA = 14.0  # in 8-bit Lab: a shadow has the colour of what it falls on
MOST_AREA = 1.0  # of a shadow, in areas of the object


def add_shadow(image: np.ndarray, box: Box, mask: np.ndarray) -> tuple[Box, np.ndarray]:
    """An object with its shadow: what is darker beside it, and of the colour of its surroundings.

    Args:
        image: (H, W, 3) RGB or (H, W), uint8 or uint16.
        box: Of the object.
        mask: (h, w) bool of the box, True = object.

    Returns:
        A larger box, and the mask of object and shadow in it.
    """
    window = _grown(box, mask.shape, image.shape[:2])
    part = image[window]
    top, left = box[0].start - window[0].start, box[1].start - window[1].start
    height, width = part.shape[:2]
    whole = np.zeros((height, width), np.uint8)
    whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(whole, size, interpolation=cv2.INTER_NEAREST).astype(bool)
    shadow = _shadow(_lab(cv2.resize(part, size, interpolation=cv2.INTER_AREA)), small)
    large = cv2.resize(shadow.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return window, (whole > 0) | (large > 0.5)


def _shadow(lab: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w) bool, True = shadow of the object. lab: (h, w, 3) float32 of 8-bit Lab."""
    area = int(mask.sum())
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beside = 0.25 * area**0.5
    ground = ~mask & (distance > beside)
    if not area or not ground.any():
        return np.zeros_like(mask)
    light = np.zeros_like(mask)
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
    for part in touching[touching > 0]:
        if areas[part, cv2.CC_STAT_AREA] < MOST_AREA * area:
            light |= parts == part
    return cv2.dilate(light.astype(np.uint8), kernel).astype(bool) & ~mask if light.any() else light


def _lab(part: np.ndarray) -> np.ndarray:
    if part.dtype == np.uint16:
        part = (part >> 8).astype(np.uint8)
    if part.ndim == 2:
        part = cv2.cvtColor(part, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32)


def _grown(box: Box, shape: tuple[int, int], size: tuple[int, int]) -> Box:
    margin = round(AROUND * max(shape))
    rows, columns = (
        slice(max(0, span.start - margin), min(length, span.stop + margin))
        for span, length in zip(box, size, strict=True)
    )
    return rows, columns

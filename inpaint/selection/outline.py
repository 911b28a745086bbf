"""The outline of a coarse mask, moved to the edges of the image at full size."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.inference.tiling import dilate, relative

TILE = 192  # pixels
SURE = 0.98  # outline: pixels whose share of the object lies between 1 - SURE and SURE
STEP = 3  # every third pixel, in both axes, counts for the mean colours
COARSE_RADIUS = 4  # pixels of the guided filter where its coefficients are computed
EPSILON = 1e-4  # of the guided filter, for gray values in [0, 1]


def refine_outline(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask at the size of the image, with its outline at the image's edges.

    Args:
        image: (H, W) or (H, W, 3), uint8 or uint16.
        mask: (h, w) bool, the same at a smaller size.

    Returns:
        (H, W) bool.
    """
    height, width = image.shape[:2]
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    coarse = share > 0.5
    result = coarse.copy()
    factor = max(height / mask.shape[0], width / mask.shape[1])
    radius = max(2, round(1.5 * factor))
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            core = slice(top, min(height, top + TILE)), slice(left, min(width, left + TILE))
            near = share[core]
            if near.min() > SURE or near.max() < 1 - SURE:
                continue
            outer = dilate(core, 2 * radius, (height, width))
            guide = _guide(image[outer], share[outer])
            smooth = _guided(guide, coarse[outer].astype(np.float32), radius)
            band = (near > 1 - SURE) & (near < SURE)
            result_core = result[core]
            result_core[band] = smooth[relative(core, outer)][band] > 0.5
    return result


def _guided(guide: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """The guided filter of a mask by a gray image, both (h, w) float32.

    Its linear coefficients are computed at a smaller size where the radius is large, as in the fast
    guided filter (He and Sun 2015, arXiv:1505.00996).
    """
    height, width = guide.shape
    step = max(1, radius // COARSE_RADIUS)
    size = max(1, width // step), max(1, height // step)
    small_guide, small_mask = (
        cv2.resize(values, size, interpolation=cv2.INTER_AREA) for values in (guide, mask)
    )
    kernel = (2 * (radius // step) + 1, 2 * (radius // step) + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, kernel)

    mean_guide, mean_mask = mean(small_guide), mean(small_mask)
    variance = mean(small_guide * small_guide) - mean_guide * mean_guide
    covariance = mean(small_guide * small_mask) - mean_guide * mean_mask
    slope = covariance / (variance + EPSILON)
    offset = mean_mask - slope * mean_guide
    slope, offset = (
        cv2.resize(mean(values), (width, height), interpolation=cv2.INTER_LINEAR)
        for values in (slope, offset)
    )
    return slope * guide + offset


def _guide(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The sum of colours in [0, 1], (h, w) float32, in which object and background differ most.

    Absolute weights add up to 1, so that EPSILON has the same meaning for all images.
    """
    most = float(np.iinfo(image.dtype).max)
    if image.ndim == 2:
        return image.astype(np.float32) / most
    colours, share = image[::STEP, ::STEP], share[::STEP, ::STEP]
    inside, outside = colours[share > SURE], colours[share < 1 - SURE]
    weights = np.full(3, 1 / 3)
    if len(inside) and len(outside):
        difference = inside.mean(0) - outside.mean(0)
        if np.abs(difference).sum() > 1e-3 * most:
            weights = difference / np.abs(difference).sum()
    return cv2.transform(image.astype(np.float32), (weights / most)[None].astype(np.float32))

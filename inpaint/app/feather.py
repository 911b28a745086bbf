"""A soft edge inside the hole."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.images import ImageData, with_pixels
from inpaint.utils.rectangles import bounding_box, dilate


def feather(image: ImageData, filled: ImageData, hole: np.ndarray, pixels: int) -> ImageData:
    """`filled`, fading towards the colours around the hole within `pixels` of its edge.

    What lay in the hole does not come back: the fill fades into known colours, spread inwards by
    a Gaussian. Known pixels stay as they are. hole: (H, W) bool.
    """
    holds = bounding_box(hole)
    if pixels <= 0 or holds is None or hole.all():
        return filled
    box = dilate(holds, 3 * pixels, hole.shape)
    inside = hole[box]
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    around = _spread(image.pixels[box], _known(image, hole)[box], pixels)
    weight = np.clip(1 - distance / (pixels + 1), 0, 1) * inside
    weight = weight.reshape(*weight.shape, *[1] * (filled.pixels.ndim - 2))
    weight = np.where(np.isnan(around), 0, weight)  # too far from anything known
    result = filled.pixels.copy()
    mixed = weight * np.nan_to_num(around) + (1 - weight) * result[box]
    result[box][inside] = np.rint(mixed).astype(result.dtype)[inside]
    return with_pixels(filled, result)


def _known(image: ImageData, hole: np.ndarray) -> np.ndarray:
    return ~hole if image.alpha is None else ~hole & (image.alpha > 0)


def _spread(pixels: np.ndarray, known: np.ndarray, reach: int) -> np.ndarray:
    """Gaussian mean of the known pixels near each pixel, float32; NaN where none is near."""
    size = (2 * reach + 1, 2 * reach + 1)
    mask = known.astype(np.float32)
    share = cv2.GaussianBlur(mask, size, reach / 2)
    mask = mask.reshape(*mask.shape, *[1] * (pixels.ndim - 2))
    total = cv2.GaussianBlur(pixels.astype(np.float32) * mask, size, reach / 2)
    share = share.reshape(mask.shape)
    return np.where(share > 1e-6, total / np.maximum(share, 1e-6), np.float32(np.nan))

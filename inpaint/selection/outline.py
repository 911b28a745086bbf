"""The outline of a coarse mask, moved to the edges of the image at full size."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.utils.rectangles import Rectangle, dilate, relative

TILE = 192  # pixels
SURE = 250  # outline: pixels whose share of the object, in 1/255, lies between 255 - SURE and SURE
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
    # In 1/255, as 8 bits are scaled several times faster than floats.
    share = cv2.resize(255 * mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    result = share > 127
    factor = max(height / mask.shape[0], width / mask.shape[1])
    radius = max(2, round(1.5 * factor))
    step = max(1, radius // COARSE_RADIUS)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            core = slice(top, min(height, top + TILE)), slice(left, min(width, left + TILE))
            near = share[core]
            if near.min() > SURE or near.max() < 255 - SURE:
                continue
            outer = _divisible(dilate(core, 2 * radius, (height, width)), step, (height, width))
            smooth = _guided(image[outer], share[outer], relative(core, outer), radius, step)
            band = (near > 255 - SURE) & (near < SURE)
            result[core][band] = smooth[band] > 0.5
    return result


def _divisible(box: Rectangle, step: int, size: tuple[int, int]) -> Rectangle:
    """The box with sides that are multiples of `step`, as far as the image reaches.

    OpenCV scales by whole factors three times faster than by others.
    """
    spans = []
    for span, length in zip(box, size, strict=True):
        missing = (span.start - span.stop) % step
        start = max(0, span.start - missing)
        spans.append(slice(start, min(length, start + span.stop - span.start + missing)))
    return spans[0], spans[1]


def _guided(
    image: np.ndarray, share: np.ndarray, core: Rectangle, radius: int, step: int
) -> np.ndarray:
    """The guided filter of a mask in a core of the image, (h, w) float32.

    Its linear coefficients are computed at a smaller size where the radius is large, as in the fast
    guided filter (He and Sun 2015, arXiv:1505.00996), so that the guide is needed in the core only.

    Args:
        image: Of the core and what is around it.
        share: (H, W) uint8 of the image, in 1/255: the mask is what is above one half.
        core: In the image.
        radius: In pixels of the image.
        step: Pixels of the image for one of the coefficients, in each axis.
    """
    height, width = share.shape
    size = max(1, width // step), max(1, height // step)
    small, small_share = (
        cv2.resize(values, size, interpolation=cv2.INTER_AREA) for values in (image, share)
    )
    weights = _weights(small, small_share)
    small_guide = _guide(small, weights)
    binary = cv2.threshold(share, 127, 255, cv2.THRESH_BINARY)[1]
    small_mask = cv2.resize(binary, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    kernel = (2 * (radius // step) + 1, 2 * (radius // step) + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, kernel)

    mean_guide, mean_mask = mean(small_guide), mean(small_mask)
    variance = mean(small_guide * small_guide) - mean_guide * mean_guide
    covariance = mean(small_guide * small_mask) - mean_guide * mean_mask
    slope = covariance / (variance + EPSILON)
    offset = mean_mask - slope * mean_guide
    slope, offset = (
        cv2.resize(mean(values), (width, height), interpolation=cv2.INTER_LINEAR)[core]
        for values in (slope, offset)
    )
    return slope * _guide(image[core], weights) + offset


def _guide(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted sum of colours, (h, w) float32."""
    colours = image.astype(np.float32)
    return colours * weights[0] if image.ndim == 2 else cv2.transform(colours, weights[None])


def _weights(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Weights, float32, of the sum of colours in which object and background differ most.

    Absolute weights add up to 1 over the range of the colours, so that the sum's range is 1 at most
    and EPSILON has the same meaning for all images.
    """
    most = float(np.iinfo(image.dtype).max)
    if image.ndim == 2:
        return np.full(1, 1 / most, np.float32)
    inside, outside = image[share > SURE], image[share < 255 - SURE]
    weights = np.full(3, 1 / 3)
    if len(inside) and len(outside):
        difference = inside.mean(0) - outside.mean(0)
        if np.abs(difference).sum() > 1e-3 * most:
            weights = difference / np.abs(difference).sum()
    return (weights / most).astype(np.float32)

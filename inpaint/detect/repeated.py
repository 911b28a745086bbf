"""What repeats over a folder: an overlay at the same place of every image, found without training.

The gradient of a photo has a median of zero over many photos, that of an overlay stays: Dekel et
al., "On the Effectiveness of Visible Watermarks", CVPR 2017, section 3.1. A pixel belongs to the
overlay's edges where the median gradient is large beside the median of its absolute value. By
chance this ratio falls with the square root of the number of images, so the threshold does, too.
What the edges enclose belongs to the overlay.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inpaint.detect.marking import hysteresis

FEWEST_IMAGES = 10
LEAST = 0.008  # median gradient of an overlay, of the full range by px
# Of the ratio, by 1 / sqrt(number of images). In photos 2.6 is exceeded by one pixel in a thousand
# by chance; edges above the first count where they hold enough pixels above the second.
WEAK, STRONG = 2.0, 3.2
LARGEST_RATIO = 0.9
CORNERS = ("top left", "top right", "bottom left", "bottom right")
MOST_OF_CORNER = 0.5  # of the smallest image, where overlays lie in images of several sizes
_STRIP = 64  # rows at a time: the gradients of all images are in memory
_FEWEST_STRONG = 10  # px; pieces with fewer are chance


def repeated_overlay(images: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W) bool, True = the overlay that all images share; all False if there is none.

    Args:
        images: At least ten different images (H, W) or (H, W, 3) of one size, uint8 or uint16.

    Raises:
        ValueError: Fewer images, or images of several sizes.
    """
    sizes = {image.shape[:2] for image in images}
    if len(images) < FEWEST_IMAGES:
        raise ValueError(
            f"an overlay is found in {FEWEST_IMAGES} or more images, got {len(images)}"
        )
    if len(sizes) != 1:
        raise ValueError(f"images must be of one size, got {sorted(sizes)}; see corner_overlays")
    grays = [_gray(image) for image in images]
    height = grays[0].shape[0]
    ratio = np.concatenate([_strip(grays, y) for y in range(0, height, _STRIP)])
    return _enclosed(ratio / _chance(len(images)))


def corner_overlays(images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Overlays of images of several sizes that keep their distance from a corner, in pixels.

    Args:
        images: At least ten images (H, W) or (H, W, 3), uint8 or uint16.

    Returns:
        For those of CORNERS in which something repeats, the mask (h, w) bool of a piece there.

    Raises:
        ValueError: Fewer images.
    """
    height, width = (
        max(1, int(MOST_OF_CORNER * min(image.shape[axis] for image in images))) for axis in (0, 1)
    )
    found = {}
    for corner in CORNERS:
        mask = repeated_overlay([image[_piece(corner, height, width)] for image in images])
        if mask.any():
            found[corner] = mask
    return found


def placed(corners: dict[str, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, the masks of `corner_overlays` in an image of a size."""
    mask = np.zeros(size, bool)
    for corner, piece in corners.items():
        mask[_piece(corner, *piece.shape)] |= piece
    return mask


def _piece(corner: str, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a piece of an image in one of its CORNERS."""
    vertical, horizontal = corner.split()
    return (
        slice(None, height) if vertical == "top" else slice(-height, None),
        slice(None, width) if horizontal == "left" else slice(-width, None),
    )


def _gray(image: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1]."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return gray.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def _chance(count: int) -> float:
    """What ratios are compared with, so that WEAK and STRONG hold for any number of images."""
    return min(1 / np.sqrt(count), LARGEST_RATIO / STRONG)


def _strip(grays: Sequence[np.ndarray], y: int) -> np.ndarray:
    """(h, W) float32, the ratio of the gradients of rows from y on; 0 where they are small."""
    height = len(grays[0])
    top, bottom = max(0, y - 2), min(height, y + _STRIP + 2)  # two rows more, for the filters
    agreed, size = np.zeros((2, bottom - top, grays[0].shape[1]), np.float32)
    for dx, dy in ((1, 0), (0, 1)):
        gradients = np.stack([_derivative(gray[top:bottom], dx, dy) for gray in grays])
        agreed += np.median(gradients, 0) ** 2
        size += np.median(np.abs(gradients), 0) ** 2
    median, mean = (
        np.sqrt(np.maximum(cv2.boxFilter(values, -1, (3, 3)), 0))  # rounding may end below 0
        for values in (agreed, size)
    )
    ratio = np.where(median > LEAST, median / np.maximum(mean, np.float32(1e-6)), 0)
    return ratio[y - top : y - top + min(_STRIP, height - y)]


def _derivative(gray: np.ndarray, dx: int, dy: int) -> np.ndarray:
    return cv2.Sobel(
        gray, cv2.CV_32F, dx, dy, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE
    )


def _enclosed(ratio: np.ndarray) -> np.ndarray:
    """The mask of what edges enclose, by hysteresis, without pieces that are chance."""
    weak = (ratio > WEAK).astype(np.uint8)
    closed = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    kept = hysteresis(closed > 0, ratio > STRONG, fewest=_FEWEST_STRONG)
    mask = kept.astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    largest = 0.002 * mask.size  # a frame does not enclose the image
    small = [contour for contour in contours if cv2.contourArea(contour) <= largest]
    cv2.drawContours(mask, small, -1, 1, cv2.FILLED)
    return mask.astype(bool)

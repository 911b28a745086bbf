"""A hole from whatever people have: one function reads it, and thresholds once."""

from __future__ import annotations

import logging
import os
from typing import Literal, TypeAlias

import cv2
import numpy as np
from PIL import Image

from inpaint.images import DEFAULT_MAX_PIXELS, ImageData, from_pil, read_image
from inpaint.masks.levels import threshold_of

logger = logging.getLogger("inpaint")

ALPHA_THRESHOLD = 1 / 8  # of full opacity: brushes may be translucent, compressed alpha is noisy
SUSPICIOUS_RATIO = 0.6  # more hole than this is more likely a swapped polarity

MaskSource: TypeAlias = str | os.PathLike[str] | Image.Image | ImageData | np.ndarray


def read_hole(
    source: MaskSource,
    *,
    size: tuple[int, int] | None = None,
    invert: bool = False,
    use_alpha: bool | Literal["auto"] = "auto",
    warn: bool = True,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> np.ndarray:
    """The hole as (H, W) bool, True = fill, from a mask in which white means fill.

    `source` is a path, an image that was read, a Pillow image, or an array (H, W) or (H, W, C),
    C = 1 gray, 3 RGB, 4 RGBA: bool, integers over the range of 8 or 16 bits, or floats in [0, 1].

    A pixel is hole where its brightest channel is above half of the range, so a red brush on black
    counts. Integers that are all 0 or 1, or 0 and another value, are taken as they stand, and those
    up to 255 as 8 bits whatever their type. If there is an alpha channel that
    varies, as in a brush layer on a transparent ground, the hole is where alpha is above an eighth
    of the range and the colours say nothing; `use_alpha` False reads the colours even then, True
    the alpha even if it is constant. `invert` swaps hole and known at the end.

    With `size` = (height, width) a mask of the same aspect ratio is scaled to it by nearest
    neighbour. EXIF orientation is applied. A hole that is empty, everything, or over 60 % of the
    image, and a mask that looks like labels or a photo, are logged as warnings, unless `warn` is
    False.

    A file of more than `max_pixels` is refused before it is decoded; None = no limit.

    Raises ValueError for another aspect ratio, values outside of the ranges, or a missing alpha;
    TypeError for another kind of source; and what `read_image` raises for files.
    """
    colours, alpha = _channels(source, max_pixels)
    if use_alpha is True and alpha is None:
        raise ValueError("use_alpha=True needs a mask with an alpha channel, and this has none")
    if alpha is not None and (use_alpha is True or (use_alpha == "auto" and np.ptp(alpha) > 0)):
        hole = alpha > ALPHA_THRESHOLD * _full(alpha)
    else:
        brightest = colours if colours.ndim == 2 else colours.max(axis=-1)
        full, odd = _full(brightest), None
        threshold = full / 2
        if brightest.dtype.kind in "ui":
            threshold, odd = threshold_of(brightest)
        hole = brightest > threshold
        if odd is not None and warn:
            logger.warning("%s", odd)
    if invert:
        hole = ~hole
    if size is not None:
        hole = _scale(hole, size)
    if warn:
        warn_if_suspicious(hole)
    return hole


def grow_hole(hole: np.ndarray, pixels: int) -> np.ndarray:
    """The (H, W) bool hole grown by a disk of radius `pixels`, or shrunk by one if negative.

    What lies outside of the image neither grows into it nor eats from it. The time does not
    depend on the radius. Raises ValueError for another shape and TypeError for another dtype.
    """
    if hole.dtype != np.bool_:
        raise TypeError(f"hole must be bool, got {hole.dtype}; see read_hole")
    if hole.ndim != 2:
        raise ValueError(f"hole must be (H, W), got {hole.shape}")
    if pixels < 0:
        return ~grow_hole(~hole, -pixels)
    if pixels == 0 or not hole.any() or hole.all():
        return hole.copy()
    to_hole = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.rint(to_hole**2) <= pixels**2  # squared distances are whole numbers


def _channels(source: MaskSource, max_pixels: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (H, W) or (H, W, 3), and alpha (H, W) or None."""
    if isinstance(source, np.ndarray):
        return _array_channels(source)
    if isinstance(source, ImageData):
        image = source
    elif isinstance(source, Image.Image):
        image = from_pil(source)
    elif isinstance(source, (str, os.PathLike)):
        image = read_image(source, max_pixels=max_pixels)
    else:
        raise TypeError(
            f"a mask must be a path, a Pillow image or an array, got {type(source).__name__}"
        )
    return image.pixels, image.alpha


def _array_channels(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if array.dtype.kind not in "buif":
        raise TypeError(f"a mask array must be bool, integer or float, got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(f"a mask array must be (H, W) or (H, W, 1, 3 or 4), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"a mask array must not be empty, got {array.shape}")
    if array.ndim == 3 and array.shape[2] == 4:
        return array[..., :3], array[..., 3]
    return array, None


def _full(values: np.ndarray) -> float:
    """The value that stands for white in `values`."""
    low, high = values.min(), values.max()
    if values.dtype.kind in "bf":
        if not (low >= 0 and high <= 1):  # also refuses NaN
            raise ValueError(f"a float mask must lie in [0, 1], got {low} to {high}")
        return 1.0
    if low < 0 or high > 65535:
        raise ValueError(f"a mask of integers must lie in 0 to 65535, got {low} to {high}")
    if high <= 1:
        return 1.0
    return (
        255.0
        if values.dtype == np.uint8 or (values.dtype != np.uint16 and high <= 255)
        else 65535.0
    )


def _scale(hole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The hole at `size`, if that is the same aspect ratio within a pixel of rounding."""
    (height, width), (mask_height, mask_width) = size, hole.shape
    if (height, width) == hole.shape:
        return hole
    # One side follows from the other three; being off by one pixel there is rounding.
    if abs(mask_height * width - mask_width * height) > max(*size, *hole.shape):
        raise ValueError(
            f"the mask is {mask_width} x {mask_height} and the picture {width} x {height} "
            "(width x height): another aspect ratio, so the mask would be stretched"
        )
    scaled = cv2.resize(
        hole.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return scaled.astype(bool)


def warn_if_suspicious(hole: np.ndarray) -> None:
    """Log a warning for a hole, (H, W) bool, that is more likely a mistake."""
    ratio = float(hole.mean())
    if ratio in (0, 1):
        logger.warning(
            "the mask marks %s; white means fill, invert it if it means keep",
            "nothing" if ratio == 0 else "the whole picture",
        )
    elif ratio > SUSPICIOUS_RATIO:
        logger.warning(
            "the mask marks %.0f %% of the picture; white means fill, invert it if it means keep",
            100 * ratio,
        )

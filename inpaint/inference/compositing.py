"""Compositing: colours as the network takes them, and a fill as the image's colours."""

from __future__ import annotations

import numpy as np

_ROWS = 256  # that are looked at together


def split_array(image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Views of an array's colours, (H, W) or (H, W, 1 or 3), and of its alpha, if any.

    Raises:
        ValueError: Another shape, or floats outside [0, 1].
        TypeError: Another dtype than uint8, uint16 or floats.
    """
    shape_fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
    if not shape_fits or 0 in image.shape:
        raise ValueError(
            f"image must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {image.shape}"
        )
    if image.dtype not in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
        raise TypeError(
            f"image must be uint8, uint16 or floats in [0, 1], got {image.dtype}; "
            "convert it with image.astype(np.uint8)"
        )
    if image.dtype.kind == "f" and not (np.nanmin(image) >= 0 and np.nanmax(image) <= 1):
        raise ValueError(
            "an image of floats must lie in [0, 1], got values from "
            f"{np.nanmin(image):g} to {np.nanmax(image):g}"
        )
    if image.ndim == 3 and image.shape[2] == 4:
        return image[..., :3], image[..., 3]
    return image, None


def check_known(colours: np.ndarray, hole: np.ndarray, alpha: np.ndarray | None) -> None:
    """Raise ValueError for NaN where it would be taken for a known colour.

    Args:
        colours, alpha: As split_array gives them.
        hole: (H, W) bool.
    """
    if colours.dtype.kind != "f":
        return
    missing = np.isnan(colours)
    missing = missing if missing.ndim == 2 else missing.any(-1)
    missing &= ~hole
    if alpha is not None:
        missing &= alpha > 0
    if missing.any():
        y, x = np.argwhere(missing)[0]
        raise ValueError(
            f"{missing.sum()} known pixels of the image are NaN, the first at row {y}, column {x}; "
            "make them part of the hole, or give them colours"
        )


def to_rgb(colours: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 1 or 3) of any type as (H, W, 3) float32 in [0, 1], without NaN."""
    if colours.ndim == 2:
        colours = colours[..., None]
    values = colours.astype(np.float32)
    if colours.dtype.kind != "f":
        values /= np.iinfo(colours.dtype).max
    else:
        values = np.nan_to_num(values, copy=False)
    if values.shape[2] == 3:
        return values
    return np.broadcast_to(values, (*values.shape[:2], 3)).copy()


def is_gray(colours: np.ndarray, known: np.ndarray) -> bool:
    """Whether the known pixels, (H, W) bool, of (H, W) or (H, W, 1 or 3) hold no colour."""
    if colours.ndim == 2 or colours.shape[2] == 1:
        return True
    if not known.any():
        return False
    for top in range(0, len(known), _ROWS):  # most photos end it in the first rows
        part, here = colours[top : top + _ROWS], known[top : top + _ROWS]
        if any(((part[..., i] != part[..., 0]) & here).any() for i in (1, 2)):
            return False
    return True


def from_rgb(values: np.ndarray, colours: np.ndarray, *, gray: bool) -> np.ndarray:
    """RGB values, (N, 3) in [0, 1], in the type and channels of `colours`; gray: without colour."""
    if gray:
        # Rec. 601 luma, as PIL and OpenCV turn colours into gray.
        values = (values @ np.array([0.299, 0.587, 0.114], np.float32))[:, None]
        channels = colours.shape[2:]
        values = np.broadcast_to(values, (len(values), *channels)) if channels else values[:, 0]
    if colours.dtype.kind != "f":
        values = np.rint(values * np.iinfo(colours.dtype).max)
    return values.astype(colours.dtype)

"""Photos and masks that people send. All of it is untrusted."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from inpaint.images import ImageData, ImageError, read_image
from inpaint.masks.read import read_hole


def read_photo(source: str | Path | IO[bytes], *, max_pixels: int) -> ImageData:
    """The photo in an uploaded file. Raises ImageError with its owner's name for the file.

    source: a path, or an open file whose `name` is told in errors.
    """
    if not isinstance(source, (str, Path)):
        return read_image(source, max_pixels=max_pixels)
    path = Path(source)
    try:
        return read_image(path, max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"{path.name}: {str(error).removeprefix(f'{path}: ')}") from error


def read_mask(
    source: str | Path | IO[bytes], *, size: tuple[int, int], max_pixels: int
) -> np.ndarray:
    """The hole in an uploaded mask, (H, W) bool at a photo's (height, width).

    Raises ImageError for a file that is none, ValueError for another aspect ratio.
    """
    mask = read_photo(source, max_pixels=max_pixels)
    colours = mask.pixels
    if mask.alpha is not None:
        colours = np.dstack([_as_rgb(colours), mask.alpha])
    return read_hole(colours, size=size)


def _as_rgb(colours: np.ndarray) -> np.ndarray:
    return np.dstack([colours] * 3) if colours.ndim == 2 else colours

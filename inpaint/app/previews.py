"""Files made for the browser: copies to look at, and results to keep."""

from __future__ import annotations

import dataclasses
import io
import secrets
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image

from inpaint.images import FORMATS, ImageData, ImageError, write_image
from inpaint.images.formats import usual_suffix
from inpaint.utils.rectangles import Rectangle, dilate

CHOICES = ("jpg", "png", "webp", "avif", "heic", "tiff")
PREVIEW_QUALITY = 90
MOST_PREVIEW_PIXELS = 16_000_000  # what a canvas of a phone can hold
MOST_PREVIEW_SIDE = 16_000  # pixels
PATCH_MARGIN = 16  # pixels
MARK_COLOUR = (236, 72, 153)  # as in editor.css: marks have no other


def new_file(name: str) -> Path:
    """A path for a file that the page may hand out, in a folder nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder / name


def write_preview(image: ImageData) -> Path:
    """The image as a JPEG, or as a PNG where parts are transparent; smaller beyond what browsers
    can show."""
    return _write_small(image, "preview", size_shown(image.size))


def write_patch(image: ImageData, box: Rectangle) -> Path:
    """A box of the image in the way of write_preview."""
    alpha = None if image.alpha is None else image.alpha[box]
    part = dataclasses.replace(image, pixels=image.pixels[box], alpha=alpha)
    return _write_small(part, "patch", size_shown(part.size))


def write_thumbnail(image: ImageData, side: int) -> Path:
    """The image in the way of write_preview, at most `side` pixels high and wide."""
    return _write_small(image, "picture", _scaled(image.size, min(1, side / max(image.size))))


def with_margin(box: Rectangle, size: tuple[int, int]) -> Rectangle:
    """A box with some pixels around it, which shrunk previews need to join without a seam."""
    return dilate(box, PATCH_MARGIN, size)


def write_result(image: ImageData, name: str, format: str = "") -> tuple[Path, bool]:
    """The full-size image in its own format or another one, and whether that was possible: else as
    a PNG.

    format: a key of FORMATS; empty = the image's own.
    """
    wanted = format or image.format
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix.lower() not in FORMATS[wanted][1]:
        suffix = usual_suffix(wanted)
    path = new_file(f"{stem}-inpainted{suffix}")
    try:
        write_image(image, path, format=wanted)
        return path, True
    except ImageError:  # formats that are only read, such as HEIC without its plugin
        path = path.with_suffix(".png")
        write_image(image, path, format="png")
        return path, False


@cache
def written_formats() -> tuple[str, ...]:
    """Names of the formats that photos can be saved in on this machine, for the page's choices."""
    image = ImageData(np.zeros((16, 16, 3), np.uint8))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in CHOICES:
            with suppress(ImageError):
                write_image(image, Path(folder) / name, format=name)
                found.append(name)
    return tuple(found)


def write_mask(hole: np.ndarray, name: str) -> Path:
    """A hole, (H, W) bool, as a black and white PNG: white = fill."""
    path = new_file(f"{Path(name).stem}-mask.png")
    data = io.BytesIO()
    Image.fromarray(hole).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


def write_marks(hole: np.ndarray) -> Path:
    """A hole, (H, W) bool, as a PNG in the colour of marks where it is True, else transparent."""
    image = Image.fromarray(hole.astype(np.uint8))
    image.putpalette([0, 0, 0, *MARK_COLOUR])  # its mode becomes P
    path = new_file("marks.png")
    image.save(path, bits=1, transparency=0)
    return path


def _write_small(image_data: ImageData, stem: str, size: tuple[int, int]) -> Path:
    image = Image.fromarray(_small(image_data.pixels, size))
    if image_data.alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(_small(image_data.alpha, size)))
    suffix = "jpg" if image_data.alpha is None else "png"
    path = new_file(f"{stem}.{suffix}")
    image.save(
        path, icc_profile=image_data.icc, quality=PREVIEW_QUALITY, subsampling=0, compress_level=1
    )
    return path


def size_shown(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the preview of an image of (height, width)."""
    height, width = size
    factor = min(1, MOST_PREVIEW_SIDE / max(size), (MOST_PREVIEW_PIXELS / (height * width)) ** 0.5)
    return _scaled(size, factor)


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _small(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """8-bit pixels at (height, width)."""
    if pixels.shape[:2] != size:
        pixels = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels

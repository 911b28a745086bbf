"""Files made for the browser: small copies to look at, and results to keep."""

from __future__ import annotations

import io
import secrets
from pathlib import Path

import cv2
import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image

from inpaint.images import FORMATS, ImageData, ImageError, write_image

PREVIEW_QUALITY = 90


def new_file(name: str) -> Path:
    """A path for a file that the page may hand out, in a folder nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder / name


def write_preview(image_data: ImageData, size: tuple[int, int]) -> Path:
    """The image at (height, width) as a JPEG, or as a PNG where parts are transparent."""
    image = Image.fromarray(_small(image_data.pixels, size))
    if image_data.alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(_small(image_data.alpha, size)))
    suffix = "jpg" if image_data.alpha is None else "png"
    path = new_file(f"preview.{suffix}")
    image.save(path, icc_profile=image_data.icc, quality=PREVIEW_QUALITY, compress_level=1)
    return path


def write_result(image: ImageData, name: str) -> tuple[Path, bool]:
    """The full-size image in its own format, and whether that was possible: else as a PNG."""
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix.lower() not in FORMATS[image.format][1]:
        suffix = FORMATS[image.format][1][0]
    path = new_file(f"{stem}-inpainted{suffix}")
    try:
        write_image(image, path)
        return path, True
    except ImageError:  # formats that are only read, such as HEIC without its plugin
        path = path.with_suffix(".png")
        write_image(image, path, format="png")
        return path, False


def write_mask(hole: np.ndarray, name: str) -> Path:
    """A hole, (H, W) bool, as a black and white PNG: white = fill."""
    path = new_file(f"{Path(name).stem}-mask.png")
    data = io.BytesIO()
    Image.fromarray(hole).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


def _small(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """8-bit pixels at (height, width)."""
    if pixels.shape[:2] != size:
        shrinks = size[0] <= pixels.shape[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, size[::-1], interpolation=how)
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels

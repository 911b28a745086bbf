"""Reading image files, which are untrusted: their content decides, and their size is bounded."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, EXTRASAMPLES, PLANAR_CONFIGURATION, TiffImageFile

from inpaint.images import png, tiff
from inpaint.images.formats import DEFAULT_MAX_PIXELS, FORMATS
from inpaint.images.heif import bits_per_channel
from inpaint.images.image_data import ImageData, ImageError
from inpaint.images.pil import format_name, from_pil, image_data_of, key_alpha

HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
PREMULTIPLIED = 1  # value of the TIFF tag ExtraSamples


def read_image(
    source: str | os.PathLike[str] | IO[bytes], *, max_pixels: int | None = DEFAULT_MAX_PIXELS
) -> ImageData:
    """The image in a file: JPEG, PNG, WebP, TIFF, BMP, GIF, and AVIF or HEIC if Pillow can.

    The content decides the format, not the name. Of several frames the first is read. 8 and 16
    bits a channel stay what they are; `notes` says what did not.

    Raises FileNotFoundError, OSError if the file cannot be opened, and ImageError if it is not an
    image, damaged, of an unsupported kind, or larger than `max_pixels` (None = no limit), which
    is checked before anything is decoded.
    """
    name, data = read_bytes(source)
    with readable(name):
        return decode(open_image(data, max_pixels), data)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns what decoders raise, which is nearly any type on hostile bytes, into ImageErrors."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error.__cause__
    except MemoryError:
        raise
    except Exception as error:
        raise ImageError(f"{name}: the picture is damaged or cut short ({error})") from error


def open_image(data: bytes, max_pixels: int | None) -> Image.Image:
    """The image with its header read. Raises ImageError, also for more than `max_pixels`."""
    image = _open(data)
    _check_size(image, max_pixels)
    return image


def format_of_bytes(data: bytes) -> str | None:
    """The key of FORMATS that a file's content is of, or None."""
    try:
        return format_name(_open(data).format)
    except Exception:  # see readable
        return None


def read_size(source: str | os.PathLike[str] | IO[bytes]) -> tuple[int, int]:
    """(height, width) of the image in a file, as it is stored, from its header alone.

    Raises FileNotFoundError, OSError and ImageError as `read_image` does.
    """
    name, data = read_bytes(source)
    with readable(name):
        width, height = _open(data).size
    return height, width


def read_bytes(source: str | os.PathLike[str] | IO[bytes]) -> tuple[str, bytes]:
    """Name and bytes of a file. Raises ImageError for what is none, OSError for others."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.is_dir():
            raise ImageError(f"{path}: this is a directory, not a picture")
        if path.exists() and not path.is_file():  # reading a pipe could wait forever
            raise ImageError(f"{path}: this is not a regular file")
        name, data = str(path), path.read_bytes()
    else:
        name, data = str(getattr(source, "name", "the picture")), source.read()
    if not data:
        raise ImageError(f"{name}: the file is empty (zero bytes)")
    return name, data


def _open(data: bytes) -> Image.Image:
    """The image with its header read.

    `Image.open` would apply Pillow's own limit on pixels, which is a global of the process.
    """
    register_plugins()
    damage: Exception | None = None
    for pillow_name, _ in FORMATS.values():
        factory, accept = Image.OPEN.get(pillow_name, (None, None))
        if factory is None or (accept is not None and accept(data[:16]) is not True):
            continue
        try:
            return factory(io.BytesIO(data), "")
        except Exception as error:  # see readable
            damage = error
    if damage is not None:
        raise ImageError(f"the picture is damaged or cut short ({damage})") from damage
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        raise ImageError("this is a HEIC picture, which needs pip install pillow-heif")
    known = ", ".join(pillow for pillow, _ in FORMATS.values() if pillow in Image.OPEN)
    raise ImageError(f"this is not a picture of a known format ({known})")


@cache
def register_plugins() -> None:
    """Make Pillow know all formats that this installation has."""
    Image.init()
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()


def _check_size(image: Image.Image, max_pixels: int | None) -> None:
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        raise ImageError(
            f"the picture has {width} x {height} pixels, more than the limit of {max_pixels}"
        )


def decode(image: Image.Image, data: bytes) -> ImageData:
    """The first frame of an opened image and its file. Raises nearly anything, see readable."""
    if isinstance(image, TiffImageFile) and tiff.has_more_pages(data):
        return _decode_first_page(data)
    if image.format == "PNG":
        image_data = _decode_png(image, data)
    elif isinstance(image, TiffImageFile):
        image_data = _decode_tiff(image, data)
    else:
        image_data = from_pil(image)
    if image_data.format == "webp":
        image_data = dataclasses.replace(image_data, lossless=_webp_is_lossless(data))
    if image_data.format in ("avif", "heic") and (bits := bits_per_channel(data)) > 8:
        note = f"{bits} bits a channel converted to 8"
        image_data = dataclasses.replace(image_data, notes=(*image_data.notes, note))
    return dataclasses.replace(image_data, file_size=len(data))


def _decode_first_page(data: bytes) -> ImageData:
    """The first page, read alone: Pillow leaves what other pages say, such as profiles, with it."""
    offsets = tiff.page_offsets(data, lenient=True)
    alone = tiff.page_alone(data, offsets[0])
    first = decode(_open(alone), alone)
    if len(offsets) == 1:
        return first
    notes = (f"first frame of {len(offsets)} used", *first.notes)
    return dataclasses.replace(first, frames=len(offsets), notes=notes)


def _decode_png(image: Image.Image, data: bytes) -> ImageData:
    image.load()  # at any depth: Pillow notices all damage, and finds what follows the pixels
    deep = _deep_png(image, data) if png.bit_depth(data) == 16 else None
    image_data = image_data_of(image, deep)
    return dataclasses.replace(image_data, chunks=png.kept_chunks(data))


def _deep_png(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and alpha of a PNG with 16 bits a channel, of which Pillow would keep 8."""
    gray, with_alpha = png.colour_type(data) in (0, 4), png.colour_type(data) in (4, 6)
    colours, alpha = _split(_decode_deep(data), gray=gray)
    if with_alpha:
        return colours, alpha
    return colours, key_alpha(colours, image.info.get("transparency"))


def _decode_tiff(image: TiffImageFile, data: bytes) -> ImageData:
    if tiff.is_cut_short(image, len(data)):
        raise ImageError("the picture is damaged or cut short (pixels beyond the end of file)")
    bits = image.tag_v2.get(BITSPERSAMPLE, (1,))
    deep = max(bits) == 16 and len(bits) > 1
    if deep and image.mode not in ("RGB", "RGBA"):
        raise ImageError(f"16-bit TIFFs of mode {image.mode} are not supported; convert to RGB")
    if deep and image.tag_v2.get(PLANAR_CONFIGURATION) == 2:
        raise ImageError("16-bit TIFFs with separate planes are not supported; interleave them")
    premultiplied = image.tag_v2.get(EXTRASAMPLES, ())[:1] == (PREMULTIPLIED,)
    # With memory there already, `load` does not apply Pillow's own limit on pixels; see _open.
    image.im = Image.core.new(image.mode, getattr(image, "_tile_size", image.size))
    image_data = from_pil(image)
    if not deep:
        return image_data
    colours, alpha = _split(_decode_deep(data), gray=False)  # OpenCV turns TIFFs by orientation
    if image_data.alpha is None or alpha is None:
        return dataclasses.replace(image_data, pixels=colours, alpha=None)
    if premultiplied:
        note = "premultiplied alpha converted to straight"
        colours = _straight(colours, alpha)
        image_data = dataclasses.replace(image_data, notes=(*image_data.notes, note))
    return dataclasses.replace(image_data, pixels=colours, alpha=alpha)


def _decode_deep(data: bytes) -> np.ndarray:
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise ImageError("this kind of 16-bit picture is not supported; convert it to PNG")
    return samples


def _split(samples: np.ndarray, *, gray: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (RGB, or one channel if `gray`) and alpha of what OpenCV decoded."""
    if samples.ndim == 2:
        return samples, None
    alpha = np.ascontiguousarray(samples[..., 3]) if samples.shape[2] == 4 else None
    colours = samples[..., 0] if gray else samples[..., 2::-1]  # BGR to RGB
    return np.ascontiguousarray(colours), alpha


def _straight(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    divisor = np.maximum(alpha, 1)[..., None].astype(np.uint32)
    straight = (colours.astype(np.uint32) * 65535 + divisor // 2) // divisor
    return straight.clip(max=65535).astype(np.uint16)


def _webp_is_lossless(data: bytes) -> bool:
    """Whether the first frame's pixels are in a VP8L chunk (WebP container specification)."""
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"ANMF":  # a frame: its chunks follow 16 bytes of its own
            at += 24
            continue
        if kind in (b"VP8L", b"VP8 "):
            return kind == b"VP8L"
        at += 8 + length + length % 2
    return False

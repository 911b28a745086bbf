"""Writing images: as they came, in one piece or not at all."""

from __future__ import annotations

import bisect
import dataclasses
import io
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from inpaint.images.exif import EXIF_PREFIX
from inpaint.images.formats import check_quality
from inpaint.images.image_data import FORMATS, ImageData, ImageError
from inpaint.images.palette import distinct_colours, palette_indices, rgba
from inpaint.images.pil import IPTC_RESOURCE, to_pil
from inpaint.images.png import encode_png16, xmp_body
from inpaint.images.read import register_plugins
from inpaint.images.tiff import Page, assemble, bilevel_page, tiff_page
from inpaint.utils.files import atomic_write

DEFAULT_QUALITY = 95
# Qualities tried for a lossy source that does not tell its own, and how much it may grow.
QUALITY_LADDER = (30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95)
MAX_GROWTH = 1.05
ALIASES = {"jpeg": "jpg", "tif": "tiff", "heif": "heic"}
METRES_PER_INCH = 0.0254


def write_image(
    image: ImageData,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    quality: int | None = None,
    like: str | os.PathLike[str] | None = None,
) -> None:
    """Write the image, with all its metadata that the format has a place for.

    `format` is a key of FORMATS; None is the source's own, whatever the suffix of `path`.
    `quality`, 1 to 100, is for formats with loss and turns a lossless WebP into a lossy one. None
    keeps a JPEG's tables and subsampling, a WebP's losslessness, and for other lossy sources takes
    the best quality at which the file does not grow.

    `like` is a file whose permissions the new one does not go beyond, see atomic_write.

    The file appears at `path` complete, or `path` stays as it was. Raises ImageError for what
    the format cannot hold, ValueError for an unknown format or quality, OSError for a failing disk.
    """
    atomic_write(path, encode_image(image, format=format, quality=quality), like=like)


def check_format(format: str) -> str:
    """The format as a key of FORMATS, if files of it can be written here.

    Raises ValueError for an unknown one, and ImageError where a package is missing.
    """
    name = ALIASES.get(format, format)
    if name not in ENCODERS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    register_plugins()
    if FORMATS[name][0] not in Image.SAVE:
        advice = "needs pip install pillow-heif" if name == "heic" else "is not in this Pillow"
        raise ImageError(f"writing {name} {advice}; or choose another format")
    return name


def check_writable(image: ImageData, *, format: str | None = None) -> str:
    """The format in which `write_image` would write an image, if that can hold it.

    What depends on the filled pixels, as the number of colours of a GIF, is not checked.

    Raises ValueError or ImageError as `write_image` does.
    """
    name = check_format(image.format if format is None else format)
    if image.deep and name not in ("png", "tiff"):
        raise ImageError(f"{name} cannot hold 16 bits a channel; choose png or tiff")
    if image.alpha is not None and name == "jpg":
        raise ImageError("jpg cannot hold transparency; choose png, or flatten the picture")
    return name


def encode_image(
    image: ImageData, *, format: str | None = None, quality: int | None = None
) -> bytes:
    """The file that write_image writes. Raises ImageError and ValueError as it does."""
    name = check_writable(image, format=format)
    check_quality(quality)
    height, width = image.size
    with encoding(f"{width} x {height} pixels as {name}"):
        return ENCODERS[name](image, quality)


@contextmanager
def encoding(what: str) -> Iterator[None]:
    """Turns what encoders raise into an ImageError. All is in memory: an OSError is theirs."""
    try:
        yield
    except ImageError:
        raise
    except (OSError, ValueError, RuntimeError, OverflowError, struct.error) as error:
        raise ImageError(f"cannot write {what}: {error}") from error


def _save(image: Image.Image, name: str, **options: Any) -> bytes:
    """The file Pillow writes, without the options that are None."""
    file = io.BytesIO()
    given = {key: value for key, value in options.items() if value is not None}
    image.save(file, FORMATS[name][0], **given)
    return file.getvalue()


def _plain(image_data: ImageData) -> Image.Image:
    """A Pillow image without metadata: encoders write what they are told, no more."""
    image = to_pil(image_data)
    image.info.clear()
    return image


def _samples(image: ImageData) -> np.ndarray:
    """(H, W, C): gray, gray + alpha, RGB or RGBA."""
    return np.dstack([image.pixels] if image.alpha is None else [image.pixels, image.alpha])


def _bilevel(image: ImageData) -> Image.Image | None:
    """A 1-bit image if the source was one and the pixels still are black and white."""
    if image.mode != "1" or image.alpha is not None or not image.gray:
        return None
    if not np.isin(image.pixels, (0, 255)).all():
        return None
    return _plain(image).convert("1", dither=Image.Dither.NONE)


def _indexed(image_data: ImageData, *, nearest: bool = False) -> Image.Image | None:
    """A palette image if the image has a palette that holds its colours."""
    indices = palette_indices(image_data, nearest=nearest)
    if indices is None or image_data.palette is None:
        return None
    image = Image.fromarray(indices)
    image.putpalette(image_data.palette[:, :3].tobytes())
    return image


def _png(image_data: ImageData, quality: int | None) -> bytes:
    chunks = _png_chunks(image_data)
    if image_data.deep:
        exif = image_data.exif.removeprefix(EXIF_PREFIX) if image_data.exif else None
        return encode_png16(
            _samples(image_data), exif=exif, icc=image_data.icc, dpi=image_data.dpi, chunks=chunks
        )
    image, transparency = _indexed(image_data), None
    if image is None:
        image = _bilevel(image_data) or _plain(image_data)
    elif image_data.alpha is not None and image_data.palette is not None:
        transparency = image_data.palette[:, 3].tobytes()
    return _save(
        image,
        "png",
        pnginfo=png_info(image_data),
        exif=image_data.exif,
        icc_profile=image_data.icc,
        dpi=image_data.dpi,
        transparency=transparency,
    )


def _png_chunks(image: ImageData) -> tuple[tuple[bytes, bytes], ...]:
    return (*image.chunks, (b"iTXt", xmp_body(image.xmp))) if image.xmp else image.chunks


def png_info(image: ImageData) -> PngImagePlugin.PngInfo:
    """The image's text and colour chunks for Pillow."""
    info = PngImagePlugin.PngInfo()
    for kind, body in _png_chunks(image):
        info.add(kind, body)
    return info


def tiff_of(pages: Iterable[ImageData]) -> bytes:
    """A TIFF file of the pages, which are taken one by one."""
    encoded: list[Page] = []
    for page in pages:
        with encoding(f"page {len(encoded) + 1} as tiff"):
            encoded.append(_tiff_page(page))
    with encoding(f"{len(encoded)} pages as tiff"):
        return assemble(encoded)


def _tiff(image: ImageData, quality: int | None) -> bytes:
    return assemble([_tiff_page(image)])


def _tiff_page(image: ImageData) -> Page:
    metadata = {key: getattr(image, key) for key in ("exif", "icc", "xmp", "dpi")}
    options: dict[str, Any] = {"metadata": metadata, "compressed": image.compressed}
    bilevel = _bilevel(image)
    if bilevel is not None:
        return bilevel_page(bilevel, **options)
    indices = palette_indices(image) if image.alpha is None else None
    if indices is not None and image.palette is not None:
        return tiff_page(indices[..., None], palette=image.palette[:, :3], **options)
    samples = _samples(image)
    if samples.shape[2] == 2 and image.deep:
        samples = rgba(image)  # nothing reads 16-bit gray with alpha
    return tiff_page(samples, **options)


def _jpg(image: ImageData, quality: int | None) -> bytes:
    coding = image.jpeg
    if coding is None:
        options: dict[str, Any] = {"quality": quality or DEFAULT_QUALITY, "subsampling": 0}
    elif quality is None:
        options = {"qtables": [list(table) for table in coding.qtables]}
    else:
        options = {"quality": quality}
    if coding is not None:
        options |= {
            "subsampling": coding.subsampling,
            "progressive": coding.progressive,
            "keep_rgb": coding.rgb,
        }
    return _save(
        _plain(image),
        "jpg",
        optimize=True,  # most cameras and editors do; without it their files would grow
        exif=image.exif,
        icc_profile=image.icc,
        xmp=image.xmp,
        dpi=image.dpi,
        comment=image.comment,
        extra=_iptc_segment(image.iptc) if image.iptc else None,
        **options,
    )


def _iptc_segment(iptc: bytes) -> bytes:
    """The APP13 segment that holds IPTC, or nothing if it does not fit into one."""
    resource = b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(iptc)) + iptc
    body = b"Photoshop 3.0\0" + resource + b"\0" * (len(iptc) % 2)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body if len(body) < 65534 else b""


def _webp(image_data: ImageData, quality: int | None) -> bytes:
    image = _plain(image_data)
    metadata = {"exif": image_data.exif, "icc_profile": image_data.icc, "xmp": image_data.xmp}

    def save(quality: int) -> bytes:
        return _save(image, "webp", quality=quality, exact=True, **metadata)

    if quality is None and image_data.lossless and image_data.format == "webp":
        return _save(image, "webp", lossless=True, exact=True, **metadata)
    return _search_quality(image_data, "webp", save) if quality is None else save(quality)


def _avif(image: ImageData, quality: int | None) -> bytes:
    return _avif_like(image, quality, "avif")


def _heic(image: ImageData, quality: int | None) -> bytes:
    return _avif_like(image, quality, "heic")


def _avif_like(image_data: ImageData, quality: int | None, name: str) -> bytes:
    image = _plain(image_data)
    metadata = {"exif": image_data.exif, "icc_profile": image_data.icc, "xmp": image_data.xmp}

    def save(quality: int) -> bytes:
        return _save(image, name, quality=quality, **metadata)

    return _search_quality(image_data, name, save) if quality is None else save(quality)


def _search_quality(image: ImageData, name: str, save: Callable[[int], bytes]) -> bytes:
    """The file of best quality that is about as small as the source, if that was of this kind."""
    if image.format != name or image.lossless or image.file_size is None:
        return save(DEFAULT_QUALITY)
    cached = cache(save)
    limit = int(image.file_size * MAX_GROWTH)
    fitting = bisect.bisect_right(QUALITY_LADDER, limit, key=lambda q: len(cached(q)))
    return cached(QUALITY_LADDER[max(0, fitting - 1)])


def _gif(image_data: ImageData, quality: int | None) -> bytes:
    return _save(gif_image(image_data), "gif", comment=image_data.comment)


def gif_image(image_data: ImageData) -> Image.Image:
    """The image with its own palette, or one of its colours; `info` has the transparent entry."""
    if image_data.palette is None:
        image_data = dataclasses.replace(image_data, palette=distinct_colours(image_data))
    image = _indexed(image_data, nearest=True)
    assert image is not None and image_data.palette is not None
    clear = np.flatnonzero(image_data.palette[:, 3] == 0)
    if len(clear):
        image.info["transparency"] = int(clear[0])
    return image


def _bmp(image_data: ImageData, quality: int | None) -> bytes:
    if image_data.alpha is not None:
        return _bmp_with_alpha(image_data)
    image = _indexed(image_data) or _bilevel(image_data) or _plain(image_data)
    return _save(image, "bmp", dpi=image_data.dpi)


def _bmp_with_alpha(image: ImageData) -> bytes:
    """A BMP file with a version 4 header: Pillow writes older ones, whose alpha nobody reads."""
    height, width = image.size
    pixels = rgba(image)[::-1, :, [2, 1, 0, 3]].tobytes()  # from the bottom up, BGRA
    per_metre = [round(d / METRES_PER_INCH) for d in image.dpi or (96, 96)]
    masks = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    header = struct.pack(
        "<IiiHHII2i2I", 108, width, height, 1, 32, 3, len(pixels), *per_metre, 0, 0
    )
    header += struct.pack("<4I", *masks) + b"BGRs" + bytes(48)
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels


ENCODERS: dict[str, Callable[[ImageData, int | None], bytes]] = {
    "jpg": _jpg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "gif": _gif,
    "avif": _avif,
    "heic": _heic,
}

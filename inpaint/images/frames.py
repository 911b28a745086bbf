"""All frames of an animation, or pages of a TIFF file, read and written."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any

import numpy as np
from PIL import Image, ImageSequence

from inpaint.images import tiff
from inpaint.images.formats import check_quality
from inpaint.images.image_data import FORMATS, ImageData, ImageError
from inpaint.images.palette import distinct_colours, rgba
from inpaint.images.pil import image_data_of
from inpaint.images.read import (
    DEFAULT_MAX_PIXELS,
    decode,
    open_image,
    read_bytes,
    readable,
)
from inpaint.images.write import DEFAULT_QUALITY, encoding, gif_image, png_info, tiff_of

ANIMATED = ("gif", "png", "webp")
MOST_PAGES = 10_000  # each costs a copy of the file's bytes
WITH_FRAMES = ("tiff", *ANIMATED)  # formats whose files may hold several


def read_frames(
    source: str | os.PathLike[str] | IO[bytes], *, max_pixels: int | None = DEFAULT_MAX_PIXELS
) -> Iterator[ImageData]:
    """The frames of an animation as they are shown, or the pages of a TIFF file, one by one.

    A picture of another kind has one, as read_image reads it. Raises what that does; `max_pixels`
    is for each page, and for all frames of an animation.
    """
    name, data = read_bytes(source)
    with readable(name):
        image = open_image(data, max_pixels)
        if image.format == "TIFF":
            yield from _pages(data, max_pixels)
            return
        frames = getattr(image, "n_frames", 1)
        if frames == 1 or image.format not in [FORMATS[key][0] for key in ANIMATED]:
            yield decode(image, data)
        else:
            if max_pixels is not None and image.width * image.height * frames > max_pixels:
                size = f"{image.width} x {image.height}"
                raise ImageError(
                    f"the animation has {frames} x {size} pixels, more than the limit of "
                    f"{max_pixels}"
                )
            yield from _animation(image, data)


def _pages(data: bytes, max_pixels: int | None) -> Iterator[ImageData]:
    offsets = tiff.page_offsets(data)
    if len(offsets) > MOST_PAGES:
        raise ImageError(f"the file has {len(offsets)} pages, more than the limit of {MOST_PAGES}")
    for offset in offsets:
        page = tiff.page_alone(data, offset)
        image = decode(open_image(page, max_pixels), page)
        yield dataclasses.replace(image, frames=len(offsets))


def _animation(image: Image.Image, data: bytes) -> Iterator[ImageData]:
    first = decode(open_image(data, None), data)  # what is said once for the file
    if first.deep:
        raise ImageError("animations of 16 bits a channel are not supported")
    if image.info.get("default_image"):
        raise ImageError("animations with another picture in front are not supported")
    shared = {key: getattr(first, key) for key in ("exif", "icc", "xmp", "chunks", "lossless")}
    for frame in ImageSequence.Iterator(image):
        frame.load()
        still = frame.copy()  # as it is shown, whatever the frames before it left
        still.format = image.format
        read = image_data_of(still)
        if first.format == "gif":
            with suppress(ImageError):  # more than 256 colours, which writing tells
                read = dataclasses.replace(read, palette=distinct_colours(read))
        yield dataclasses.replace(
            read,
            **shared,
            duration=frame.info.get("duration"),
            loop=image.info.get("loop"),
            frames=first.frames,
            file_size=len(data),
        )


def encode_frames(frames: Iterable[ImageData], *, format: str, quality: int | None = None) -> bytes:
    """A file of all frames. Those of a TIFF file are taken one by one, others all at once.

    Args:
        frames: At least one; for animations of one size.
        format: One of WITH_FRAMES.
        quality: 1 to 100; turns a lossless WebP into a lossy one.

    Raises:
        ImageError: What the format cannot hold.
        ValueError: Another format or quality.
    """
    check_holds_frames(format)
    check_quality(quality)
    if format == "tiff":
        return tiff_of(frames)
    images = list(frames)  # what making them raises is none of the encoder's
    with encoding(f"{len(images)} frames as {format}"):
        return _animate(images, format, quality)


def check_holds_frames(format: str) -> None:
    """Raises ValueError for a format that holds one picture only."""
    if format not in WITH_FRAMES:
        kinds = ", ".join(WITH_FRAMES)
        raise ValueError(f"{format} holds one picture only; choose one of {kinds} for all frames")


def _animate(frames: list[ImageData], format: str, quality: int | None) -> bytes:
    if len({frame.size for frame in frames}) > 1:
        raise ImageError(f"{format} cannot hold pages of several sizes; choose tiff")
    if any(frame.deep for frame in frames):
        raise ImageError(f"{format} cannot hold frames of 16 bits a channel; choose tiff")
    first, opaque = frames[0], all(frame.alpha is None for frame in frames)
    gray = all(frame.gray for frame in frames)
    images = [
        gif_image(frame) if format == "gif" else _plain(frame, gray=gray, opaque=opaque)
        for frame in frames
    ]
    options: dict[str, Any] = {"duration": [round(frame.duration or 0) for frame in frames]}
    if first.loop is not None:
        options["loop"] = first.loop
    if format == "gif":
        # Each frame stands alone: none shows through the transparent parts of the next.
        options |= {"disposal": 1 if opaque else 2, "optimize": False}
    elif format == "png":
        options |= {"pnginfo": png_info(first), "blend": 0, "disposal": 0}
    else:
        lossless = quality is None and first.lossless
        options |= {"lossless": lossless, "exact": True, "quality": quality or DEFAULT_QUALITY}
        options |= {"xmp": first.xmp or b""}
    if format != "gif":
        options |= {"exif": first.exif or b"", "icc_profile": first.icc}
    file = io.BytesIO()
    kind = FORMATS[format][0]
    images[0].save(file, kind, save_all=True, append_images=images[1:], **options)
    return file.getvalue()


def _plain(frame: ImageData, *, gray: bool, opaque: bool) -> Image.Image:
    """In gray or colour, with alpha or without it, as all frames need."""
    samples = rgba(frame)  # (H, W, 4)
    channels = ([0] if gray else [0, 1, 2]) + ([] if opaque else [3])
    samples = np.ascontiguousarray(samples[..., channels])
    return Image.fromarray(samples[..., 0] if channels == [0] else samples)

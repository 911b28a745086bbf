"""The work of one request: a photo and its mask read, filled and written, in one thread."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from typing import IO

from PIL import Image

from inpaint.images import FORMATS, ImageData, ImageError, encode_image
from inpaint.inference.style import DEFAULT_STYLE, Style
from inpaint.masks.read import grow_hole
from inpaint.serving.models import Models
from inpaint.serving.uploads import read_mask, read_photo


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class TooSlow(Exception):
    """The fill has taken longer than a request may."""


@dataclass(frozen=True)
class Upload:
    """An uploaded file, and the name by which errors call it."""

    name: str
    file: IO[bytes]

    def open(self) -> IO[bytes]:
        """All of it in memory, under its name."""
        self.file.seek(0)
        return _NamedBytes(self.file.read(), self.name)


@dataclass(frozen=True)
class Files:
    """The files of a request."""

    image: Upload
    mask: Upload
    exclude: Upload | None = None


class _NamedBytes(io.BytesIO):
    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@dataclass(frozen=True)
class FillOptions:
    """How a request wants its photo filled."""

    style: Style = DEFAULT_STYLE
    seed: int = 0
    grow: int = 0  # pixels; below 0 shrinks
    invert: bool = False  # white in the mask means keep
    format: str | None = None  # a key of FORMATS; None = the photo's own
    quality: int | None = None  # 1 to 100, for formats with loss


@dataclass(frozen=True)
class Filled:
    """The answer to a request."""

    data: bytes
    media_type: str
    pixels: int
    seconds: float


@dataclass(eq=False)
class Job:
    """One request's work, and how far it is; the event loop looks at it meanwhile."""

    files: Files
    options: FillOptions
    max_pixels: int
    max_seconds: float
    share: float = 0.0  # of the fill that is done, 0 to 1
    cancelled: bool = False  # set by the event loop: the work ends at its next step
    _end: float = field(default=0.0, init=False)

    def run(self, models: Models) -> Filled:
        """Reads, fills and writes the photo.

        Raises:
            ValueError: Files or options that cannot be used, such as ImageError.
            Cancelled: See `cancelled`.
            TooSlow: It took longer than max_seconds.
        """
        started = time.monotonic()
        self._end = started + self.max_seconds
        self._report(0.0)
        image = read_photo(self.files.image.open(), max_pixels=self.max_pixels)
        filled = self._fill(image, models)
        data, name = _encode(filled, self.options)
        height, width = image.size
        seconds = time.monotonic() - started
        return Filled(data, Image.MIME[FORMATS[name][0]], height * width, seconds)

    def _fill(self, image: ImageData, models: Models) -> ImageData:
        size, most = image.size, self.max_pixels
        hole = read_mask(self.files.mask.open(), size=size, max_pixels=most)
        hole = grow_hole(~hole if self.options.invert else hole, self.options.grow)
        if hole.all():
            raise ValueError("the mask is all white, so nothing is left to fill from")
        if not hole.any():
            raise ValueError("the mask is all black, so it marks nothing; white means fill")
        exclude = None
        if self.files.exclude is not None:
            exclude = read_mask(self.files.exclude.open(), size=size, max_pixels=most)
        return models.fill(
            image,
            hole,
            style=self.options.style,
            exclude=exclude,
            seed=self.options.seed,
            report=self._report,
        )

    def _report(self, share: float) -> None:
        self.share = share
        if self.cancelled:
            raise Cancelled
        if time.monotonic() > self._end:
            raise TooSlow(f"the fill took longer than {self.max_seconds:g} seconds")


def _encode(image: ImageData, options: FillOptions) -> tuple[bytes, str]:
    """The file, and its format: PNG where the photo's own cannot be written here, such as HEIC."""
    if options.format is not None:
        return encode_image(image, format=options.format, quality=options.quality), options.format
    try:
        return encode_image(image, quality=options.quality), image.format
    except ImageError:
        return encode_image(image, format="png"), "png"

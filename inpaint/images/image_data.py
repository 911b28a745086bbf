"""An image in memory, with all that is needed to write it again as it came."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from inpaint.images.formats import FORMATS


class ImageError(ValueError):
    """An image cannot be read, or cannot be written as asked; the message is one sentence."""


@dataclass(frozen=True)
class JpegCoding:
    """How a JPEG file was coded, so that writing it again neither grows nor degrades it."""

    qtables: tuple[tuple[int, ...], ...]  # 64 numbers each, in Pillow's order
    subsampling: int  # 0: 4:4:4, 1: 4:2:2, 2: 4:2:0
    progressive: bool = False
    rgb: bool = False  # stored as RGB instead of YCbCr


@dataclass(frozen=True, eq=False)
class ImageData:
    """Pixels the right way up, and what the file said about them.

    `pixels` is (H, W, 3) RGB or (H, W) gray, uint8 or uint16, over the whole range of its dtype.
    `alpha` is (H, W) of the same dtype, 0 = transparent, or None. Colours are not multiplied by
    alpha. EXIF orientation has been applied and reads 1 in `exif` and `xmp`.

    Raises ValueError for arrays of another shape or dtype.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    format: str = "png"  # a key of FORMATS: what the file was
    mode: str | None = None  # Pillow's mode of the source, None = follows from the arrays
    exif: bytes | None = None  # with the leading b"Exif\0\0", without a thumbnail
    icc: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: bytes | None = None
    dpi: tuple[float, float] | None = None  # (horizontal, vertical), pixels per inch
    chunks: tuple[tuple[bytes, bytes], ...] = ()  # PNG: text and colour chunks (type, data)
    palette: np.ndarray | None = None  # (N, 4) uint8 RGBA, N <= 256
    jpeg: JpegCoding | None = None
    lossless: bool = True  # False if the source coded its pixels with loss
    compressed: bool = True  # False for a TIFF without compression
    file_size: int | None = None  # bytes of the source file
    frames: int = 1  # or pages of the file, of which this is one
    duration: float | None = None  # ms that this frame of an animation is shown
    loop: int | None = None  # how often an animation is shown, 0 = for ever
    notes: tuple[str, ...] = ()  # what reading changed, for people

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
            raise ValueError(f"pixels must be (H, W) or (H, W, 3) and not empty, got {shape}")
        if dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be uint8 or uint16, got {dtype}")
        if self.alpha is not None and (self.alpha.shape, self.alpha.dtype) != (shape[:2], dtype):
            raise ValueError(
                f"alpha must be {shape[:2]} {dtype} like the pixels, "
                f"got {self.alpha.shape} {self.alpha.dtype}"
            )
        if self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {self.format!r}")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def gray(self) -> bool:
        """Whether the pixels are (H, W)."""
        return self.pixels.ndim == 2

    @property
    def deep(self) -> bool:
        """Whether the pixels are 16-bit."""
        return self.pixels.dtype == np.uint16


def with_pixels(image: ImageData, pixels: np.ndarray) -> ImageData:
    """The image with other pixels of the same shape and dtype; all else is kept.

    Raises ValueError if the shape or dtype differs.
    """
    old = image.pixels
    if pixels.shape != old.shape or pixels.dtype != old.dtype:
        raise ValueError(
            f"pixels must be {old.shape} {old.dtype} like the picture's, "
            f"got {pixels.shape} {pixels.dtype}"
        )
    return dataclasses.replace(image, pixels=pixels)

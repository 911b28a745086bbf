"""TIFF: the tags worth keeping, and a writer for every depth with all of them.

Pillow cannot hold 16-bit RGB, and OpenCV writes no metadata. A TIFF file is a header, a directory
and compressed strips, so it is written here; Pillow serialises the directory.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    COMPRESSION,
    EXIFIFD,
    EXTRASAMPLES,
    ICCPROFILE,
    IMAGELENGTH,
    IMAGEWIDTH,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PREDICTOR,
    RESOLUTION_UNIT,
    ROWSPERSTRIP,
    SAMPLESPERPIXEL,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    ImageFileDirectory_v2,
    TiffImageFile,
)

GPS_IFD = 0x8825
INTEROP_IFD = 0xA005  # an offset inside the EXIF directory, meaningless elsewhere
IPTC = 33723
# Document name, description, make, model, page, software, date, artist, host, white point,
# primaries, rating, copyright, IPTC; then what places a map on the globe.
DESCRIPTIVE = (
    *(269, 270, 271, 272, 285, 297, 305, 306, 315, 316, 318, 319, 18246, 33432, IPTC),
    *(33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113),
)
DEFLATE, NO_COMPRESSION = 8, 1
FIRST_DIRECTORY = 8  # its place in the files that are written
STRIP_BYTES = 1 << 18  # small enough to read in part, large enough to compress well


def descriptive_exif(image: TiffImageFile) -> bytes | None:
    """EXIF bytes of the tags that describe the image, not its storage; None if there are none."""
    exif = Image.Exif()
    for tag in DESCRIPTIVE:
        if tag in image.tag_v2:
            exif[tag] = image.tag_v2[tag]
    source = image.getexif()
    for tag in (EXIFIFD, GPS_IFD):
        if directory := dict(source.get_ifd(tag)):
            directory.pop(INTEROP_IFD, None)
            exif[tag] = directory
    return exif.tobytes() if len(exif) else None


@dataclass(frozen=True)
class Page:
    """A picture of a TIFF file, which may hold several."""

    directory: ImageFileDirectory_v2  # without the places of the strips
    strips: list[bytes]


def encode_tiff(samples: np.ndarray, **options: Any) -> bytes:
    """A TIFF file of one page; see tiff_page."""
    return assemble([tiff_page(samples, **options)])


def tiff_page(
    samples: np.ndarray,
    *,
    palette: np.ndarray | None = None,
    compressed: bool = True,
    metadata: Mapping[str, Any],
) -> Page:
    """A page of (H, W, C) uint8 or uint16 samples, C = 1 gray, 2 gray + alpha, 3, 4 RGBA.

    With a `palette`, (N, 3) uint8 RGB, the samples are (H, W, 1) uint8 indices. Strips are
    compressed by Deflate, unless `compressed` is False. `metadata` holds what `describe` takes.
    """
    height, width, channels = samples.shape
    difference = compressed and palette is None  # neighbouring indices are not alike
    rows = max(1, STRIP_BYTES // samples[0].nbytes)
    blocks = (samples[top : top + rows] for top in range(0, height, rows))
    strips = [_strip(block, difference=difference, compressed=compressed) for block in blocks]

    directory = describe(**metadata)
    directory[IMAGEWIDTH], directory[IMAGELENGTH] = width, height
    directory[BITSPERSAMPLE] = (samples.dtype.itemsize * 8,) * channels
    directory[SAMPLESPERPIXEL] = channels
    directory[PHOTOMETRIC_INTERPRETATION] = 2 if channels >= 3 else 1
    directory[PLANAR_CONFIGURATION] = 1
    directory[COMPRESSION] = DEFLATE if compressed else NO_COMPRESSION
    directory[ROWSPERSTRIP] = rows
    if difference:
        directory[PREDICTOR] = 2
    if channels in (2, 4):
        directory[EXTRASAMPLES] = 2  # alpha that the colours are not multiplied by
    if palette is not None:
        table = np.zeros((256, 3), np.uint16)
        table[: len(palette)] = palette.astype(np.uint16) * 257
        directory[PHOTOMETRIC_INTERPRETATION] = 3
        directory[COLORMAP] = tuple(table.T.ravel().tolist())  # all reds, greens, blues
    return Page(directory, strips)


def bilevel_page(
    image: Image.Image, *, compressed: bool = True, metadata: Mapping[str, Any]
) -> Page:
    """A page of a Pillow image in mode 1, in fax coding unless `compressed` is False.

    Pillow codes the pixels, but would lose or refuse EXIF: its strips get another directory.
    """
    file = io.BytesIO()
    image.save(file, "TIFF", compression="group4" if compressed else "raw")
    coded = TiffImageFile(io.BytesIO(file.getvalue())).tag_v2
    data = file.getvalue()
    spans = zip(coded[STRIPOFFSETS], coded[STRIPBYTECOUNTS], strict=True)
    strips = [data[start : start + size] for start, size in spans]
    directory = describe(**metadata)
    for tag in coded:
        if tag not in (STRIPOFFSETS, STRIPBYTECOUNTS):
            directory.tagtype[tag] = coded.tagtype[tag]
            directory[tag] = coded[tag]
    return Page(directory, strips)


def assemble(pages: Iterable[Page]) -> bytes:
    """A TIFF file of the pages. Raises ValueError for more than 4 GB, or no page."""
    file = io.BytesIO()
    link = 0  # where the place of the page that follows is written
    for page in pages:
        sizes = [len(strip) for strip in page.strips]
        for tag in (STRIPOFFSETS, STRIPBYTECOUNTS):
            page.directory.tagtype[tag] = 4  # 32 bits, also where the first would fit into 16
        page.directory[STRIPBYTECOUNTS] = tuple(sizes)
        # Relative to the end of the directory; Pillow adds where that is.
        page.directory[STRIPOFFSETS] = tuple(int(n) for n in np.cumsum([0, *sizes[:-1]]))
        start = file.seek(0, os.SEEK_END)
        start += file.write(bytes(start % 2))  # directories start at even places
        end = page.directory.save(file)
        if end + sum(sizes) >= 1 << 32:
            raise ValueError("a TIFF file cannot be larger than 4 GB")
        file.writelines(page.strips)
        if link:
            file.seek(link)
            file.write(struct.pack("<I", start))
        link = (start or FIRST_DIRECTORY) + 2 + 12 * len(page.directory)
    if not link:
        raise ValueError("a TIFF file must have a page")
    return file.getvalue()


def page_offsets(data: bytes, *, lenient: bool = False) -> list[int]:
    """Places of the pages' directories in a TIFF file.

    Raises ValueError for one beyond the end of the file; `lenient` takes it for the last one's end,
    as some programs leave anything where the place of the next page would be.
    """
    layout = _Layout.of(data)
    offsets: dict[int, None] = {}
    try:
        (at,) = struct.unpack_from(layout.place, data, layout.first)
        while at and at not in offsets:  # some go round in a circle
            link = layout.link(data, at)
            (following,) = struct.unpack_from(layout.place, data, link)
            offsets[at] = None
            at = following
    except struct.error as error:
        if lenient:
            return [*offsets]
        raise ValueError("a page of the TIFF file lies beyond its end") from error
    return [*offsets]


def has_more_pages(data: bytes) -> bool:
    """Whether the first page of a TIFF file names a next one, be it there or not."""
    layout = _Layout.of(data)
    (first,) = struct.unpack_from(layout.place, data, layout.first)
    return bool(struct.unpack_from(layout.place, data, layout.link(data, first))[0])


def page_alone(data: bytes, offset: int) -> bytes:
    """The TIFF file with one page only, whose directory is at `offset`; the rest stays unused."""
    layout = _Layout.of(data)
    alone = bytearray(data)
    struct.pack_into(layout.place, alone, layout.first, offset)
    struct.pack_into(layout.place, alone, layout.link(data, offset), 0)
    return bytes(alone)


@dataclass(frozen=True)
class _Layout:
    """Where a TIFF or BigTIFF file says what."""

    count: str  # struct's format of the number of entries in a directory
    place: str  # struct's format of the place of a directory
    entry: int  # bytes of an entry
    first: int  # where the place of the first directory is

    @classmethod
    def of(cls, data: bytes) -> _Layout:
        order = "<" if data[:2] == b"II" else ">"
        if struct.unpack_from(order + "H", data, 2)[0] == 43:
            return cls(order + "Q", order + "Q", 20, 8)
        return cls(order + "H", order + "I", 12, 4)

    def link(self, data: bytes, offset: int) -> int:
        """Where the directory at `offset` has the place of the next one."""
        (entries,) = struct.unpack_from(self.count, data, offset)
        return offset + struct.calcsize(self.count) + self.entry * entries


def _strip(samples: np.ndarray, *, difference: bool, compressed: bool) -> bytes:
    samples = samples.astype(samples.dtype.newbyteorder("<"))  # a copy
    if difference:
        samples[:, 1:] -= samples[:, :-1].copy()  # wraps round, as the format wants
    return zlib.compress(samples.tobytes()) if compressed else samples.tobytes()


def describe(
    *,
    exif: bytes | None = None,
    icc: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> ImageFileDirectory_v2:
    """A directory with the metadata only."""
    directory = ImageFileDirectory_v2(prefix=b"II")
    if exif:
        for tag, value in _exif_tags(exif).items():
            directory[tag] = value
    if dpi:
        directory[X_RESOLUTION], directory[Y_RESOLUTION] = dpi
        directory[RESOLUTION_UNIT] = 2  # inches
    if icc:
        directory.tagtype[ICCPROFILE] = 7  # undefined bytes
        directory[ICCPROFILE] = icc
    if xmp:
        directory.tagtype[XMP] = 1  # bytes
        directory[XMP] = xmp
    return directory


def _exif_tags(exif: bytes) -> dict[int, Any]:
    loaded = Image.Exif()
    loaded.load(exif)
    tags = {tag: loaded[tag] for tag in DESCRIPTIVE if tag in loaded}
    for tag in (EXIFIFD, GPS_IFD):
        if directory := dict(loaded.get_ifd(tag)):
            directory.pop(INTEROP_IFD, None)
            tags[tag] = directory
    return tags


def is_cut_short(image: TiffImageFile, size: int) -> bool:
    """Whether the strips or tiles reach beyond a file of `size` bytes."""
    tags = image.tag_v2
    for offsets, counts in ((273, 279), (324, 325)):
        spans = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        if any(offset + count > size for offset, count in spans):
            return True
    return False

"""EXIF and XMP bytes, changed in place and no more than needed.

Serialising EXIF anew would break the maker's notes, which hold absolute offsets. So the
orientation is overwritten where it stands, and the thumbnail, which would go on showing what was
painted out of the image, is blanked where it lies.
"""

from __future__ import annotations

import re
import struct

import numpy as np

EXIF_PREFIX = b"Exif\0\0"

ORIENTATION = 0x0112
# (offset tag, length tag) of a thumbnail: as a JPEG stream, as uncompressed strips.
THUMBNAIL_TAGS = ((0x0201, 0x0202), (0x0111, 0x0117))

XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))([1-8])("|<)')


def settle_exif(exif: bytes) -> tuple[bytes, int | None]:
    """EXIF bytes with orientation 1 and no thumbnail, and the orientation (1 to 8) found in them.

    `exif` is a TIFF structure with or without the leading b"Exif\\0\\0", which the answer always
    has. The orientation is None if there was none. Damaged bytes come back as they are.
    """
    exif = exif if exif.startswith(EXIF_PREFIX) else EXIF_PREFIX + exif
    tiff = bytearray(exif[len(EXIF_PREFIX) :])
    orders = {b"II": "<", b"MM": ">"}
    order = orders.get(bytes(tiff[:2]))
    if order is None:
        return exif, None
    try:
        orientation = _settle_tiff(tiff, order)
    except struct.error:  # an offset that points outside
        return exif, None
    return EXIF_PREFIX + bytes(tiff), orientation


def _settle_tiff(tiff: bytearray, order: str) -> int | None:
    (first,) = struct.unpack_from(order + "4xI", tiff)
    entries, next_at = _directory(tiff, order, first)
    orientation = None
    if ORIENTATION in entries:
        at = entries[ORIENTATION] + 8
        (orientation,) = struct.unpack_from(order + "H", tiff, at)
        struct.pack_into(order + "H", tiff, at, 1)
    _blank_thumbnail(tiff, order, next_at)
    return orientation if orientation in range(1, 9) else None


def _directory(tiff: bytearray, order: str, offset: int) -> tuple[dict[int, int], int]:
    """Position of each 12-byte entry by tag, and the position of the next directory's offset."""
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    starts = [offset + 2 + 12 * i for i in range(count)]
    entries = {struct.unpack_from(order + "H", tiff, at)[0]: at for at in starts}
    return entries, offset + 2 + 12 * count


def _blank_thumbnail(tiff: bytearray, order: str, next_at: int) -> None:
    if next_at + 4 > len(tiff):  # some writers leave out the closing offset
        return
    (offset,) = struct.unpack_from(order + "I", tiff, next_at)
    struct.pack_into(order + "I", tiff, next_at, 0)
    if offset == 0 or offset + 2 > len(tiff):
        return
    entries, _ = _directory(tiff, order, offset)
    for start_tag, length_tag in THUMBNAIL_TAGS:
        if start_tag in entries and length_tag in entries:
            (start,) = struct.unpack_from(order + "I", tiff, entries[start_tag] + 8)
            (length,) = struct.unpack_from(order + "I", tiff, entries[length_tag] + 8)
            end = min(start + length, len(tiff))
            tiff[start:end] = bytes(max(0, end - start))


def settle_xmp(xmp: bytes) -> tuple[bytes, int | None]:
    """XMP bytes with tiff:Orientation 1, and the orientation (1 to 8) found in them, or None."""
    found = XMP_ORIENTATION.search(xmp)
    if found is None:
        return xmp, None
    return XMP_ORIENTATION.sub(rb"\g<1>1\g<3>", xmp), int(found[2])


def turn_upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """The (H, W, ...) array as EXIF orientation 1 to 8 wants it shown."""
    if orientation >= 5:
        array = np.swapaxes(array, 0, 1)  # (W, H, ...)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)

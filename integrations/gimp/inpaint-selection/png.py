"""PNG files of pixels in memory, by the standard library alone."""

from __future__ import annotations

import array
import struct
import sys
import zlib
from pathlib import Path

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # by channels: gray, RGB, RGBA
_LEVEL = 1  # of zlib: the file is read once


def write_png(path: Path, pixels: bytes, size: tuple[int, int], channels: int, depth: int) -> None:
    """Write a PNG.

    Args:
        path: Where.
        pixels: Row by row, channels together, as the processor stores numbers of that depth.
        size: (width, height).
        channels: 1 gray, 3 RGB or 4 RGBA.
        depth: Bits of a channel, 8 or 16.

    Raises:
        ValueError: Pixels of another length.
    """
    width, height = size
    stride = width * channels * depth // 8
    if len(pixels) != stride * height:
        raise ValueError(f"pixels must be {stride * height} bytes, got {len(pixels)}")
    if depth == 16 and sys.byteorder == "little":
        values = array.array("H", pixels)
        values.byteswap()  # PNG has the high byte first
        pixels = values.tobytes()
    deflate = zlib.compressobj(_LEVEL)
    rows = (b"\0" + pixels[start : start + stride] for start in range(0, len(pixels), stride))
    data = b"".join(deflate.compress(row) for row in rows) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

"""PNG on the level of chunks: what Pillow cannot do for 16 bits a channel."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
# Text and the meaning of the colours. Orientation, profile and resolution are handled by name.
KEPT = {b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tIME"}
# EXIF or XMP under another name would bring back the old orientation and thumbnail.
NOT_KEPT = (XMP_KEYWORD, b"Raw profile type")

COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # channels: gray, gray + alpha, RGB, RGBA
BLOCK_ROWS = 64  # rows filtered at once: bounds memory to some megabytes
INCHES_PER_METRE = 1 / 0.0254


def bit_depth(data: bytes) -> int:
    """Bits a channel of a PNG file."""
    return data[24]


def colour_type(data: bytes) -> int:
    """0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA of a PNG file."""
    return data[25]


def kept_chunks(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The (type, data) chunks of a PNG file that go with the image wherever it goes as a PNG."""
    return tuple(
        (kind, body)
        for kind, body in _chunks(data)
        if kind in KEPT and not body.startswith(NOT_KEPT)
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def xmp_body(xmp: bytes) -> bytes:
    """Data of the iTXt chunk that holds XMP."""
    return XMP_KEYWORD + b"\0\0\0\0\0" + xmp


def encode_png16(
    samples: np.ndarray,
    *,
    exif: bytes | None = None,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG file of (H, W, C) uint16 samples, C = 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA.

    `exif` is a bare TIFF structure; `chunks` are (type, data), written before the pixels.
    """
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPE[channels], 0, 0, 0)
    parts = [SIGNATURE, _chunk(b"IHDR", header)]
    if icc:
        parts.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if dpi:
        per_metre = [round(d * INCHES_PER_METRE) for d in dpi]
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    parts += [_chunk(kind, body) for kind, body in chunks if not (icc and kind == b"sRGB")]
    if exif:
        parts.append(_chunk(b"eXIf", exif))
    parts.append(_chunk(b"IDAT", _compress(samples)))
    parts.append(_chunk(b"IEND", b""))
    return b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _compress(samples: np.ndarray) -> bytes:
    height, width, channels = samples.shape
    compressor = zlib.compressobj()
    above = np.zeros((1, width * channels * 2), np.uint8)
    parts = []
    for start in range(0, height, BLOCK_ROWS):
        block = samples[start : start + BLOCK_ROWS].astype(">u2")  # PNG is big-endian
        rows = np.ascontiguousarray(block).view(np.uint8).reshape(len(block), -1)
        parts.append(compressor.compress(_filter(rows, above, channels * 2).tobytes()))
        above = rows[-1:]
    return b"".join([*parts, compressor.flush()])


def _filter(rows: np.ndarray, above: np.ndarray, pixel_bytes: int) -> np.ndarray:
    """(N, 1 + S) bytes: each row with the PNG filter that leaves the least, and its number.

    `rows` is (N, S) uint8, `above` the (1, S) row before them. PNG specification, section 9.
    """
    up = np.concatenate([above, rows[:-1]]).astype(np.int16)
    left = np.zeros_like(up)
    left[:, pixel_bytes:] = rows[:, :-pixel_bytes]
    corner = np.zeros_like(up)
    corner[:, pixel_bytes:] = up[:, :-pixel_bytes]
    guesses = (np.zeros_like(up), left, up, (left + up) // 2, _paeth(left, up, corner))
    residuals = np.stack([(rows - guess).astype(np.uint8) for guess in guesses])  # (5, N, S)
    cost = np.abs(residuals.view(np.int8).astype(np.int16)).sum(-1)  # (5, N)
    best = cost.argmin(0)
    chosen = residuals[best, np.arange(len(rows))]  # (N, S)
    return np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1)


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    estimate = left + up - corner
    to_left, to_up, to_corner = (np.abs(estimate - x) for x in (left, up, corner))
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)

"""What AVIF and HEIC files say of their pixels, ISO/IEC 23008-12; their decoders give 8 bits."""

from __future__ import annotations

_BITS = b"pixi"  # the box: version and flags, number of channels, bits of each


def bits_per_channel(data: bytes) -> int:
    """Bits of a channel as coded, 8 where the file does not say."""
    meta = _box(data, b"meta")
    at = meta.find(_BITS)
    if at < 0 or at + 9 > len(meta):
        return 8
    channels = meta[at + 8]
    return max(meta[at + 9 : at + 9 + channels], default=8)


def _box(data: bytes, kind: bytes) -> bytes:
    """The first box of a kind at the top level of a file; empty where there is none."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == kind:
            return data[at : at + size] if size else data[at:]
        if size < 8:  # to the end of the file, or 64 bits: what follows is no header
            return b""
        at += size
    return b""

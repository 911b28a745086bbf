"""Limits of network sizes, far beyond any that is used.

A configuration may come from a file of unknown origin: within these limits its network is small
enough to be laid out on the meta device, where the file's tensors are compared with it before any
memory is taken for them.
"""

from __future__ import annotations

from collections.abc import Iterable

MAX_LEVELS = 16  # each halves the size
MAX_WIDTH = 1 << 16  # channels
MAX_KERNEL = 63  # px
MAX_DILATION = 256  # px; the padding that goes with it is as wide
MAX_BLOCKS = 64  # of one level
STRIDE = 32  # px of the image at one place of the detector's coarsest level


def check_limit(name: str, values: Iterable[int], limit: int) -> None:
    """Raise ValueError when one of the values is above the limit."""
    largest = max(values, default=0)
    if largest > limit:
        raise ValueError(f"{name} must be at most {limit}, got {largest}")

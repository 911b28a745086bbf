"""Memory that the process keeps though nothing uses it any more."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache
from typing import Any

# glibc's numbers of settings, of malloc.h, and what they are set to.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
ARENAS = 2
LARGE = 4 << 20  # bytes from which a block of memory is the system's own, and returned at once


def bound_arenas() -> None:
    """Let few arenas hold the memory of all threads, and large blocks none (glibc).

    Photos that went through the threads of a server left gaps in an arena of each thread: after 300
    fills it took 1303 MB, and 1167 with two. It is for a process without threads, as arenas that
    there are stay.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(M_ARENA_MAX, ARENAS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


def release_memory() -> None:
    """Gives freed memory back to the system, as far as its allocator can be asked to (glibc)."""
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def settle() -> None:
    """Take what is in memory now out of later garbage collections.

    A server calls it once its modules and networks are loaded: release_memory looks through all
    objects, which took 115 ms after each fill, and 0.1 ms without those of torch.
    """
    gc.collect()
    gc.freeze()


@cache
def _glibc() -> Any:
    """The C library, or None where it is not glibc."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None

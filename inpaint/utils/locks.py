"""Locks on open files, which the kernel drops when their process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None


def try_lock(file: IO[bytes]) -> bool | None:
    """Whether the lock of an open file was free and is held now; None if there are no locks.

    A file system may have none, or may keep them within one machine. Closing the file frees it.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def locked(file: IO[bytes]) -> Iterator[None]:
    """Hold the lock of an open file, waiting for it; without effect where there are no locks."""
    if fcntl is None:
        yield
        return
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)

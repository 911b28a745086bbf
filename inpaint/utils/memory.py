"""Memory: how much there is for this process, and work that waits until there is enough of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inpaint.utils.cgroup import memory_limits

# Kernels that oneDNN keeps; network and refiner take 38 for one size of tile. Its own 1,024 are
# those of 27 sizes, and 0.2 GB.
_KERNELS = 64

_MEMINFO = Path("/proc/meminfo")


def usable_memory(meminfo: Path = _MEMINFO) -> int | None:
    """Bytes that this process may still take: of the machine, and of its control groups' limits.

    None where the system does not tell.

    Args:
        meminfo: What Linux says of its memory.
    """
    found = [available] if (available := _available(meminfo)) is not None else []
    found += [max(0, limit - used) for limit, used in memory_limits()]
    return min(found, default=None)


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return _free_pages()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return 1024 * kilobytes[0] if kilobytes else None


def _free_pages() -> int | None:
    """Half of the machine's memory, where free memory is not told as Linux does."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return None


def bound_kernel_cache(kernels: int = _KERNELS) -> None:
    """Let oneDNN keep so many kernels, unless the environment says how many.

    It reads that once, before its first operation. The default is for few sizes of tiles.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(kernels))


class MemoryBudget:
    """Bytes that threads share: each reserves what it needs and waits until that is free.

    They get it in the order in which they asked, so that large requests are not passed over. What
    asks for more than there is in all gets all of it, and works alone.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._used = 0
        self._queue: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Within it, `size` bytes are this thread's."""
        size, ticket = min(size, self.total), object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(
                lambda: self._queue[0] is ticket and self._used + size <= self.total
            )
            self._queue.pop(0)
            self._used += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()

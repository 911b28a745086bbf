"""What the benchmarks share: ways that take turns, and the memory of a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key")


def alternating(
    ways: Mapping[Key, Callable[[], object]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, list[float]]:
    """Seconds of each way in each round, after one that warms up.

    The ways take turns, so that a busy machine slows all of them.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in ways}
    for number in range(rounds + 1):
        for key, call in ways.items():
            start = clock()
            call()
            if number:
                seconds[key].append(clock() - start)
    return seconds


def resident(key: str, process: int | str = "self") -> int:
    """Bytes of memory that a process holds ("VmRSS") or has held at most ("VmHWM"); Linux.

    process: its number, or "self"; of one that has ended and is not waited for yet, 0.
    """
    # Not getrusage: its ru_maxrss begins with that of the process that started this one.
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * next((int(s.split()[1]) for s in status.splitlines() if s.startswith(key)), 0)

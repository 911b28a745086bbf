"""Threads: how many there may be, and work on them whose result does not depend on their number."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from inpaint.utils.cgroup import cpu_quota, groups

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cpus(cgroup: Path | None = None, membership: Path | None = None) -> int:
    """Processors that this process may use: its affinity and its groups' quotas, at least 1.

    Args:
        cgroup: Where control groups are mounted, of version 1 or 2.
        membership: File that tells the process's own groups.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quotas = [cpu_quota(folder) for folder in groups("cpu", cgroup, membership)]
    return max(1, min([count, *(math.ceil(quota) for quota in quotas if quota is not None)]))


@contextmanager
def one_thread() -> Iterator[int]:
    """Within it, each operation of torch runs on the calling thread alone.

    Sums that several threads share depend on their number in the last bit. And operations of
    milliseconds wait for threads that other programs keep from running: beside a busy program, a
    network on two threads takes ten times as long as on one.

    Yields how many threads work may be divided among: torch's number, if there are as many
    processors.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield min(before, usable_cpus())
    finally:
        torch.set_num_threads(before)


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Results of a function in inference mode, in the order of its items, on several threads.

    Each call runs as in `one_thread`, so the results do not depend on their number. Items that
    have not been begun are given up when the caller ends early.
    """
    work = torch.inference_mode()(function)
    if threads == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)

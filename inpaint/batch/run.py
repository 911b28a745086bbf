"""The local engine: threads that each take a picture from file to file."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch

from inpaint.batch.records import Record, Settings, Task
from inpaint.batch.work import Filler
from inpaint.inference.batching import Seat
from inpaint.inference.inpainter import Inpainter

READING_AND_WRITING = 2  # threads beyond those that fill, by default


def run_local(
    tasks: list[Task],
    inpainter: Inpainter,
    settings: Settings,
    *,
    workers: int | None = None,
    slots: int | None = None,
    batch_size: int = 1,
) -> Iterator[Record]:
    """Records of all tasks as they get ready; in which order is not said.

    A thread reads a picture, waits for its turn at the network, and writes the result, so at most
    `workers` pictures are in memory, and reading and writing go on while others are filled.
    `slots` pictures are filled at a time: on a CPU as many as there are cores, each on one core,
    which is faster than all cores on one small picture, and makes the result independent of
    their number; on a GPU one.

    With a `batch_size` above 1 tasks are taken in groups of as many, in their order, and each
    group's pictures are filled in step, those of one size in one pass of the network. Raises
    ValueError for fewer workers than that.
    """
    if slots is None:
        slots = _cores() if inpainter.device.type == "cpu" else 1
    if workers is None:
        workers = slots * batch_size + max(READING_AND_WRITING, slots // 2)
    if not 1 <= batch_size <= workers:
        raise ValueError(f"batch_size must be 1 to workers, {workers}, got {batch_size}")
    filler = Filler(inpainter, settings, slots=slots)
    with _quiet_log(), _torch_threads(1):
        yield from _side_by_side(filler, _seated(tasks, filler, batch_size), workers=workers)


def run_single(task: Task, inpainter: Inpainter, settings: Settings) -> Iterator[Record]:
    """The record of one task, on which all cores work."""
    with _quiet_log():
        yield Filler(inpainter, settings)(task)


def _seated(
    tasks: list[Task], filler: Filler, batch_size: int
) -> Generator[tuple[Task, Seat | None], None, None]:
    """Tasks with their seats in groups of `batch_size`. Closed early, it leaves those that
    nobody will take, for whom the others of the group would wait for ever."""
    for start in range(0, len(tasks), batch_size):
        chunk = tasks[start : start + batch_size]
        seats = filler.group(len(chunk)).seats if batch_size > 1 else []
        taken = 0
        try:
            for task in chunk:
                taken += 1
                yield task, seats[taken - 1] if seats else None
        finally:
            for seat in seats[taken:]:
                seat.leave()


def _side_by_side(
    work: Callable[[Task, Seat | None], Record],
    tasks: Generator[tuple[Task, Seat | None], None, None],
    *,
    workers: int,
) -> Iterator[Record]:
    # Of a group no thread can wait for one that has no thread: tasks start in their order, so
    # the earliest group's have all started, or will when one of the others ends.
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    pending: set[Future[Record]] = set()
    try:
        for task, seat in tasks:
            if len(pending) >= 2 * workers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            future = pool.submit(work, task, seat)
            if seat is not None:  # cancelled, it would never be left
                future.add_done_callback(seat.leave)
            pending.add(future)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except KeyboardInterrupt:
        tasks.close()
        pool.shutdown(cancel_futures=True)  # what is in flight is finished, and is in the report
        yield from (future.result() for future in pending if not future.cancelled())
        raise
    finally:
        tasks.close()
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Warnings go into the records, see Filler; among a progress bar they are noise."""
    log = logging.getLogger("inpaint")
    before, log.propagate = log.propagate, False
    with warnings.catch_warnings():
        warnings.filterwarnings("always", module="PIL")  # of each file, not of the first alone
        warnings.showwarning = _log_warning
        try:
            yield
        finally:
            log.propagate = before


def _log_warning(message: Warning | str, *_: object, **__: object) -> None:
    logging.getLogger("inpaint").warning("%s", " ".join(str(message).split()))

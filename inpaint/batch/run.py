"""The local engine: threads that each take an image from file to file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import torch

from inpaint.batch.memory import ImageMemory
from inpaint.batch.records import Record, Settings, Task
from inpaint.batch.work import Filler, Marker
from inpaint.detect.detector import DamageDetector
from inpaint.detect.settings import DetectSettings
from inpaint.images import DEFAULT_MAX_PIXELS
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.progress import OnProgress
from inpaint.utils.memory import bound_kernel_cache
from inpaint.utils.threads import one_thread, usable_cpus

READING_AND_WRITING = 2  # threads beyond those that fill, by default


def run_local(
    tasks: list[Task],
    inpainter: Inpainter,
    settings: Settings,
    *,
    workers: int | None = None,
    slots: int | None = None,
    on_progress: Callable[[Task, float], object] | None = None,
    max_memory: int | None = None,
) -> Iterator[Record]:
    """Records of all tasks as they get ready; in which order is not said.

    A thread reads an image, waits for its turn at the network, and writes the result, so at most
    `workers` images are in memory, and reading and writing go on while others are filled.
    `slots` images are filled at a time: on a CPU as many as there are cores, each on one core,
    which is faster than all cores on one small image; on a GPU one. Images wait, before they are
    read, until they fit into `max_memory` bytes; by default into most of what is free.
    `on_progress` is called by these threads with the share of a task's fill that is done.
    """
    if slots is None:
        slots = usable_cpus() if inpainter.device.type == "cpu" else 1
    if workers is None:
        workers = slots + max(READING_AND_WRITING, slots // 2)
    bound_kernel_cache()
    filler = Filler(inpainter, settings, slots=slots, memory=ImageMemory(max_memory))

    def work(task: Task) -> Record:
        return filler(task) if on_progress is None else filler(task, partial(on_progress, task))

    with _quiet_log(), one_thread():
        yield from _side_by_side(work, tasks, workers=workers)


def run_marker(
    tasks: list[Task],
    detector: DamageDetector,
    settings: DetectSettings,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    strict: bool = False,
) -> Iterator[Record]:
    """Records of tasks whose outputs are masks of the damage in their images, as they get ready.

    Images of more than `max_pixels` fail, and if `strict` those that more is noted about than
    the damage. As with `run_local`, on a CPU as many images at a time as there are cores, each on
    one core.
    """
    slots = usable_cpus() if detector.device.type == "cpu" else 1
    marker = Marker(detector, settings, slots=slots, max_pixels=max_pixels, strict=strict)
    with _quiet_log(), one_thread():
        yield from _side_by_side(marker, tasks, workers=slots + READING_AND_WRITING)


def run_single(
    task: Task,
    inpainter: Inpainter,
    settings: Settings,
    on_progress: OnProgress | None = None,
    *,
    max_memory: int | None = None,
) -> Iterator[Record]:
    """The record of one task, on which all cores work.

    on_progress: see Inpainter.fill. An image that needs more than `max_memory` bytes fails.
    """
    with _quiet_log():
        memory = None if max_memory is None else ImageMemory(max_memory)
        yield Filler(inpainter, settings, memory=memory)(task, on_progress)


def _side_by_side(
    work: Callable[[Task], Record], tasks: list[Task], *, workers: int
) -> Iterator[Record]:
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    pending: set[Future[Record]] = set()
    try:
        for task in tasks:
            if len(pending) >= 2 * workers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            pending.add(pool.submit(work, task))
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except KeyboardInterrupt:
        pool.shutdown(cancel_futures=True)  # what is in flight is finished, and is in the report
        yield from (future.result() for future in pending if not future.cancelled())
        raise
    finally:
        pool.shutdown(cancel_futures=True)


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

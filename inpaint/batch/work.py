"""One picture from file to file."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np

from inpaint.batch import files
from inpaint.batch.records import ALPHA, Record, Settings, Task
from inpaint.images import Picture, format_of, read_picture
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.progress import OnProgress
from inpaint.masks.read import ALPHA_THRESHOLD, grow_hole, read_hole

logger = logging.getLogger("inpaint")

CACHED_HOLES = 4  # enough for one mask used on pictures of a few sizes


class Filler:
    """Fills tasks; threads may share it. At most `slots` of them use the network at a time."""

    def __init__(self, inpainter: Inpainter, settings: Settings, *, slots: int = 1) -> None:
        self.inpainter = inpainter
        self.settings = settings
        self._slots = threading.BoundedSemaphore(slots)
        self._hole = lru_cache(maxsize=CACHED_HOLES)(self._read_hole)

    def __call__(self, task: Task, on_progress: OnProgress | None = None) -> Record:
        """What became of the task. Raises nothing: a bad picture must not stop the others."""
        start = time.perf_counter()
        record = Record(task.image, "failed", task.mask, task.output)
        with _warnings_noted() as notes:
            try:
                ratio = self._run(task, notes, on_progress)
                record = dataclasses.replace(record, status="done", hole_ratio=ratio)
            except Exception as error:  # it is reported, with the picture's name
                record = dataclasses.replace(record, message=_sentence(error, task))
        seconds = round(time.perf_counter() - start, 4)
        return dataclasses.replace(record, seconds=seconds, notes=tuple(notes))

    def _run(self, task: Task, notes: list[str], on_progress: OnProgress | None = None) -> float:
        """The task's hole ratio; its output is written, and what is worth saying is in notes."""
        with files.fetched(task.image) as local:
            picture = read_picture(local)
            if format_of(task.image) not in (None, picture.format):
                notes.append(f"the content is {picture.format}, whatever the name says")
            if task.mask == ALPHA:
                hole = self._alpha_hole(picture)
            else:
                hole, remarks = self._hole(task.mask, picture.size)
                notes += (remark for remark in remarks if remark not in notes)
            if not hole.any() and task.format in (None, picture.format):
                notes.append("the hole is empty: the file is copied as it is")
                files.copy(local, task.output)
                return 0.0
        notes += picture.notes
        clear_alpha = task.mask == ALPHA
        with self._slots:
            filled = _fill(
                self.inpainter, picture, hole, clear_alpha=clear_alpha, on_progress=on_progress
            )
        files.write(filled, task.output, format=task.format, quality=self.settings.quality)
        return round(float(hole.mean()), 6)

    def _read_hole(self, mask: str, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        """The hole, and what is odd about the mask, for every picture that it is used on."""
        with _warnings_noted() as notes, files.fetched(mask) as local:
            hole = read_hole(local, size=size, invert=self.settings.invert)
        hole = grow_hole(hole, self.settings.grow)
        hole.setflags(write=False)  # it is cached
        return hole, notes

    def _alpha_hole(self, picture: Picture) -> np.ndarray:
        """Where the picture is transparent by more than the share that read_hole lets pass."""
        if picture.alpha is None:
            raise ValueError("the picture has no alpha channel that could say what to fill")
        full = np.iinfo(picture.alpha.dtype).max
        hole = full - picture.alpha > ALPHA_THRESHOLD * full
        return grow_hole(~hole if self.settings.invert else hole, self.settings.grow)


def _fill(
    inpainter: Inpainter,
    picture: Picture,
    hole: np.ndarray,
    *,
    clear_alpha: bool,
    on_progress: OnProgress | None,
) -> Picture:
    """The picture filled. If its alpha was the mask, what is filled becomes opaque, and the
    channel goes when it says nothing any more."""
    if not clear_alpha or picture.alpha is None:
        return inpainter.fill_picture(picture, hole, on_progress=on_progress)
    alpha = np.where(hole, np.iinfo(picture.alpha.dtype).max, picture.alpha)
    opaque = bool((alpha == np.iinfo(alpha.dtype).max).all())
    source = dataclasses.replace(picture, alpha=None)
    filled = inpainter.fill_picture(source, hole, on_progress=on_progress)
    return dataclasses.replace(filled, alpha=None if opaque else alpha)


def _sentence(error: Exception, task: Task) -> str:
    """What went wrong, without the picture's name, which the record has already."""
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename not in (None, task.image)
        return f"{error.filename}: {error.strerror}" if elsewhere else error.strerror
    return str(error).removeprefix(f"{task.image}: ") or type(error).__name__


@contextmanager
def _warnings_noted() -> Iterator[list[str]]:
    """Collects what this thread logs: in a long run a warning must say which picture it is of."""
    notes: list[str] = []
    handler = _NoteHandler(notes)
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)


class _NoteHandler(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.notes = notes
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.notes.append(record.getMessage())

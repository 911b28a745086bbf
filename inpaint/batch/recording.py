"""From what one image's work raises and logs to its record."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from inpaint.batch.detection import TooDamagedError
from inpaint.batch.records import Record, Task

logger = logging.getLogger("inpaint")


def recorded(task: Task, work: Callable[[list[str]], dict[str, Any]]) -> Record:
    """What became of a task; whatever its work raises is in the record.

    work: Does the task, adds to the notes it is given, and returns fields of the record.
    """
    start = time.perf_counter()
    record = Record(task.image, "failed", task.mask, task.output)
    with warnings_noted() as notes:
        try:
            record = dataclasses.replace(record, status="done", **work(notes))
        except TooDamagedError as error:
            record = dataclasses.replace(
                record, status="skipped", damage=error.shares, message=str(error)
            )
        except Exception as error:  # it is reported, with the image's name
            record = dataclasses.replace(record, message=_sentence(error, task))
    seconds = round(time.perf_counter() - start, 4)
    return dataclasses.replace(record, seconds=seconds, notes=tuple(dict.fromkeys(notes)))


def _sentence(error: Exception, task: Task) -> str:
    """What went wrong, without the image's name, which the record has already."""
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename not in (None, task.image)
        return f"{error.filename}: {error.strerror}" if elsewhere else error.strerror
    return str(error).removeprefix(f"{task.image}: ") or type(error).__name__


@contextmanager
def warnings_noted() -> Iterator[list[str]]:
    """Collects what this thread logs: in a long run a warning must say which image it is of."""
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

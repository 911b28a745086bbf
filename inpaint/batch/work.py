"""One image from file to file."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from inpaint.batch import files
from inpaint.batch.detection import TooDamagedError, find_damage, write_mask
from inpaint.batch.records import ALPHA, DETECTED, PAINTS, Record, Settings, Task
from inpaint.detect.detector import DamageDetector, Detection
from inpaint.detect.settings import DetectSettings
from inpaint.images import ImageData, format_of, read_image
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.progress import OnProgress
from inpaint.masks.paint import painted_hole
from inpaint.masks.read import ALPHA_THRESHOLD, grow_hole, read_hole

logger = logging.getLogger("inpaint")

CACHED_HOLES = 4  # enough for one mask used on images of a few sizes


class Filler:
    """Fills tasks; threads may share it. At most `slots` of them use the network at a time."""

    def __init__(self, inpainter: Inpainter, settings: Settings, *, slots: int = 1) -> None:
        self.inpainter = inpainter
        self.settings = settings
        self._slots = threading.BoundedSemaphore(slots)
        self._hole = lru_cache(maxsize=CACHED_HOLES)(self._read_hole)
        self._exclude = lru_cache(maxsize=CACHED_HOLES)(_read_exclude)

    def __call__(self, task: Task, on_progress: OnProgress | None = None) -> Record:
        """What became of the task. Raises nothing: a bad image must not stop the others."""
        return _recorded(task, partial(self._run, task, on_progress))

    def _run(self, task: Task, on_progress: OnProgress | None, notes: list[str]) -> dict[str, Any]:
        """What its record says; its output is written, and what is worth saying is in notes."""
        found: dict[str, Any] = {}
        with files.fetched(task.image) as local:
            image = read_image(local)
            if format_of(task.image) not in (None, image.format):
                notes.append(f"the content is {image.format}, whatever the name says")
            if task.mask == ALPHA:
                hole = self._alpha_hole(image)
            elif task.mask in PAINTS:
                hole = self._painted_hole(image, task.mask)
            elif task.mask == DETECTED:
                detection = self._detect(image, notes)
                hole = detection.hole(self.settings.detect.grow)
                found = {"damage": detection.shares}
                if task.mask_output is not None:
                    write_mask(hole, task.mask_output)
            else:
                hole, remarks = self._hole(task.mask, image.size)
                notes += (remark for remark in remarks if remark not in notes)
            if not hole.any() and task.format in (None, image.format):
                notes.append("the hole is empty: the file is copied as it is")
                files.copy(local, task.output)
                return {"hole_ratio": 0.0, **found}
            exclude = None if task.exclude is None else self._exclude(task.exclude, image.size)
        notes += image.notes
        clear_alpha = task.mask == ALPHA
        with self._slots:
            fill = partial(self.inpainter.fill_image_data, exclude=exclude, on_progress=on_progress)
            filled = _fill(fill, image, hole, clear_alpha=clear_alpha)
        files.write(filled, task.output, format=task.format, quality=self.settings.quality)
        return {"hole_ratio": round(float(hole.mean()), 6), **found}

    def _detect(self, image: ImageData, notes: list[str]) -> Detection:
        with self._slots:
            detection = find_damage(self._detector, image, self.settings.detect, notes)
        if detection.share > self.settings.detect.limit:
            raise TooDamagedError(detection, self.settings.detect.limit)
        return detection

    @cached_property
    def _detector(self) -> DamageDetector:
        return DamageDetector.load(self.settings.detect.weights, device=self.inpainter.device)

    def _read_hole(self, mask: str, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        """The hole, and what is odd about the mask, for every image that it is used on."""
        with _warnings_noted() as notes, files.fetched(mask) as local:
            hole = read_hole(local, size=size, invert=self.settings.invert)
        hole = grow_hole(hole, self.settings.grow)
        hole.setflags(write=False)  # it is cached
        return hole, notes

    def _alpha_hole(self, image: ImageData) -> np.ndarray:
        """Where the image is transparent by more than the share that read_hole lets pass."""
        if image.alpha is None:
            raise ValueError("the picture has no alpha channel that could say what to fill")
        full = np.iinfo(image.alpha.dtype).max
        hole = full - image.alpha > ALPHA_THRESHOLD * full
        return grow_hole(~hole if self.settings.invert else hole, self.settings.grow)

    def _painted_hole(self, image: ImageData, paint: str) -> np.ndarray:
        """Where the image was painted over."""
        hole = painted_hole(image.pixels, PAINTS[paint])
        return grow_hole(~hole if self.settings.invert else hole, self.settings.grow)


class Marker:
    """Writes masks of the damage it finds; threads may share it.

    An image with more damage than the settings' limit gets its mask too, with a note.
    """

    def __init__(
        self, detector: DamageDetector, settings: DetectSettings, *, slots: int = 1
    ) -> None:
        self.detector = detector
        self.settings = settings
        self._slots = threading.BoundedSemaphore(slots)

    def __call__(self, task: Task) -> Record:
        """What became of the task. Raises nothing, as Filler."""
        return _recorded(task, partial(self._run, task))

    def _run(self, task: Task, notes: list[str]) -> dict[str, Any]:
        """As of Filler."""
        with files.fetched(task.image) as local:
            image = read_image(local)
        with self._slots:
            detection = find_damage(self.detector, image, self.settings, notes)
        if detection.share > self.settings.limit:
            limit = 100 * self.settings.limit
            notes.append(f"more than the limit of {limit:g} %; look at the mask")
        hole = detection.hole(self.settings.grow)
        write_mask(hole, task.output)
        return {"hole_ratio": round(float(hole.mean()), 6), "damage": detection.shares}


def _recorded(task: Task, work: Callable[[list[str]], dict[str, Any]]) -> Record:
    """What became of a task; whatever its work raises is in the record.

    work: Does the task, adds to the notes it is given, and returns fields of the record.
    """
    start = time.perf_counter()
    record = Record(task.image, "failed", task.mask, task.output)
    with _warnings_noted() as notes:
        try:
            record = dataclasses.replace(record, status="done", **work(notes))
        except TooDamagedError as error:
            record = dataclasses.replace(
                record, status="skipped", damage=error.shares, message=str(error)
            )
        except Exception as error:  # it is reported, with the image's name
            record = dataclasses.replace(record, message=_sentence(error, task))
    seconds = round(time.perf_counter() - start, 4)
    return dataclasses.replace(record, seconds=seconds, notes=tuple(notes))


def _read_exclude(mask: str, size: tuple[int, int]) -> np.ndarray:
    with files.fetched(mask) as local:
        exclude = read_hole(local, size=size, warn=False)
    exclude.setflags(write=False)  # it is cached
    return exclude


def _fill(
    fill: Callable[[ImageData, np.ndarray], ImageData],
    image: ImageData,
    hole: np.ndarray,
    *,
    clear_alpha: bool,
) -> ImageData:
    """The image filled. If its alpha was the mask, what is filled becomes opaque, and the
    channel goes when it says nothing any more."""
    if not clear_alpha or image.alpha is None:
        return fill(image, hole)
    alpha = np.where(hole, np.iinfo(image.alpha.dtype).max, image.alpha)
    opaque = bool((alpha == np.iinfo(alpha.dtype).max).all())
    source = dataclasses.replace(image, alpha=None)
    filled = fill(source, hole)
    return dataclasses.replace(filled, alpha=None if opaque else alpha)


def _sentence(error: Exception, task: Task) -> str:
    """What went wrong, without the image's name, which the record has already."""
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename not in (None, task.image)
        return f"{error.filename}: {error.strerror}" if elsewhere else error.strerror
    return str(error).removeprefix(f"{task.image}: ") or type(error).__name__


@contextmanager
def _warnings_noted() -> Iterator[list[str]]:
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

"""One image from file to file."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.batch import files
from inpaint.batch.detection import TooDamagedError, check_notes, find_damage, write_mask
from inpaint.batch.frames import joined, mask_frames, share_of
from inpaint.batch.memory import ImageMemory
from inpaint.batch.recording import recorded, warnings_noted
from inpaint.batch.records import ALPHA, DETECTED, NO_FILES, PAINTS, Record, Settings, Task
from inpaint.detect.detector import DamageDetector, Detection
from inpaint.detect.settings import DetectSettings
from inpaint.images import (
    DEFAULT_MAX_PIXELS,
    ImageData,
    check_writable,
    format_of,
    read_image,
)
from inpaint.images.frames import WITH_FRAMES, check_holds_frames, encode_frames, read_frames
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.progress import OnProgress
from inpaint.masks.paint import painted_hole
from inpaint.masks.read import ALPHA_THRESHOLD, grow_hole, read_hole, warn_if_suspicious

CACHED_HOLES = 4  # enough for one mask used on images of a few sizes


class Filler:
    """Fills tasks; threads may share it. At most `slots` of them use the network at a time."""

    def __init__(
        self,
        inpainter: Inpainter,
        settings: Settings,
        *,
        slots: int = 1,
        memory: ImageMemory | None = None,
    ) -> None:
        self.inpainter = inpainter
        self.settings = settings
        self._memory = memory
        self._slots = threading.BoundedSemaphore(slots)
        self._hole = _kept_as_bits(self._read_hole)
        self._exclude = _kept_as_bits(self._read_exclude)

    def __call__(self, task: Task, on_progress: OnProgress | None = None) -> Record:
        """What became of the task. Raises nothing: a bad image must not stop the others."""
        return recorded(task, partial(self._run_in_memory, task, on_progress))

    def _run_in_memory(
        self, task: Task, on_progress: OnProgress | None, notes: list[str]
    ) -> dict[str, Any]:
        """`_run`, when there is memory for the image."""
        if self._memory is None:
            return self._run(task, on_progress, notes)
        with self._memory.reserved(task.image):
            return self._run(task, on_progress, notes)

    def _run(self, task: Task, on_progress: OnProgress | None, notes: list[str]) -> dict[str, Any]:
        """What its record says; its output is written, and what is worth saying is in notes."""
        with files.fetched(task.image) as local:
            image = read_image(local, max_pixels=self.settings.max_pixels)
            if format_of(task.image) not in (None, image.format):
                notes.append(f"the content is {image.format}, whatever the name says")
            if self.settings.all_frames and image.frames > 1 and image.format in WITH_FRAMES:
                return self._run_frames(task, local, image, on_progress, notes)
            hole, found = self._find_hole(task, image, notes)
            if not hole.any() and task.format in (None, image.format):
                self._check_strict(notes)
                self._copy(task, local, notes)
                return {"hole_ratio": 0.0, **found}
            # What cannot be written need not be filled. An alpha that was the mask is filled, too.
            kept = dataclasses.replace(image, alpha=None) if task.mask == ALPHA else image
            check_writable(kept, format=task.format)
        notes += image.notes
        self._check_strict(notes)
        filled = self._filled(task, image, hole, on_progress)
        self._check_strict(notes)
        quality = self.settings.quality
        path, like = task.output, _owner(task)
        files.write(filled, path, format=task.format, quality=quality, root=task.root, like=like)
        left = image.frames - 1 or None
        return {"hole_ratio": round(float(hole.mean()), 6), "frames_left": left, **found}

    def _run_frames(
        self,
        task: Task,
        local: str,
        first: ImageData,
        on_progress: OnProgress | None,
        notes: list[str],
    ) -> dict[str, Any]:
        """As _run, for all frames of an animation or pages of a TIFF file."""
        ratios: list[float] = []
        founds: list[dict[str, Any]] = []
        count = first.frames

        def filled() -> Iterator[ImageData]:
            frames = read_frames(local, max_pixels=self.settings.max_pixels)
            masks = mask_frames(task.mask, count, max_pixels=self.settings.max_pixels)
            for number, (image, mask) in enumerate(zip(frames, masks, strict=True)):
                hole, found = self._find_hole(task, image, notes, mask)
                ratios.append(float(hole.mean()))
                founds.append(found)
                notes.extend(image.notes)
                self._check_strict(notes)
                share = share_of(on_progress, number, count)
                yield self._filled(task, image, hole, share) if hole.any() else image

        format = task.format or first.format
        check_holds_frames(format)
        data = encode_frames(filled(), format=format, quality=self.settings.quality)
        self._check_strict(notes)
        if not any(ratios) and format == first.format:
            self._copy(task, local, notes)
        else:
            files.write_bytes(data, task.output, root=task.root, like=_owner(task))
        return {"hole_ratio": round(sum(ratios) / count, 6), **joined(founds)}

    def _copy(self, task: Task, local: str, notes: list[str]) -> None:
        notes.append("the hole is empty: the file is copied as it is")
        data = Path(local).read_bytes()
        files.write_bytes(data, task.output, root=task.root, like=_owner(task))

    def _filled(
        self, task: Task, image: ImageData, hole: np.ndarray, on_progress: OnProgress | None
    ) -> ImageData:
        exclude = None if task.exclude is None else self._exclude(task.exclude, image.size)[0]
        fill = partial(
            self.inpainter.fill_image_data,
            exclude=exclude,
            on_progress=on_progress,
            in_place=True,  # the image is not used again
        )
        with self._slots:
            return _fill(fill, image, hole, clear_alpha=task.mask == ALPHA)

    def _find_hole(
        self, task: Task, image: ImageData, notes: list[str], mask: ImageData | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The hole, (H, W) bool, and what the record says about how it was found.

        mask: A frame of the task's mask that belongs to the image; None = the mask is one for all.
        """
        if task.mask == DETECTED:
            detection = self._detect(image, notes)
            hole = detection.hole(self.settings.detect.grow)
            if task.mask_output is not None:
                write_mask(hole, task.mask_output, root=task.mask_root)
            return hole, {"damage": detection.shares}
        before = len(notes)
        if task.mask in NO_FILES:
            hole = self._own_hole(image, task.mask)
        elif mask is not None:
            hole = read_hole(mask, size=image.size, invert=self.settings.invert)
            hole = grow_hole(hole, self.settings.grow)
        else:
            hole, remarks = self._hole(task.mask, image.size)
            notes += (remark for remark in remarks if remark not in notes)
        return hole, {"suspicious": len(notes) > before or None}

    def _check_strict(self, notes: list[str]) -> None:
        """Raises ValueError if there are notes and none shall be."""
        if self.settings.strict:
            check_notes(notes, "not filled")

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
        with warnings_noted() as notes, files.fetched(mask) as local:
            limit = self.settings.max_pixels
            hole = read_hole(local, size=size, invert=self.settings.invert, max_pixels=limit)
        return grow_hole(hole, self.settings.grow), notes

    def _read_exclude(self, mask: str, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        """The mask of what is not copied from, and no notes."""
        with files.fetched(mask) as local:
            limit = self.settings.max_pixels
            return read_hole(local, size=size, warn=False, max_pixels=limit), []

    def _own_hole(self, image: ImageData, mask: str) -> np.ndarray:
        """Where the image is transparent, or was painted over."""
        hole = _clear(image) if mask == ALPHA else painted_hole(image.pixels, PAINTS[mask])
        hole = ~hole if self.settings.invert else hole
        warn_if_suspicious(hole)
        return grow_hole(hole, self.settings.grow)


_ReadMask = Callable[[str, tuple[int, int]], tuple[np.ndarray, list[str]]]


def _kept_as_bits(read: _ReadMask) -> _ReadMask:
    """`read`, whose last masks are kept, eight pixels a byte; (H, W) bool and notes."""

    @lru_cache(maxsize=CACHED_HOLES)
    def packed(mask: str, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        found, notes = read(mask, size)
        return np.packbits(found, axis=1), notes

    def unpacked(mask: str, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        bits, notes = packed(mask, size)
        return np.unpackbits(bits, axis=1, count=size[1]).view(bool), notes

    return unpacked


class Marker:
    """Writes masks of the damage it finds; threads may share it.

    An image with more damage than the settings' limit gets its mask too, with a note, unless
    `strict`: then it fails, as all images do that something else than damage is noted about.
    """

    def __init__(
        self,
        detector: DamageDetector,
        settings: DetectSettings,
        *,
        slots: int = 1,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        strict: bool = False,
    ) -> None:
        self.detector = detector
        self.settings = settings
        self.max_pixels = max_pixels
        self.strict = strict
        self._slots = threading.BoundedSemaphore(slots)

    def __call__(self, task: Task) -> Record:
        """What became of the task. Raises nothing, as Filler."""
        return recorded(task, partial(self._run, task))

    def _run(self, task: Task, notes: list[str]) -> dict[str, Any]:
        """As of Filler."""
        with files.fetched(task.image) as local:
            image = read_image(local, max_pixels=self.max_pixels)
        with self._slots:
            detection = find_damage(self.detector, image, self.settings, notes)
        if detection.share > self.settings.limit:
            limit = 100 * self.settings.limit
            notes.append(f"more than the limit of {limit:g} %; look at the mask")
        notes += image.notes
        if self.strict:
            check_notes(notes, "no mask is written")
        hole = detection.hole(self.settings.grow)
        write_mask(hole, task.output, root=task.root)
        ratio, left = round(float(hole.mean()), 6), image.frames - 1 or None
        return {"hole_ratio": ratio, "damage": detection.shares, "frames_left": left}


def _clear(image: ImageData) -> np.ndarray:
    """Where the image is transparent by more than the share that read_hole lets pass."""
    if image.alpha is None:
        raise ValueError("the picture has no alpha channel that could say what to fill")
    full = np.iinfo(image.alpha.dtype).max
    return full - image.alpha > ALPHA_THRESHOLD * full


def _owner(task: Task) -> str | None:
    """The file whose permissions an output does not go beyond; None for a remote one."""
    return None if files.is_remote(task.image) else task.image


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

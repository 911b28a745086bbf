"""What the page asks of the server for one photo: each handler answers with values and files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from inpaint.app.archive import pack
from inpaint.app.damage import DamageScores
from inpaint.app.feather import feather
from inpaint.app.photos import Photos
from inpaint.app.previews import (
    new_file,
    with_margin,
    write_marks,
    write_mask,
    write_patch,
    write_preview,
    write_result,
)
from inpaint.app.requests import (
    CancelRequest,
    ChoiceRequest,
    DamageRequest,
    ExampleRequest,
    FillRequest,
    MaskRequest,
    SelectRequest,
    StepRequest,
    StepsRequest,
    TokenRequest,
)
from inpaint.app.session import Patch, Session
from inpaint.app.sessions import SessionGone, Sessions
from inpaint.app.visitors import Visitors
from inpaint.detect.settings import DEFAULT_GROW, DEFAULT_LIMIT
from inpaint.images import ImageData
from inpaint.masks.read import grow_hole
from inpaint.selection import Stroke, add_shadow, dilate_object, select_object
from inpaint.serving.models import Models, is_large
from inpaint.serving.uploads import read_mask, read_photo
from inpaint.utils.rectangles import Rectangle, bounding_box

QUICK_SECONDS = 1.0  # a fill that takes less may follow each stroke
Report = Callable[[float], object]
Selector = Callable[[np.ndarray, Sequence[Stroke]], tuple[Rectangle, np.ndarray]]
Example = tuple[Path, "Path | None"]


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for."""

    max_pixels: int = 64_000_000  # of one photo
    max_files: int = 500  # in one batch
    max_batch_bytes: int = 2_000_000_000  # of one batch, unpacked
    max_file_bytes: int = 64_000_000


@dataclass(frozen=True)
class Answer:
    """Values for the page's script, as JSON, and files that it may fetch."""

    values: dict[str, Any] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


class Handlers:
    """The page's work on one photo."""

    def __init__(
        self,
        models: Models,
        limits: Limits,
        examples: list[Example],
        *,
        select_object: Selector = select_object,
    ) -> None:
        """select_object: finds outlines."""
        self.models, self.limits, self.examples = models, limits, examples
        self.select_object = select_object
        self.visitors = Visitors()
        self.photos = Photos(partial(read_photo, max_pixels=limits.max_pixels))
        self.damage = DamageScores(models.damage_scores)
        self.sessions = Sessions(on_end=self._forget)

    def open(self, path: Path | None) -> Answer:
        """A new session on an uploaded photo, and a preview of it."""
        return self._begin(_sent(path))

    def open_example(self, request: ExampleRequest) -> Answer:
        """A new session on one of our own images, its preview, and its mask if it has one."""
        if not 0 <= request.index < len(self.examples):
            raise ValueError(f"There is no example {request.index}")
        photo, mask = self.examples[request.index]
        answer = self._begin(photo)
        if mask is not None:
            session = self.sessions.get(answer.values["token"])
            answer.files.append(write_marks(self._opened_mask(session, mask)))
        return answer

    def resume(self, request: TokenRequest) -> Answer:
        """The session of a page that was loaded again: its preview, and its fills."""
        session = self.sessions.get(request.token)
        source = self._read(session)
        answer = self._opened(request.token, session, source)
        boxes = []
        for number, step in enumerate(session.steps, session.joined + 1):
            box = with_margin(step.patch.box, session.size)
            boxes.append(_corners(box))
            answer.files.append(write_patch(session.image(source, number), box))
        answer.values.update(fills=session.fills, oldest=_oldest(session), boxes=boxes)
        return answer

    def close(self, request: TokenRequest) -> Answer:
        """The session ends."""
        self.sessions.remove(request.token)
        return Answer()

    def read_mask(self, request: TokenRequest, path: Path | None) -> Answer:
        """A mask file of any kind as a PNG of the photo's size, opaque where it marks."""
        session = self.sessions.get(request.token)
        return Answer({}, [write_marks(self._opened_mask(session, path))])

    def save_mask(self, request: MaskRequest, path: Path | None) -> Answer:
        """The hole as it would be filled, as a PNG of the photo's own size."""
        session = self.sessions.get(request.token)
        saved = write_mask(self._hole(session, path, request.grow), session.name)
        return Answer({"name": saved.name}, [saved])

    def fill(self, request: FillRequest, masks: Sequence[Path], report: Report) -> Answer:
        """The marked areas filled: what changed, as an image, and its box.

        masks: the hole as a mask of the photo's size, white = fill, and perhaps what texture is
        not copied from.
        """
        session = self.sessions.get(request.token)
        report = self.visitors.watching((request.visitor, request.job), report)
        report(0.0)
        hole = self._hole(session, masks[0] if masks else None, request.grow)
        before = session.image(self._read(session), request.fills)
        started = time.monotonic()
        filled = self.models.fill(
            before,
            hole,
            name=request.weights or None,
            style=request.style,
            exclude=self._read_mask(session, masks[1]) if len(masks) > 1 else None,
            seed=request.seed,
            report=report,
        )
        seconds = time.monotonic() - started
        filled = feather(before, filled, hole, request.soft)
        patch = Patch.between(hole, filled.pixels)
        add = Session.with_candidate if request.candidate else Session.filled
        session = self.sessions.update(
            request.token, lambda now: add(now, patch, request.fills, seed=request.seed)
        )
        box = with_margin(patch.box, session.size)
        values = {"fills": session.fills, "oldest": _oldest(session), "box": _corners(box)}
        values["quick"] = seconds < QUICK_SECONDS
        return Answer(values, [write_patch(filled, box)])

    def select(self, request: SelectRequest) -> Answer:
        """The outline of an object: a PNG of its box, opaque where the object is, and the box.

        There is no file where nothing was found.
        """
        session = self.sessions.get(request.token)
        pixels = session.image(self._read(session), request.fills).pixels
        box, mask = self.select_object(pixels, request.read_strokes())
        if not mask.any():
            return Answer({"box": None})
        if request.shadow:
            box, mask = add_shadow(pixels, box, mask)
        box, mask = dilate_object(box, mask, request.grow, session.size)
        return Answer({"box": _corners(box)}, [write_marks(mask)])

    def find_damage(self, request: DamageRequest, report: Report) -> Answer:
        """Damage as in mark_damage, by the network if the photo was not looked at before."""
        session = self.sessions.get(request.token)
        report = self.visitors.watching((request.visitor, request.job), report)
        report(0.0)
        image = session.image(self._read(session), request.fills)
        patches = session.patches(request.fills)
        scores = self.damage.find(request.token, patches, image, report)
        try:
            self.sessions.get(request.token)
        except SessionGone:  # closed meanwhile
            self.damage.forget(request.token)
            raise
        return self._damage(scores, image, request)

    def mark_damage(self, request: DamageRequest) -> Answer:
        """Damage by kept scores: a PNG of its box, opaque where damage is, and the box.

        share: of the photo that is marked, in [0, 1]. doubtful: whether so much looks damaged that
        the detector is wrong more often than not. Without damage the PNG is one transparent
        pixel; without kept scores there is {"kept": False} alone.
        """
        session = self.sessions.get(request.token)
        scores = self.damage.get(request.token, session.patches(request.fills))
        if scores is None:
            return Answer({"kept": False})
        return self._damage(scores, self._read(session), request)

    def _damage(self, scores: np.ndarray, image: ImageData, request: DamageRequest) -> Answer:
        detector = self.models.detector()
        found = detector.mark(scores, image.alpha, sensitivity=request.sensitivity / 100)
        hole = found.hole(DEFAULT_GROW)
        box = bounding_box(hole) or (slice(0, 1), slice(0, 1))
        values = {"kept": True, "box": _corners(box), "share": float(hole.mean())}
        values["doubtful"] = found.share > DEFAULT_LIMIT
        return Answer(values, [write_marks(hole[box])])

    def choose(self, request: ChoiceRequest) -> Answer:
        """Another candidate of the latest fill takes its place."""
        self.sessions.update(
            request.token, lambda session: session.choosing(request.fills, request.seed)
        )
        return Answer()

    def cancel(self, request: CancelRequest) -> Answer:
        """A job that runs or waits ends."""
        self.visitors.cancel(request.job)
        return Answer()

    def save(self, request: StepRequest) -> Answer:
        """The photo at its full size, in its own format or another, with its first fills."""
        path = self._save(request)
        return Answer({"name": path.name}, [path])

    def save_all(self, request: StepsRequest, report: Report) -> Answer:
        """Several photos as in save, in one zip."""
        report = self.visitors.watching((request.visitor, request.job), report)
        archive = new_file("inpainted.zip")
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            shots = request.read_shots()
            for number, shot in enumerate(shots):
                report(number / len(shots))
                saved = self._save(shot)
                saved.replace(_free_name(Path(folder) / saved.name))
            pack(Path(folder), archive)
        return Answer({"name": archive.name}, [archive])

    def _save(self, request: StepRequest) -> Path:
        session = self.sessions.get(request.token)
        image = session.image(self._read(session), request.fills)
        path, possible = write_result(image, session.name, request.format)
        if not possible:
            name = request.format or image.format
            gr.Info(f"Saved as PNG: this photo cannot be written as {name} here.")
        return path

    def _forget(self, token: str, session: Session) -> None:
        """Frees the memory of a session that has ended; the photo is read again if need be."""
        self.damage.forget(token)
        self.photos.forget(session.path)

    def _begin(self, path: Path) -> Answer:
        image = self.photos.get(path)
        for note in image.notes:
            gr.Info(f"{note[0].upper()}{note[1:]}.")
        session = Session(path, path.name, image.size)
        return self._opened(self.sessions.add(session), session, image)

    def _opened(self, token: str, session: Session, source: ImageData) -> Answer:
        height, width = session.size
        values = {"token": token, "name": session.name, "width": width, "height": height}
        values["large"] = is_large(session.size)
        return Answer(values, [write_preview(source)])

    def _read(self, session: Session) -> ImageData:
        try:
            return self.photos.get(session.path)
        except FileNotFoundError as error:  # files are removed after some hours
            raise SessionGone from error

    def _read_mask(self, session: Session, path: Path | None) -> np.ndarray:
        """A mask of the photo's size that was sent, (H, W) bool, white = True."""
        return read_mask(_sent(path), size=session.size, max_pixels=self.limits.max_pixels)

    def _opened_mask(self, session: Session, path: Path | None) -> np.ndarray:
        """The hole in a mask file that is opened; warns of one that is empty or full."""
        hole = self._read_mask(session, path)
        if not hole.any():
            gr.Warning("The mask is all black, so it marks nothing. White means fill.")
        elif hole.all():
            gr.Warning("The mask is all white, so nothing is left to fill from. Invert it?")
        return hole

    def _hole(self, session: Session, path: Path | None, grow: int) -> np.ndarray:
        hole = grow_hole(self._read_mask(session, path), grow)
        if not hole.any():
            raise ValueError("Nothing is marked yet: brush over what should go, then fill")
        if hole.all():
            raise ValueError("Everything is marked, so nothing is left to fill from")
        return hole


def _sent(path: Path | None) -> Path:
    if path is None:
        raise ValueError("A file is missing in the call")
    return path


def _free_name(path: Path) -> Path:
    """A path in the same folder under which there is no file yet."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found


def _oldest(session: Session) -> int:
    """The least count of fills, above 0, that can be gone back to; 0 = all of them."""
    return session.joined + 1 if session.joined else 0


def _corners(box: Rectangle) -> list[int]:
    """[left, top, right, bottom] of a box, in pixels."""
    rows, columns = box
    return [int(edge) for edge in (columns.start, rows.start, columns.stop, rows.stop)]

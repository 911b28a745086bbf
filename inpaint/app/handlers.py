"""What the buttons of the page do. Each answers with the new values of the parts that change."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from inpaint.app.feather import feather
from inpaint.app.models import Models
from inpaint.app.previews import write_mask, write_preview, write_result
from inpaint.app.session import Hole, Patch, Session
from inpaint.app.strokes import hole_of, hole_shown, layer_of, size_shown
from inpaint.app.theme import editor_height
from inpaint.app.uploads import read_mask, read_photo
from inpaint.images import ImageData
from inpaint.inference.style import Style
from inpaint.masks.read import grow_hole

logger = logging.getLogger("inpaint")

BRUSH_COLOUR = (236, 72, 153)
BRUSH_OPACITY = 0.55

Answer = dict[str, Any]  # by the name of the part


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for."""

    max_pixels: int = 64_000_000  # of one photo
    max_files: int = 500  # in one batch
    max_batch_bytes: int = 2_000_000_000  # of one batch, unpacked
    max_file_bytes: int = 64_000_000


@dataclass(frozen=True)
class Handlers:
    """The page's work on one photo."""

    models: Models
    limits: Limits

    def open_photo(self, path: str | None) -> Answer:
        """A new session on an uploaded file."""
        if path is None:
            return self.close()
        return self._shown(*self._begun(Path(path)))

    def open_example(self, photo: Path, mask: Path | None) -> Answer:
        """A new session on one of our own images, with its hole painted already."""
        session, image = self._begun(photo)
        if mask is not None:
            session = _with_given(session, self._read_mask(session, mask))
        return self._shown(session, image)

    def close(self) -> Answer:
        """Back to the empty page."""
        return {
            "session": None,
            "photo": None,
            "editor": None,
            "start": gr.update(visible=True),
            "work": gr.update(visible=False),
            **_without_result(),
        }

    def use_mask(self, session: Session | None, path: str | None) -> Answer:
        """The uploaded mask takes the place of what was painted."""
        if path is None:
            return {}
        session = _opened(session)
        return self._with_hole(session, self._read_mask(session, Path(path)))

    def invert(self, session: Session | None, painted: np.ndarray | None) -> Answer:
        """What was not marked is marked, and the other way round."""
        session = _opened(session)
        return self._with_hole(session, ~hole_of(session, painted))

    def clear(self, session: Session | None) -> Answer:
        """Nothing is marked."""
        session = dataclasses.replace(_opened(session), given=None, shown=None)
        return {"session": session, "editor": self._editor(session, self._current(session))}

    def save_mask(self, session: Session | None, painted: np.ndarray | None, grow: float) -> Path:
        """The hole as it would be filled, as a PNG of the photo's own size."""
        session = _opened(session)
        return write_mask(self._hole(session, painted, grow), session.name)

    def fill(
        self,
        session: Session | None,
        painted: np.ndarray | None,
        grow: float,
        soft: float,
        style: Style,
        weights: str | None,
        *,
        report: Callable[[float], None],
    ) -> Answer:
        """The marked areas filled; shown beside what was there, and ready to be kept."""
        session = _opened(session)
        hole = self._hole(session, painted, grow)
        source = self._read(session.path)
        before = session.image(source)
        filled = self.models.fill(before, hole, name=weights, style=style, report=report)
        filled = feather(before, filled, hole, round(soft))
        session = dataclasses.replace(session, result=Patch.between(hole, filled.pixels))
        path, own_format = write_result(filled, session.name)
        if not own_format:
            gr.Info(f"Saved as PNG: {source.format} files cannot be written here.")
        return {
            "session": session,
            "slider": tuple(
                str(write_preview(image, session.shown_size)) for image in (before, filled)
            ),
            "download": gr.update(value=path),
            "hint": gr.update(visible=False),
            "result": gr.update(visible=True),
        }

    def go_on(self, session: Session | None) -> Answer:
        """The result becomes the image that is painted on."""
        session = _opened(session).gone_on()
        return self._shown(session, self._read(session.path))

    def step_back(self, session: Session | None) -> Answer:
        """The image as it was before the latest result was gone on from."""
        session = _opened(session).stepped_back()
        return self._shown(session, self._read(session.path))

    def _begun(self, path: Path) -> tuple[Session, ImageData]:
        """A new session on a photo, and the photo."""
        image = self._read(path)
        for note in image.notes:
            gr.Info(f"{note[0].upper()}{note[1:]}.")
        return Session(path, path.name, image.size, size_shown(image.size)), image

    def _read(self, path: Path) -> ImageData:
        return read_photo(path, max_pixels=self.limits.max_pixels)

    def _read_mask(self, session: Session, path: Path) -> np.ndarray:
        """The hole in a mask file, (H, W) bool; warns of one that is empty or full."""
        hole = read_mask(path, size=session.size, max_pixels=self.limits.max_pixels)
        if not hole.any():
            gr.Warning("The mask is all black, so it marks nothing. White means fill.")
        elif hole.all():
            gr.Warning("The mask is all white, so nothing is left to fill from. Invert it?")
        return hole

    def _current(self, session: Session) -> ImageData:
        return session.image(self._read(session.path))

    def _hole(self, session: Session, painted: np.ndarray | None, grow: float) -> np.ndarray:
        hole = grow_hole(hole_of(session, painted), round(grow))
        if not hole.any():
            raise ValueError("Nothing is marked yet: brush over what should go, then fill")
        if hole.all():
            raise ValueError("Everything is marked, so nothing is left to fill from")
        return hole

    def _with_hole(self, session: Session, hole: np.ndarray) -> Answer:
        session = _with_given(session, hole)
        return {"session": session, "editor": self._editor(session, self._current(session))}

    def _editor(self, session: Session, image: ImageData) -> dict[str, Any]:
        """An update of the editor: the image, and a layer with what is marked.

        The canvas must have the size of the image before it is filled, or the editor centres the
        layer in its default of 800 x 800. The layer is sent even if nothing is marked: the editor
        then starts its history behind the image, which undo would remove otherwise.
        """
        height, width = session.shown_size
        marked = np.zeros((height, width), np.bool_)
        if session.shown is not None:
            marked = session.shown.unpack()
        value = {
            "background": str(write_preview(image, session.shown_size)),
            "layers": [layer_of(marked, BRUSH_COLOUR, BRUSH_OPACITY)],
            "composite": None,
        }
        canvas = (width, height)
        return gr.update(value=value, canvas_size=canvas, height=editor_height(session.size))

    def _shown(self, session: Session, source: ImageData) -> Answer:
        height, width = session.size
        count = len(session.steps)
        return {
            "session": session,
            "photo": None,
            "editor": self._editor(session, session.image(source)),
            "about": f"{session.name} · {width} × {height}",
            "start": gr.update(visible=False),
            "work": gr.update(visible=True),
            "back": gr.update(
                interactive=count > 0, value=f"Step back ({count})" if count else "Step back"
            ),
            **_without_result(),
        }


def _with_given(session: Session, hole: np.ndarray) -> Session:
    """The session with `hole`, (H, W) bool, in place of what was painted."""
    shown = hole_shown(hole, session.shown_size)
    return dataclasses.replace(session, given=Hole.pack(hole), shown=Hole.pack(shown))


def _without_result() -> Answer:
    return {"hint": gr.update(visible=True), "result": gr.update(visible=False)}


def _opened(session: Session | None) -> Session:
    if session is None:
        raise ValueError("There is no photo yet: drop one on the page, paste it, or choose one")
    return session

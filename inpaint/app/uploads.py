"""What visitors send: files and strokes. All of it is untrusted."""

from __future__ import annotations

import html
import io
from abc import ABCMeta
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
import numpy as np
from gradio.blocks import Block
from gradio.component_meta import ComponentMeta
from gradio.components.image_editor import AcceptBlobs, EditorData
from gradio_client.utils import is_http_url_like

from inpaint.app.visitors import Left
from inpaint.images import ImageData, ImageError, read_image
from inpaint.masks.read import read_hole

# Of full opacity. Strokes have soft edges, and what the brush leaves there is to be filled, too.
STROKE_THRESHOLD = 16
MOST_EDITOR_PIXELS = 4_000_000
MOST_LAYERS = 4  # of the editor, which has one here

P = ParamSpec("P")
R = TypeVar("R")


class _WithoutStub(ComponentMeta):
    """Makes a component without the stub file that Gradio writes beside its source otherwise."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)


async def _only_uploads(self: Block, url_or_file_path: str | Path | None) -> str | None:
    """Stands for the method by which a component fetches any address that it is given."""
    if url_or_file_path is not None and is_http_url_like(str(url_or_file_path)):
        raise gr.Error("Addresses are not fetched; please upload the file.", print_exception=False)
    return await Block.async_move_resource_to_block_cache(self, url_or_file_path)


class UploadedFile(gr.File, metaclass=_WithoutStub):
    """`gr.File` that takes uploads only."""

    is_template = True
    async_move_resource_to_block_cache = _only_uploads


class UploadedByButton(gr.UploadButton, metaclass=_WithoutStub):
    """`gr.UploadButton` that takes uploads only."""

    is_template = True
    async_move_resource_to_block_cache = _only_uploads


class HoleEditor(gr.ImageEditor, metaclass=_WithoutStub):
    """`gr.ImageEditor` whose value is the hole that was painted: (H, W) bool, or None.

    The image in it is a copy to paint on; what the browser makes of it is not looked at.
    """

    is_template = True
    async_move_resource_to_block_cache = _only_uploads

    def accept_blobs(self, data: AcceptBlobs) -> None:
        """Keeps nothing, and cannot be called from outside: the page sends layers as uploads.

        Raises TypeError.
        """
        raise TypeError("layers are sent as uploads only")

    def preprocess(self, payload: EditorData | None) -> np.ndarray | None:  # type: ignore[override]
        """The strokes that the browser sent: (H, W) bool, or None."""
        layers = [] if payload is None else payload.layers[:MOST_LAYERS]
        return painted_hole([Path(layer.path).read_bytes() for layer in layers])


def painted_hole(layers: list[bytes]) -> np.ndarray | None:
    """Where any of the layers, each an image file, is painted: (H, W) bool; None without any."""
    hole: np.ndarray | None = None
    for layer in layers:
        image = read_image(io.BytesIO(layer), max_pixels=MOST_EDITOR_PIXELS)
        if image.alpha is None:
            continue
        painted = image.alpha > STROKE_THRESHOLD
        hole = painted if hole is None or hole.shape != painted.shape else hole | painted
    return hole


def read_photo(path: str | Path, *, max_pixels: int) -> ImageData:
    """The photo in an uploaded file. Raises ImageError with its owner's name for the file."""
    path = Path(path)
    try:
        return read_image(path, max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"{path.name}: {str(error).removeprefix(f'{path}: ')}") from error


def read_mask(path: str | Path, *, size: tuple[int, int], max_pixels: int) -> np.ndarray:
    """The hole in an uploaded mask, (H, W) bool at a photo's (height, width).

    Raises ImageError for a file that is none, ValueError for another aspect ratio.
    """
    mask = read_photo(path, max_pixels=max_pixels)
    colours = mask.pixels
    if mask.alpha is not None:
        colours = np.dstack([_as_rgb(colours), mask.alpha])
    return read_hole(colours, size=size)


def telling(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose errors about what was sent reach the visitor as messages."""

    @wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except FileNotFoundError as error:
            raise gr.Error("The photo is no longer here; please open it again.") from error
        except ValueError as error:
            raise gr.Error(_sentence(str(error)), print_exception=False) from error
        except MemoryError as error:
            raise gr.Error("This photo is too large for the memory of the server.") from error
        except Left as error:
            raise gr.Error("The page was closed.", print_exception=False) from error
        except gr.Error:
            raise
        except Exception as error:  # Gradio prints it; without a text the visitor gets none
            raise gr.Error("The server failed at this; its log tells why.") from error

    return wrapped


def _as_rgb(colours: np.ndarray) -> np.ndarray:
    return np.dstack([colours] * 3) if colours.ndim == 2 else colours


def _sentence(text: str) -> str:
    """A message for the page, which takes those of several lines as HTML."""
    if "\n" in text:
        return html.escape(text).replace("\n", "<br>")
    return text if text.endswith((".", "?")) else f"{text}."

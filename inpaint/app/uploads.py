"""What visitors send: files. All of it is untrusted."""

from __future__ import annotations

import html
from abc import ABCMeta
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.component_meta import ComponentMeta
from gradio_client.utils import is_http_url_like

from inpaint.app.visitors import Cancelled

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
        except Cancelled as error:
            raise gr.Error("This was cancelled.", print_exception=False) from error
        except gr.Error:
            raise
        except Exception as error:  # Gradio prints it; without a text the visitor gets none
            raise gr.Error("The server failed at this; its log tells why.") from error

    return wrapped


def _sentence(text: str) -> str:
    """A message for the page, which takes those of several lines as HTML."""
    if "\n" in text:
        return html.escape(text).replace("\n", "<br>")
    return text if text.endswith((".", "?")) else f"{text}."

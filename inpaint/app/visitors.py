"""Who has left: their fills end, so that others need not wait for them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gradio as gr

logger = logging.getLogger("inpaint")

MOST_REMEMBERED = 10_000


class Left(Exception):
    """The visitor who asked has left."""


class Visitors:
    """Sessions whose browser has closed the page; Gradio gives each page load a new one."""

    def __init__(self) -> None:
        self._left: dict[str, None] = {}

    def leave(self, request: gr.Request) -> None:
        """Takes the request by which Gradio tells of a page that was closed."""
        self._left[request.session_hash or ""] = None
        while len(self._left) > MOST_REMEMBERED:
            self._left.pop(next(iter(self._left)))

    def watching(
        self, request: gr.Request, report: Callable[[float], None]
    ) -> Callable[[float], None]:
        """A report that raises Left, and so ends the work, once its visitor has left."""

        def checked(share: float) -> None:
            if request.session_hash in self._left:
                logger.info("fill cancelled at %.0f %%: its visitor has left", 100 * share)
                raise Left
            report(share)

        return checked

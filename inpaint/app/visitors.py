"""Who has left or does not want a job any more: it ends, so that others need not wait for it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gradio as gr

logger = logging.getLogger("inpaint")

MOST_REMEMBERED = 10_000


class Cancelled(BaseException):
    """Nobody waits for the work any more. Not one of the Exceptions that a batch only reports."""


class Visitors:
    """Pages that were closed and jobs that were cancelled, by names that the browser makes up."""

    def __init__(self) -> None:
        self._ended: dict[str, str] = {}  # why

    def leave(self, request: gr.Request) -> None:
        """Takes the request by which Gradio tells of a page that was closed."""
        self._end(request.session_hash or "", "its visitor has left")

    def cancel(self, job: str) -> None:
        """Ends a job that runs or waits."""
        self._end(job, "its visitor cancelled it")

    def watching(
        self, names: tuple[str, ...], report: Callable[[float], object]
    ) -> Callable[[float], None]:
        """A report that raises Cancelled, and so ends the work, once a name of `names` has ended.

        names: of the page and of the job; empty ones do not count.
        """

        def checked(share: float) -> None:
            for name in names:
                if name and name in self._ended:
                    logger.info("job cancelled at %.0f %%: %s", 100 * share, self._ended[name])
                    raise Cancelled
            report(share)

        return checked

    def _end(self, name: str, reason: str) -> None:
        self._ended[name] = reason
        while len(self._ended) > MOST_REMEMBERED:
            self._ended.pop(next(iter(self._ended)))

"""What stands before Gradio, beside hosts, origins and sizes: what it does not offer here, and how
often passwords are tried."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from inpaint.app.passwords import Attempts
from inpaint.serving.guard import App, Body, Guard, Hosts, Message, Scope

MOST_BODY_BYTES = 4_000_000  # of a request that is no upload; a batch of 500 names takes 0.2 MB

# What Gradio offers and the page has no use for: the editor's way of sending strokes into memory,
# the server's way of fetching addresses for a visitor, and calls that go past the queue.
NOT_OFFERED = re.compile(r"/component_server/?$|/(file=|file/)https?:", re.IGNORECASE)
UNQUEUED = re.compile(r"/gradio_api/(run|api)/")


@asynccontextmanager
async def guarded(app: Any, guard: Callable[[App], Guard]) -> AsyncIterator[None]:
    """A lifespan that puts a guard around all of a Starlette app, Gradio's middleware included."""
    app.middleware_stack = guard(app.middleware_stack)
    yield


class PageGuard(Guard):
    """Refuses what the page has no use for, too, and slows down wrong passwords."""

    def __init__(self, app: App, hosts: Hosts, *, most_upload_bytes: int) -> None:
        super().__init__(app, hosts)
        self._most_upload_bytes = most_upload_bytes
        self._attempts = Attempts()

    def limit(self, path: str) -> int:
        """Uploads may be large."""
        return self._most_upload_bytes if re.search(r"/upload/?$", path) else MOST_BODY_BYTES

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """As of Guard, and for paths that are not offered."""
        refused = super().refusal(scope)
        if refused is not None:
            return refused
        if NOT_OFFERED.search(scope["path"]):
            return 404, "Not offered by this page"
        if UNQUEUED.search(scope["path"]):
            return 404, "Calls must join the queue: use /gradio_api/call/ in place of this path"
        return None

    async def handle(self, scope: Scope, body: Body) -> None:
        """Counts the tries of a login; passes everything on."""
        if scope["method"] == "POST" and re.search(r"/login/?$", scope["path"]):
            await self._log_in(scope, body)
        else:
            await super().handle(scope, body)

    async def _log_in(self, scope: Scope, body: Body) -> None:
        address = (scope.get("client") or ("",))[0]
        wait = self._attempts.begin(address)
        if wait > 0:
            text = f"Too many wrong passwords; try again in {wait:.0f} seconds"
            await self.answer(body.send, 429, text, {b"retry-after": f"{wait:.0f}".encode()})
            return

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._attempts.succeeded(address)
            await body.send(message)

        await self._app(scope, body.receive, send)

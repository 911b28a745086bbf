"""What stands before the API: hosts, sizes, the token, and the queue."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable

from inpaint.api.metrics import Metrics
from inpaint.api.options import ServeOptions
from inpaint.api.queue import Place, Queue
from inpaint.serving.guard import App, Body, Guard, Hosts, Message, Receive, Scope, Send, header

FILL = "/v1/fill"
OPEN_PATHS = ("/health", "/docs", "/openapi.json")  # that need no token
MOST_FILES = 3  # of a request: photo, mask, what is not copied from
MOST_TEXT_BYTES = 1_000_000  # of a request, beside its files
MOST_OTHER_BYTES = 64_000  # of a request that has no files
DRAIN_SECONDS = 10.0  # in which a client must have sent what is not going to be read


class ApiGuard(Guard):
    """Refuses callers without the token, and requests for which there is no place in the queue.

    A request has its place from its first byte to the end of its answer, so the memory and the
    files of requests are bounded by the queue's size.
    """

    def __init__(
        self, app: App, hosts: Hosts, *, options: ServeOptions, queue: Queue, metrics: Metrics
    ) -> None:
        super().__init__(app, hosts)
        self._options, self._queue, self._metrics = options, queue, metrics

    def limit(self, path: str) -> int:
        """Only fills have files."""
        if self._route(path) != FILL:
            return MOST_OTHER_BYTES
        return MOST_FILES * self._options.max_file_bytes + MOST_TEXT_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application; counts the answers to requests for a fill."""
        if scope["type"] == "http":  # below the proxy's path, whether or not it left that in front
            root, route = self._options.root_path, self._route(scope["path"])
            scope = dict(scope, root_path=root, path=root + route)
        if scope["type"] != "http" or route != FILL:
            await super().__call__(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(message["status"]).inc()
            await send(message)

        await super().__call__(scope, receive, counting)

    async def answer(
        self, send: Send, status: int, text: str, headers: dict[bytes, bytes] | None = None
    ) -> None:
        """Sends an error in the form of FastAPI's own."""
        pairs = {b"content-type": b"application/json", **(headers or {})}
        await send(
            {"type": "http.response.start", "status": status, "headers": list(pairs.items())}
        )
        await send({"type": "http.response.body", "body": json.dumps({"detail": text}).encode()})

    async def handle(self, scope: Scope, body: Body) -> None:
        """Asks for the token, and for a place in the queue."""
        if not self._has_token(scope):
            headers = {b"www-authenticate": b"Bearer"}
            await self.answer(body.send, 401, "A valid token is needed", headers)
        elif self._route(scope["path"]) != FILL or scope["method"] != "POST":
            await super().handle(scope, body)
        elif (place := self._queue.enter()) is None:
            await _drain(body)
            headers = {b"retry-after": str(self._queue.retry_after).encode()}
            await self.answer(body.send, 503, "All places in the queue are taken", headers)
        else:
            await self._with_place(scope, body, place)

    def _route(self, path: str) -> str:
        """The path of a route: a proxy may leave the path of the API in front of it."""
        root = self._options.root_path
        return path.removeprefix(root) if path.startswith(f"{root}/") else path

    def _has_token(self, scope: Scope) -> bool:
        token = self._options.token
        if token is None or self._route(scope["path"]) in OPEN_PATHS:
            return True
        sent = header(scope["headers"], b"authorization") or ""
        return secrets.compare_digest(sent.encode(), f"Bearer {token}".encode())

    async def _with_place(self, scope: Scope, body: Body, place: Place) -> None:
        self._metrics.places.inc()
        scope.setdefault("state", {})["place"] = place
        try:
            await self._app(scope, self._in_time(body), body.send)
        finally:
            self._metrics.places.dec()
            place.leave(scope["state"].get("seconds"))

    def _in_time(self, body: Body) -> Callable[[], Awaitable[Message]]:
        """The body's messages; a client that sends too slowly is answered and let go."""
        end = time.monotonic() + self._options.upload_seconds
        arriving = True

        async def receive() -> Message:
            nonlocal arriving
            if not arriving:
                return await body.receive()
            try:
                message = await asyncio.wait_for(body.receive(), end - time.monotonic())
            except TimeoutError:
                text = f"The request took longer than {self._options.upload_seconds:g} seconds"
                await self.answer(body.send, 408, text, {b"connection": b"close"})
                body.refused = True
                return {"type": "http.disconnect"}
            arriving = message["type"] == "http.request" and message.get("more_body", False)
            return message

        return receive


async def _drain(body: Body) -> None:
    """Reads what a client sends, so that it reads the answer instead of failing to send."""

    async def read() -> None:
        while (message := await body.receive())["type"] == "http.request":
            if not message.get("more_body", False):
                return

    try:
        await asyncio.wait_for(read(), DRAIN_SECONDS)
    except TimeoutError:
        return

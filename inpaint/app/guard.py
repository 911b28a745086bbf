"""What stands before Gradio: which hosts and origins may ask, and how large a request may be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from inpaint.app.fields import FieldSizes
from inpaint.app.passwords import Attempts

# ASGI's own types.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY_BYTES = 4_000_000  # of a request that is no upload; a batch of 500 names takes 0.2 MB
SAFE_METHODS = ("GET", "HEAD")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = ("0.0.0.0", "::")  # addresses that stand for all of the machine's

# What Gradio offers and the page has no use for: the editor's way of sending strokes into memory,
# the server's way of fetching addresses for a visitor, and calls that go past the queue.
NOT_OFFERED = re.compile(r"/component_server/?$|/(file=|file/)https?:", re.IGNORECASE)
UNQUEUED = re.compile(r"/gradio_api/(run|api)/")


@dataclass(frozen=True)
class Hosts:
    """Names and addresses that the page answers to."""

    names: frozenset[str]
    any_address: bool = False  # of those that are written as numbers, which no DNS name can take
    any_name: bool = False

    @classmethod
    def of(cls, bound: str, allowed: str = "", root_path: str = "", machine: str = "") -> Hosts:
        """bound: address listened at; allowed: further names, separated by commas, `*` for all;
        root_path: may be a URL; machine: the machine's name, which counts for wildcard addresses.
        """
        names = {name.strip().lower() for name in allowed.split(",")} - {""}
        names |= LOCAL_HOSTS | {hostname(urlsplit(root_path).netloc)}
        everywhere = bound in WILDCARDS
        names |= {machine.lower(), f"{machine.lower()}.local"} if everywhere else {bound.lower()}
        return cls(frozenset(names - {"", ".local"}), everywhere, "*" in names)

    def __contains__(self, name: str) -> bool:
        if self.any_name or name in self.names or name.endswith(".localhost"):
            return True
        return self.any_address and _is_address(name)


@asynccontextmanager
async def guarded(app: Any, guard: Callable[[App], Guard]) -> AsyncIterator[None]:
    """A lifespan that puts a guard around all of a Starlette app, Gradio's middleware included."""
    app.middleware_stack = guard(app.middleware_stack)
    yield


class Guard:
    """An ASGI app that refuses what must not reach the app inside.

    Refused are foreign hosts (DNS rebinding), requests other than reading from pages of foreign
    origins (CSRF), and bodies above a limit. Answers carry no CORS headers, so pages of other
    origins cannot read them. Wrong passwords are slowed down.
    """

    def __init__(self, app: App, hosts: Hosts, *, most_upload_bytes: int) -> None:
        self._app = app
        self._hosts = hosts
        self._most_upload_bytes = most_upload_bytes
        self._attempts = Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application: passes a request on, or refuses it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket that is never accepted; the page uses none
        refused = self._refusal(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        # Gradio's CORS headers depend on the origin. Same-origin requests need none of them.
        scope = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] != b"origin"])
        kind = _header(scope["headers"], b"content-type") or ""
        body = _Body(receive, send, limit=self._limit(scope["path"]), content_type=kind)
        is_login = scope["method"] == "POST" and re.search(r"/login/?$", scope["path"])
        try:
            await (self._log_in if is_login else self._pass_on)(scope, body)
        except Exception:
            if not body.refused:  # the app inside was cut off
                raise

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and text for a request that must not go on, or None."""
        headers = scope["headers"]
        hosts = [hostname(value.decode("latin-1")) for key, value in headers if key == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            name = hosts[0] if hosts else ""
            return 403, f"Host {name!a} is not allowed; start the page with --allowed-host {name!a}"
        if scope["method"] not in SAFE_METHODS and not self._same_origin(scope, hosts[0]):
            return 403, "Requests from pages of other origins are not allowed"
        if NOT_OFFERED.search(scope["path"]):
            return 404, "Not offered by this page"
        if UNQUEUED.search(scope["path"]):
            return 404, "Calls must join the queue: use /gradio_api/call/ in place of this path"
        length = _header(headers, b"content-length")
        limit = self._limit(scope["path"])
        if length is not None and (not length.isdecimal() or int(length) > limit):
            return 413, _too_large(limit)
        return None

    def _same_origin(self, scope: Scope, host: str) -> bool:
        """Whether no page sent the request, or one of the page's own host did."""
        origin = _header(scope["headers"], b"origin")
        if origin is None:
            return True
        name = hostname(urlsplit(origin).netloc)
        # A page elsewhere cannot set the second without asking first, which is refused.
        forwarded = _header(scope["headers"], b"x-forwarded-host")
        own = {host, hostname(forwarded or "")} - {""}
        return name in own or (name in self._hosts.names and name not in LOCAL_HOSTS)

    def _limit(self, path: str) -> int:
        return self._most_upload_bytes if re.search(r"/upload/?$", path) else MOST_BODY_BYTES

    async def _pass_on(self, scope: Scope, body: _Body) -> None:
        await self._app(scope, body.receive, body.send)

    async def _log_in(self, scope: Scope, body: _Body) -> None:
        address = (scope.get("client") or ("",))[0]
        wait = self._attempts.begin(address)
        if wait > 0:
            text = f"Too many wrong passwords; try again in {wait:.0f} seconds"
            await _answer(body.send, 429, text, {b"retry-after": f"{wait:.0f}".encode()})
            return

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._attempts.succeeded(address)
            await body.send(message)

        await self._app(scope, body.receive, send)


class _Body:
    """A request's body, cut off above a limit, whatever its length was said to be."""

    def __init__(self, receive: Receive, send: Send, *, limit: int, content_type: str) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._size = 0
        self._fields = FieldSizes(content_type)
        self.refused = False

    async def receive(self) -> Message:
        message = await self._receive()
        chunk = message.get("body", b"")
        self._size += len(chunk)
        self._fields.write(chunk)
        if self._size > self._limit or self._fields.too_large:
            await self._refuse()
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if not self.refused:
            await self._send(message)

    async def _refuse(self) -> None:
        if not self.refused:
            self.refused = True
            await _answer(self._send, 413, _too_large(self._limit))


def hostname(netloc: str) -> str:
    """The name or address in `name:port`, in lower case."""
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](:\d+)?|([^:/?#@\s]+)(:\d+)?", netloc.strip())
    return (found[1] or found[3]).lower().rstrip(".") if found else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _header(headers: list[tuple[bytes, bytes]], name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def _too_large(limit: int) -> str:
    return f"The request is larger than the limit of {limit / 1e6:g} MB"


async def _answer(
    send: Send, status: int, text: str, headers: dict[bytes, bytes] | None = None
) -> None:
    all_headers = {b"content-type": b"text/plain; charset=utf-8", b"connection": b"close"}
    pairs = list((all_headers | (headers or {})).items())
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": f"{text}.\n".encode()})

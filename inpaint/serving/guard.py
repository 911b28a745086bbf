"""What stands before a server's own code: which hosts and origins may ask, and how large a request
may be."""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from inpaint.serving.fields import FieldSizes

# ASGI's own types.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[Send, int, str], Awaitable[None]]

SAFE_METHODS = ("GET", "HEAD")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = ("0.0.0.0", "::")  # addresses that stand for all of the machine's


@dataclass(frozen=True)
class Hosts:
    """Names and addresses that a server answers to."""

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


class Guard(ABC):
    """An ASGI app that refuses what must not reach the app inside.

    Refused are foreign hosts (DNS rebinding), requests other than reading from pages of foreign
    origins (CSRF), and bodies above a limit. Answers carry no CORS headers, so pages of other
    origins cannot read them.
    """

    def __init__(self, app: App, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    @abstractmethod
    def limit(self, path: str) -> int:
        """Bytes that the body of a request to this path may have."""

    async def handle(self, scope: Scope, body: Body) -> None:
        """Passes on a request that was not refused."""
        await self._app(scope, body.receive, body.send)

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and text for a request that must not go on, or None."""
        headers = scope["headers"]
        hosts = [hostname(value.decode("latin-1")) for key, value in headers if key == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            name = hosts[0] if hosts else ""
            return (
                403,
                f"Host {name!a} is not allowed; name it with --allowed-host {name!a}",
            )
        if scope["method"] not in SAFE_METHODS and not self._same_origin(scope, hosts[0]):
            return 403, "Requests from pages of other origins are not allowed"
        length = header(headers, b"content-length")
        limit = self.limit(scope["path"])
        if length is not None and (not length.isdecimal() or int(length) > limit):
            return 413, too_large(limit)
        return None

    async def answer(
        self, send: Send, status: int, text: str, headers: dict[bytes, bytes] | None = None
    ) -> None:
        """Sends a response of one line."""
        all_headers = {b"content-type": b"text/plain; charset=utf-8", b"connection": b"close"}
        pairs = list((all_headers | (headers or {})).items())
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": f"{text}.\n".encode()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application: passes a request on, or refuses it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket that is never accepted; none is used
        refused = self.refusal(scope)
        if refused is not None:
            await self.answer(send, *refused)
            return
        # CORS headers depend on the origin. Same-origin requests need none of them.
        scope = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] != b"origin"])
        kind = header(scope["headers"], b"content-type") or ""
        limit = self.limit(scope["path"])
        body = Body(receive, send, limit=limit, content_type=kind, answer=self.answer)
        try:
            await self.handle(scope, body)
        except Exception:
            if not body.refused:  # the app inside was cut off
                raise

    def _same_origin(self, scope: Scope, host: str) -> bool:
        """Whether no page sent the request, or one of the page's own host did."""
        origin = header(scope["headers"], b"origin")
        if origin is None:
            return True
        name = hostname(urlsplit(origin).netloc)
        # A page elsewhere cannot set the second without asking first, which is refused.
        forwarded = header(scope["headers"], b"x-forwarded-host")
        own = {host, hostname(forwarded or "")} - {""}
        return name in own or (name in self._hosts.names and name not in LOCAL_HOSTS)


class Body:
    """A request's body, cut off above a limit, whatever its length was said to be."""

    def __init__(
        self, receive: Receive, send: Send, *, limit: int, content_type: str, answer: Answer
    ) -> None:
        """limit: bytes. answer: sends the response to a body that is too large."""
        self._receive, self._send, self._limit, self._answer = receive, send, limit, answer
        self._size = 0
        self._fields = FieldSizes(content_type)
        self.refused = False

    async def receive(self) -> Message:
        """The next message of the client; above the limit, that it is gone."""
        message = await self._receive()
        chunk = message.get("body", b"")
        self._size += len(chunk)
        self._fields.write(chunk)
        if self._size > self._limit or self._fields.too_large:
            await self._refuse()
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Passes on a message of the app inside, unless the body was refused."""
        if not self.refused:
            await self._send(message)

    async def _refuse(self) -> None:
        if not self.refused:
            self.refused = True
            await self._answer(self._send, 413, too_large(self._limit))


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


def header(headers: list[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a header, or None; name: in lower case."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def too_large(limit: int) -> str:
    """What is told about a body above a limit of bytes."""
    return f"The request is larger than the limit of {limit / 1e6:g} MB"

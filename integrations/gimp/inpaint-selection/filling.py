"""Fills by the command `inpaint`, or by a server that runs `inpaint serve`. Knows nothing of GIMP.

The standard library alone: GIMP brings a Python of its own, without torch.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

POLL_SECONDS = 0.1
SILENCE_SECONDS = 60  # after which a server that says nothing is given up
CHILD = Path(__file__).with_name("child.py")

# Takes the share that is done, 0 to 1, or None where it is not known. What it raises ends the fill.
OnProgress = Callable[["float | None"], object]


class FillError(Exception):
    """A fill failed; the message is one sentence for people."""


@dataclass(frozen=True)
class Request:
    """What is to be filled, and how.

    Attributes:
        folder: For temporary files; is removed where the plug-in is ended.
        image: A PNG, 8 or 16 bits, RGB or RGBA. A server's fill removes it and the mask.
        mask: A PNG of the same size, white = fill.
        output: Where the filled PNG is written.
        style: natural, faithful or plain.
        seed: Of the texture's random search.
    """

    folder: Path
    image: Path
    mask: Path
    output: Path
    style: str = "natural"
    seed: int = 0


def fill(
    request: Request, on_progress: OnProgress, *, command: str, server: str = "", token: str = ""
) -> None:
    """Write the output of a request.

    Args:
        request: Whose image and mask are written.
        on_progress: See OnProgress.
        command: Name or path of `inpaint`.
        server: Address such as http://127.0.0.1:8000; is used in place of the command.
        token: Of the server, if it wants one.

    Raises:
        FillError: The command or the server is not there, or refuses.
    """
    if server:
        fill_by_server(request, on_progress, server, token)
        return
    found = shutil.which(command)
    if found is None:
        raise FillError(
            f"There is no command {command!r}. Install it with: pip install pconv-inpaint, "
            "or give its full path"
        )
    fill_by_command(request, on_progress, [found])


def fill_by_command(request: Request, on_progress: OnProgress, command: Sequence[str]) -> None:
    """As `fill`, by a command line. It ends with this process, however that ends."""
    options = ["--style", request.style, "--seed", str(request.seed)]
    paths = [str(request.image), "--mask", str(request.mask), "--output", str(request.output)]
    arguments = [*command, "fill", *paths, "--overwrite", *options]
    errors = request.folder / "errors.txt"
    with open(errors, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(CHILD), str(request.folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            while process.poll() is None:
                on_progress(None)
                time.sleep(POLL_SECONDS)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # ends what still runs
            process.wait()
    if process.returncode or not request.output.is_file():
        lines = errors.read_text("utf-8", "replace").strip().splitlines()
        raise FillError(lines[-1] if lines else f"inpaint ended with {process.returncode}")


def fill_by_server(request: Request, on_progress: OnProgress, server: str, token: str = "") -> None:
    """As `fill`, by a server that runs `inpaint serve`. It stops where nobody listens any more."""
    address = urlsplit(server)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise FillError(f"The server must be http://HOST:PORT, got {server!r}")
    kind = http.client.HTTPConnection
    if address.scheme == "https":
        kind = http.client.HTTPSConnection
    connection = kind(address.hostname, address.port, timeout=SILENCE_SECONDS)
    try:
        body, content_type = _form(request)
        for path in (request.image, request.mask):
            path.unlink()  # nothing of the photo stays where this process is killed
        headers = {"Content-Type": content_type, "Accept": "text/event-stream"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request("POST", f"{address.path.rstrip('/')}/v1/fill", body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise FillError(_refusal(answer))
        _follow(answer, request.output, on_progress)
    except (OSError, http.client.HTTPException) as error:
        raise FillError(f"The server {server} does not answer: {error}") from error
    finally:
        connection.close()


def _form(request: Request) -> tuple[bytes, str]:
    """Body and content type of a form with the files and settings of a request."""
    boundary = uuid.uuid4().hex
    fields = {"style": request.style, "seed": str(request.seed)}
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    for name, path in (("image", request.image), ("mask", request.mask)):
        label = f'name="{name}"; filename="{name}.png"\r\nContent-Type: image/png'
        parts.append((label, path.read_bytes()))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {label}\r\n\r\n".encode() + data + b"\r\n"
        for label, data in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _refusal(answer: http.client.HTTPResponse) -> str:
    """Why a server refuses, for people."""
    text = answer.read(100_000).decode("utf-8", "replace")
    if answer.status == 401:
        return "The server wants a token"
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.reason
    return f"The server refuses: {detail}"


def _follow(answer: http.client.HTTPResponse, output: Path, on_progress: OnProgress) -> None:
    """Report the progress that a stream of events tells, and write the image at its end."""
    for name, data in _events(answer):
        if name == "progress":
            on_progress(float(data["share"]) if not data.get("ahead") else None)
        elif name == "error":
            raise FillError(f"The server refuses: {data['detail']}")
        elif name == "done":
            output.write_bytes(base64.b64decode(data["image"]))
            return
    raise FillError("The server ended before the fill did")


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    name = ""
    for line in answer:
        key, _, value = line.decode("utf-8").rstrip("\r\n").partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)

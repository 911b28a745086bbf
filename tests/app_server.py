"""A running page for the tests, and the pictures they send to it."""

from __future__ import annotations

import atexit
import json
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from pictures import ICC, exif_bytes, scene
from PIL import Image

from inpaint import PConvUNet, UNetConfig
from inpaint.checkpoints.weights import save_weights
from inpaint.images import ImageData, with_pixels

ROOT = Path(__file__).parent.parent
STARTING_SECONDS = 120
WAIT = 600  # seconds for an answer: the machine may be busy


@dataclass(frozen=True)
class Server:
    """A page that runs in a process of its own."""

    address: str
    process: subprocess.Popen[str]
    log: Path  # what it writes to stdout and stderr

    def alive(self) -> bool:
        return self.process.poll() is None

    @contextmanager
    def logging(self, pattern: str, seconds: float = 60) -> Iterator[None]:
        """What is done in it makes a line of the log match. Raises TimeoutError with the log."""
        before = len(self.log.read_text())
        yield
        end = time.monotonic() + seconds
        while not re.search(pattern, self.log.read_text()[before:], re.M):
            if time.monotonic() > end:
                raise TimeoutError(f"no {pattern!r} in the log:\n{self.log.read_text()}")
            time.sleep(0.1)


@cache
def tiny_weights() -> Path:
    """Weights of a random network that is small enough for a test."""
    folder = tempfile.mkdtemp(prefix="inpaint-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "tiny.safetensors"
    torch.manual_seed(0)
    save_weights(PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3))), path)
    return path


def start_server(*options: str) -> Server:
    """A page with tiny weights on a free port. Raises RuntimeError with its output if it ends."""
    command = [sys.executable, "app.py", "--weights", str(tiny_weights()), "--port", "0", *options]
    environment = {key: os.environ[key] for key in os.environ if key != "GRADIO_TEMP_DIR"}
    log = tiny_weights().with_name(f"log-{secrets.token_hex(4)}.txt")
    with open(log, "w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )
    atexit.register(stop_server, process)
    end = time.monotonic() + STARTING_SECONDS
    while process.poll() is None and time.monotonic() < end:
        found = re.search(r"^Open (http://\S+?)/? ", log.read_text(), re.M)
        if found:
            return Server(found[1], process, log)
        time.sleep(0.1)
    stop_server(process)
    raise RuntimeError(f"the page did not start:\n{log.read_text()}")


def stop_server(process: subprocess.Popen[str]) -> None:
    """As Ctrl+C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@cache
def shared_server() -> Server:
    """One page for all tests of a run: starting one takes seconds."""
    return start_server("--max-megapixels", "13")


def editor_call(
    server: Server, name: str, request: object, file: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The last event of a call of the page's own functions, as the page's script makes it."""
    index = _function_indices(server.address)[f"editor_{name}"]
    files = None if file is None else [file]
    body = {"data": [request, files], "fn_index": index, "session_hash": secrets.token_hex(8)}
    join = f"{server.address}/gradio_api/queue/join"
    httpx.post(join, json=body, timeout=WAIT).raise_for_status()
    events = {
        "url": f"{server.address}/gradio_api/queue/data",
        "params": {"session_hash": body["session_hash"]},
        "timeout": WAIT,
    }
    with httpx.stream("GET", **events) as stream:
        for line in stream.iter_lines():
            message: dict[str, Any] = json.loads(line.removeprefix("data: ") or "{}")
            if message.get("msg") == "process_completed":
                return message
    raise AssertionError("the call did not end")


@cache
def _function_indices(address: str) -> dict[str, int]:
    """Numbers of a page's functions by their names."""
    functions = httpx.get(f"{address}/config", timeout=WAIT).json()["dependencies"]
    return {one["api_name"]: one["id"] for one in functions}


def sent(server: Server, path: Path) -> dict[str, Any]:
    """A file that was uploaded, as calls take it."""
    with path.open("rb") as file:
        upload = f"{server.address}/gradio_api/upload"
        answer = httpx.post(upload, files={"files": file}, timeout=WAIT)
    return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


def photo_file(path: Path, *, height: int = 96, width: int = 128, **options: object) -> Path:
    """A picture with texture, in the format of its suffix."""
    Image.fromarray(scene(height, width)).save(path, **options)
    return path


def large_photo(path: Path) -> Path:
    """12 megapixels as a camera held upright writes them: turned, with EXIF and a profile."""
    small = Image.fromarray(scene(300, 400))
    image = small.resize((4000, 3000), Image.Resampling.BILINEAR)
    image.save(path, quality=92, exif=exif_bytes(6), icc_profile=ICC)
    return path


def mask_file(path: Path, box: tuple[int, int, int, int], size: tuple[int, int]) -> Path:
    """A mask of (height, width), white in box (top, bottom, left, right)."""
    Image.fromarray(box_hole(size, *box).astype(np.uint8) * 255).save(path)
    return path


def box_hole(size: tuple[int, int], top: int, bottom: int, left: int, right: int) -> np.ndarray:
    """A hole of (height, width), (H, W) bool."""
    hole = np.zeros(size, bool)
    hole[top:bottom, left:right] = True
    return hole


def filled_with(image: ImageData, hole: np.ndarray, value: int) -> ImageData:
    """The image with one value in its hole."""
    pixels = image.pixels.copy()
    pixels[hole] = value
    return with_pixels(image, pixels)


def png_bomb(path: Path, side: int = 30_000) -> Path:
    """A PNG of a few bytes whose header promises side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def zip_file(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path

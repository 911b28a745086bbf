"""The HTTP API as a process of its own: it stops gracefully, and a killed worker is replaced."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from app_server import ROOT, box_hole, tiny_weights
from pictures import encode
from PIL import Image

pytest.importorskip("fastapi", reason="needs pip install 'pconv-inpaint[serve]'")
pytest.importorskip("prometheus_client", reason="needs pip install 'pconv-inpaint[serve]'")


def files(side: int) -> dict[str, bytes]:
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    hole = box_hole((side, side), side // 4, side // 2, side // 4, side // 2)
    pictures = {"image": photo, "mask": hole}
    return {name: encode(Image.fromarray(pixels)) for name, pixels in pictures.items()}


@contextmanager
def served(log: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address; it is stopped at the end."""
    command = [sys.executable, "-m", "inpaint", "serve", "--port", "0"]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, "--weights", str(tiny_weights()), *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        end = time.monotonic() + 120
        while not (found := re.search(r"^Serving at (http://\S+)", log.read_text(), re.M)):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        while not _ready(found[1]):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        yield server, found[1]
    finally:
        server.terminate()
        server.wait(60)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def fill(address: str, side: int) -> httpx.Response:
    data = {"style": "faithful"}
    return httpx.post(f"{address}/v1/fill", files=files(side), data=data, timeout=120)


def test_a_server_that_is_stopped_answers_what_it_has_begun(tmp_path: Path) -> None:
    with served(tmp_path / "log") as (server, address), ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(fill, address, 600) for _ in range(3)]
        while "in_progress 3.0" not in httpx.get(f"{address}/metrics").text:
            assert not all(answer.done() for answer in answers), "all were answered too soon"
            time.sleep(0.005)
        server.send_signal(signal.SIGTERM)
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
        assert server.wait(60) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the workers in /proc")
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path / "log", "--workers", "2") as (server, address):
        assert fill(address, 48).status_code == 200
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        before = {int(pid) for pid in children.read_text().split()}
        workers = [
            pid for pid in before if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        end = time.monotonic() + 60
        while not {int(pid) for pid in children.read_text().split()} - before:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert [fill(address, 48).status_code for _ in range(4)] == [200] * 4
        counted = httpx.get(f"{address}/metrics").text
        assert 'inpaint_requests_total{status="200"} 5.0' in counted

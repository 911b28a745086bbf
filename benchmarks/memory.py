"""Memory of the page over many fills of many photos, by the calls of its own script."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import cv2
import numpy as np
import psutil
from app_server import Server, editor_call, large_photo, photo_file, sent

FILLS = 5  # of one photo
STROKE = 0.2  # length of a stroke that is filled, in shorter sides of the photo
SIZES = ((256, 256), (384, 512), (512, 384), (320, 480))  # (height, width)
LARGE = (4000, 3000)  # of every tenth photo


def memory_over_fills(
    server: Server, folder: Path, count: int, every: int
) -> Iterator[dict[str, float]]:
    """Resident memory of the server, and median seconds of a fill, after each `every` fills.

    Each photo is opened, filled five times, saved and closed.
    """
    process, paths = psutil.Process(server.process.pid), write_photos(folder)
    seconds: list[float] = []
    photos = 0
    while len(seconds) < count:
        size, path = paths[-1] if photos % 10 == 9 else paths[photos % len(SIZES)]
        photos += 1
        for spent in visit(server, folder, path, size, seed=photos):
            seconds.append(spent)
            if len(seconds) % every == 0:
                resident = round(process.memory_info().rss / 1e6)
                median = statistics.median(seconds[-every:])
                yield dict(fills=len(seconds), photos=photos, resident_mb=resident, median=median)


def write_photos(folder: Path) -> list[tuple[tuple[int, int], Path]]:
    """Photos of all sizes, the largest last, with their (height, width) the right way up."""
    small = [
        (size, photo_file(folder / f"{size[0]}.jpg", height=size[0], width=size[1]))
        for size in SIZES
    ]
    return [*small, (LARGE, large_photo(folder / "large.jpg"))]


def visit(server: Server, folder: Path, path: Path, size: tuple[int, int], *, seed: int) -> Any:
    """Opens a photo, fills strokes, saves and closes; gives the seconds of each fill."""
    values, _ = answer(server, "open", {}, sent(server, path))
    token = values["token"]
    rng = np.random.default_rng(seed)
    for number in range(FILLS):
        mask = np.zeros(size, np.uint8)
        side, angle = min(size), rng.uniform(0, 2 * np.pi)
        start = rng.uniform(0.3, 0.7, 2) * side
        end = start + STROKE * side * np.array([np.cos(angle), np.sin(angle)])
        ends = (place.astype(int).tolist() for place in (start, end))
        cv2.line(mask, *ends, 255, max(2, side // 40))
        cv2.imwrite(str(folder / "mask.png"), mask)
        started = time.perf_counter()
        request = {"token": token, "fills": number}
        answer(server, "fill", request, sent(server, folder / "mask.png"))
        yield time.perf_counter() - started
    answer(server, "save", {"token": token, "fills": FILLS})
    answer(server, "close", {"token": token})


def answer(server: Server, name: str, request: object, file: Any = None) -> Any:
    """Values and files of a call. Raises RuntimeError with what the server says."""
    message = editor_call(server, name, request, file)
    if not message["success"]:
        raise RuntimeError(message["output"])
    return message["output"]["data"]

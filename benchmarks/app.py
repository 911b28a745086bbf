"""Measure the page: latency, a hundred fills in a row, twenty clients at the same time.

    python benchmarks/app.py --weights places2-compact

starts the page on a free port, and prints one JSON object a measurement. Latency is what a
client on the same machine waits for `/inpaint`, from sending the two files to holding the answer;
`parts` are the same steps done one by one in this process, in seconds.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

from inpaint import Inpainter
from inpaint.images import read_image, write_image
from inpaint.masks.read import read_hole

ROOT = Path(__file__).parent.parent
WAIT = 600  # seconds for an answer: clients at the same time keep each other waiting
# Name, (height, width), box of the hole as (top, bottom, left, right).
SCENES = (
    ("512 x 512, hole of 10 %", (512, 512), (175, 337, 175, 337)),
    ("4000 x 3000, stroke of 150 x 900", (3000, 4000), (1000, 1150, 1500, 2400)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page.")
    parser.add_argument("--weights", default="places2-compact")
    parser.add_argument("--repeats", type=int, default=10, help="for the medians")
    parser.add_argument("--fills", type=int, default=100, help="in a row")
    parser.add_argument("--clients", type=int, default=20, help="at the same time")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process, address = start(options.weights)
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        for name, size, box in SCENES:
            photo, mask = write_scene(folder, size, box)
            waits = time_answers(address, photo, mask, options.repeats)
            parts = time_parts(options.weights, photo, mask, options.repeats)
            tell(scene=name, median=statistics.median(waits), worst=max(waits), parts=parts)
        photo, mask = write_scene(folder, (256, 256), (90, 140, 90, 140))
        fills_in_a_row(address, process, photo, mask, options.fills)
        clients_at_once(address, folder, mask, options.clients)


def start(weights: str) -> tuple[subprocess.Popen[str], str]:
    """The page in a process of its own, and its address."""
    command = [sys.executable, "app.py", "--weights", weights, "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://[\d.:]+", process.stdout.readline())
    if found is None:
        raise SystemExit("the page did not start")
    return process, found[0]


def write_scene(
    folder: Path, size: tuple[int, int], box: tuple[int, int, int, int]
) -> tuple[Path, Path]:
    """A JPEG with the texture of a photo, and its mask."""
    height, width = size
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    picture = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    hole = np.zeros(size, np.uint8)
    hole[box[0] : box[1], box[2] : box[3]] = 255
    paths = folder / f"{height}x{width}.jpg", folder / f"{height}x{width}.png"
    Image.fromarray(picture).save(paths[0], quality=92)
    Image.fromarray(hole).save(paths[1])
    return paths


def fill(client: Client, photo: Path, mask: Path) -> str:
    answer: str = client.predict(handle_file(photo), handle_file(mask), api_name="/inpaint")
    return answer


def time_answers(address: str, photo: Path, mask: Path, repeats: int) -> list[float]:
    """Seconds from request to answer, without the first one, which warms up."""
    client = Client(address, verbose=False)
    return [timed(lambda: fill(client, photo, mask)) for _ in range(repeats + 1)][1:]


def time_parts(weights: str, photo: Path, mask: Path, repeats: int) -> dict[str, float]:
    """Median seconds of reading, filling and writing."""
    inpainter = Inpainter.load(weights)
    picture = read_image(photo)
    hole = read_hole(mask, size=picture.size)
    filled = inpainter.fill_image_data(picture, hole)
    steps: dict[str, Callable[[], object]] = {
        "read photo": lambda: read_image(photo),
        "read mask": lambda: read_hole(mask, size=picture.size),
        "fill": lambda: inpainter.fill_image_data(picture, hole),
        "write": lambda: write_image(filled, photo.with_name("filled.jpg")),
    }
    return {
        name: round(statistics.median(timed(step) for _ in range(repeats)), 3)
        for name, step in steps.items()
    }


def fills_in_a_row(
    address: str, process: subprocess.Popen[str], photo: Path, mask: Path, count: int
) -> None:
    """Resident memory of the page, in MB, over many fills."""
    client, server = Client(address, verbose=False), psutil.Process(process.pid)
    memory = []
    for i in range(count):
        fill(client, photo, mask)
        if i % max(1, count // 10) == 0 or i == count - 1:
            memory.append(round(server.memory_info().rss / 1e6))
    tell(fills=count, resident_mb=memory)


def clients_at_once(address: str, folder: Path, mask: Path, count: int) -> None:
    """Clients that each send a picture of a colour of their own, and look what comes back."""
    photos = [folder / f"{i}.png" for i in range(count)]
    for i, photo in enumerate(photos):
        Image.new("RGB", (256, 256), (10 * i % 256, 255 - i, 7)).save(photo)
    wrong: list[str] = []

    def visit(photo: Path) -> None:
        try:
            client = Client(address, verbose=False, httpx_kwargs={"timeout": WAIT})
            answer = read_image(fill(client, photo, mask))
            if (answer.pixels[0, 0] != read_image(photo).pixels[0, 0]).any():
                wrong.append(f"{photo.name}: another client's picture")
        except Exception as error:  # it is what is counted
            wrong.append(f"{photo.name}: {error}")

    def all_at_once() -> None:
        threads = [threading.Thread(target=visit, args=(photo,)) for photo in photos]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    tell(clients=count, seconds=round(timed(all_at_once), 2), wrong=wrong)


def timed(step: Callable[[], object]) -> float:
    """Seconds a step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def tell(**values: object) -> None:
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
    print(json.dumps(rounded), flush=True)


if __name__ == "__main__":
    main()

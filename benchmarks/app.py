"""Measure the page: latency, many clients at the same time, memory over many fills in a row.

    python benchmarks/app.py --weights places2-compact

starts the page on a free port, and prints one JSON object a measurement. Latency is what a
client on the same machine waits for `/inpaint`, from sending the two files to holding the answer;
`parts` are the same steps done one by one in this process, in seconds. `--repeats 0`, `--clients 0`
and `--fills 0` leave a measurement out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import cv2
import numpy as np
import psutil
from app_server import Server, start_server, stop_server
from gradio_client import Client, handle_file
from memory import memory_over_fills
from PIL import Image

from inpaint import Inpainter
from inpaint.images import read_image, write_image
from inpaint.masks.read import read_hole

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
    parser.add_argument("--clients", type=int, default=20, help="at the same time")
    parser.add_argument("--fills", type=int, default=100, help="in a row")
    parser.add_argument("--every", type=int, default=100, help="fills, memory is looked at")
    options = parser.parse_args()
    server = start_server("--weights", options.weights)
    with ExitStack() as stack:
        stack.callback(stop_server, server.process)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.repeats:
            latency(server, folder, options.weights, options.repeats)
        if options.clients:
            clients_at_once(server, folder, options.clients)
        if options.fills:
            for line in memory_over_fills(server, folder, options.fills, options.every):
                tell(**line)


def latency(server: Server, folder: Path, weights: str, repeats: int) -> None:
    """Seconds of answers, and of their parts."""
    for name, size, box in SCENES:
        photo, mask = write_scene(folder, size, box)
        waits = time_answers(server.address, photo, mask, repeats)
        parts = time_parts(weights, photo, mask, repeats)
        tell(scene=name, median=statistics.median(waits), worst=max(waits), parts=parts)


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


def clients_at_once(server: Server, folder: Path, count: int) -> None:
    """Clients that each send a picture of a colour of their own, and look what comes back."""
    _, mask = write_scene(folder, (256, 256), (90, 140, 90, 140))
    photos = [folder / f"{i}.png" for i in range(count)]
    for i, photo in enumerate(photos):
        Image.new("RGB", (256, 256), (10 * i % 256, 255 - i, 7)).save(photo)
    wrong: list[str] = []

    def visit(photo: Path) -> None:
        try:
            client = Client(server.address, verbose=False, httpx_kwargs={"timeout": WAIT})
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

    before = psutil.Process(server.process.pid).cpu_times()
    seconds = timed(all_at_once)
    after = psutil.Process(server.process.pid).cpu_times()
    spent = sum(after[:2]) - sum(before[:2])
    tell(clients=count, seconds=seconds, processor_seconds=spent, wrong=wrong)


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

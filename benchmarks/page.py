"""How long large photos take in the page, in a Chromium without a GPU.

    python benchmarks/page.py --weights places2-compact --megapixels 12 50

A photo of the examples is enlarged and gets grain. Of each fill, from the button to the result on
the screen, the parts are told: making the mask, sending it, the server with its queue, fetching the
result, and showing it. Beside the seconds of each step stand the processor seconds that the server
and the browser took for it, which other programs on the machine change little.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import cv2
import numpy as np
import psutil
from app_server import ROOT, start_server, stop_server
from browser import EDITOR, Visitor, running_browser
from PIL import Image

FRAME = f"""() => {{
  const {{ stage }} = {EDITOR}, started = performance.now();
  for (let i = 0; i < 20; i++) {{
    stage.pan(3, 2);
    stage.draw();
    stage.photo.getImageData(0, 0, 1, 1);  // waits until it is drawn
  }}
  return (performance.now() - started) / 1000;
}}"""

# From the end of a stroke, [x, y, ...] in shares of the photo, until its outline is drawn; undone.
SELECT = f"""async (shares) => {{
  const {{ work, stage, pointing }} = {EDITOR}, {{ width, height }} = work.photo;
  const points = shares.map((share, i) => share * (i % 2 ? height : width));
  const started = performance.now();
  pointing.add({{ kind: "stroke", pointing: true, erase: false, radius: height / 120, points }});
  await pointing.answered;
  stage.draw();
  stage.photo.getImageData(0, 0, 1, 1);
  const seconds = (performance.now() - started) / 1000;
  if (work.history.marks.length !== 1) throw new Error("no outline was found");
  work.undo();
  return seconds;
}}"""

# From the button until the result is on the screen: its seconds, and those of its parts.
FILL = f"""async (points) => {{
  const {{ work, stage }} = {EDITOR}, {{ width, height }} = work.photo;
  const radius = height / 40, area = points.length > 8;
  points = points.map((share, i) => share * (i % 2 ? height : width));
  work.mark({{ kind: area ? "area" : "stroke", erase: false, radius, points }});
  stage.draw();
  performance.clearResourceTimings();
  const started = performance.now();
  await work.fill();
  const answered = performance.now();
  stage.draw();
  stage.photo.getImageData(0, 0, 1, 1);
  const ended = performance.now();
  if (work.history.fills.length !== 1) throw new Error("the fill failed");
  work.undo();
  work.undo();
  const calls = performance.getEntriesByType("resource");
  const [sent, joined, told, fetched] = ["upload", "queue/join", "queue/data", "patch."].map(
    (part) => calls.find((call) => call.name.includes(part)));
  return {{
    mask: (sent.startTime - started) / 1000,
    send: (joined.startTime - sent.startTime) / 1000,
    server: (fetched.startTime - joined.startTime) / 1000,
    fetch: fetched.duration / 1000,
    show: (ended - fetched.responseEnd) / 1000,
    all: (ended - started) / 1000,
  }};
}}"""


def circle(middle: float, radius: float) -> list[float]:
    """[x, y, ...] around (middle, middle)."""
    angles = [i / 5 for i in range(32)]
    return [middle + radius * part(angle) for angle in angles for part in (math.sin, math.cos)]


CIRCLE = circle(0.55, 0.12)
DAB = [0.5, 0.5, 0.6, 0.55]
STROKE = [0.3, 0.35, 0.45, 0.37]
BLOB = circle(0.5, 0.07)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time large photos in the page.")
    parser.add_argument("--weights", default="places2-compact")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    server = start_server("--weights", options.weights)
    print(f"{'':25} seconds   server  browser")
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        visitor = Visitor(browser, server)
        for megapixels in options.megapixels:
            photo = large_photo(Path(folder) / f"{megapixels:g}.jpg", megapixels)
            runs = [visit(visitor, photo, server.process.pid) for _ in range(options.repeats)]
            for name in runs[0]:
                columns = zip(*(run[name] for run in runs), strict=True)
                told = "  ".join(f"{statistics.median(column):7.3f}" for column in columns)
                print(f"{megapixels:4g} MP  {name:16} {told}", flush=True)
    stop_server(server.process)


def large_photo(path: Path, megapixels: float) -> Path:
    """The coffee of the examples with so many pixels, and with grain."""
    with Image.open(ROOT / "examples" / "coffee.jpg") as small:
        scale = (1e6 * megapixels / (small.width * small.height)) ** 0.5
        size = round(small.width * scale), round(small.height * scale)
        large = cv2.resize(np.array(small.convert("RGB")), size, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 4, large.shape[:2]).astype(np.float32)
    noisy = (large + grain[..., None]).clip(0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path, quality=92)
    return path


def visit(visitor: Visitor, photo: Path, server: int) -> dict[str, tuple[float, ...]]:
    """The steps of a visit, in their order: seconds, and processor seconds of server and browser.

    Parts of a fill have seconds only. server: its process.
    """
    evaluate = visitor.page.evaluate
    steps: dict[str, tuple[float, ...]] = {}

    def step(name: str, action: Callable[[], object]) -> object:
        before, started = processor_seconds(server), time.perf_counter()
        answer = action()
        spent, after = time.perf_counter() - started, processor_seconds(server)
        seconds = answer if isinstance(answer, float) else spent
        steps[name] = (seconds, after[0] - before[0], after[1] - before[1])
        return answer

    step("open", lambda: visitor.upload(photo))
    step("20 frames", lambda: evaluate(FRAME))
    step("select, circle", lambda: evaluate(SELECT, CIRCLE))
    step("select, dab", lambda: evaluate(SELECT, DAB))
    for name, points in (("stroke", STROKE), ("blob", BLOB)):
        parts = step(name, lambda points=points: evaluate(FILL, points))
        steps |= {f"{name}, {part}": (spent,) for part, spent in parts.items()}
    step("save", lambda: visitor.download("#download", photo.parent))
    return steps


def processor_seconds(server: int) -> tuple[float, float]:
    """Of the server, and of this process's other children, which are the browser."""
    spent = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent[process.pid] = sum(process.cpu_times()[:2])
    own = spent.pop(server, 0.0)
    return own, sum(spent.values())


if __name__ == "__main__":
    main()

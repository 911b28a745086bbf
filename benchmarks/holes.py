"""Time and memory of natural fills for holes of three shapes and 10,000 to 10 million pixels.

    python benchmarks/holes.py            # a Markdown table

The photo has 24 megapixels, mirrored and enlarged from examples/. `blob` is one ellipse, `stroke`
slanted lines of 60 px across the photo, as many as it takes, and `specks` discs of 5 px. Each fill
is a process of its own on one thread, after a small fill that loads and compiles all there is.
Core-seconds are processor time; memory is the peak of the process above what it held with the photo
before the fill.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
from detail import photo, return_memory
from measure import resident

from inpaint import Inpainter

SIZE = (4000, 6000)  # (height, width), px
AREAS = (10_000, 100_000, 1_000_000, 10_000_000)  # px
SHAPES = ("blob", "stroke", "specks")
STROKE_WIDTH = 60  # px
SPECK_RADIUS, SPECK_AREA, SPECK_PITCH = 2, 13, 8  # px; 10 million would leave no room between them


def blob(area: int) -> np.ndarray:
    height, width = SIZE
    y, x = np.ogrid[:height, :width]
    scale = area / (np.pi * 1.5)  # half axes a and 1.5 a
    return ((y - height / 2) ** 2 + ((x - width / 2) / 1.5) ** 2) <= scale


def stroke(area: int) -> np.ndarray:
    height, width = SIZE
    length = area / STROKE_WIDTH
    lines = max(1, round(length / width))
    canvas = np.zeros(SIZE, np.uint8)
    for number in range(lines):
        y = round((number + 0.5) * height / lines)
        end = min(width, round(length / lines))
        cv2.line(canvas, (0, y), (end, y + 40), 1, STROKE_WIDTH)
    return canvas > 0


def specks(area: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    cells = (SIZE[0] // SPECK_PITCH, SIZE[1] // SPECK_PITCH)
    chosen = rng.choice(cells[0] * cells[1], area // SPECK_AREA, replace=False)
    centres = np.stack(np.unravel_index(chosen, cells), 1) * SPECK_PITCH + SPECK_PITCH // 2
    hole = np.zeros(SIZE, bool)
    for dy in range(-SPECK_RADIUS, SPECK_RADIUS + 1):
        for dx in range(-SPECK_RADIUS, SPECK_RADIUS + 1):
            if dy * dy + dx * dx <= SPECK_RADIUS**2:
                hole[centres[:, 0] + dy, centres[:, 1] + dx] = True
    return hole


HOLES = {"blob": blob, "stroke": stroke, "specks": specks}


def measure(shape: str, area: int) -> dict[str, float]:
    """Of one fill, in this process."""
    torch.set_num_threads(1)
    inpainter = Inpainter.load(device="cpu")
    small = np.zeros((400, 400), bool)
    small[150:220, 150:220], small[20:24, 20:24], small[50:58, 20:24] = True, True, True
    inpainter.fill(photo(2048, 2048)[:400, :400], small)
    image, hole = photo(*SIZE), HOLES[shape](area)
    return_memory()
    before, cpu, start = resident("VmRSS"), time.process_time(), time.perf_counter()
    inpainter.fill(image, hole)
    return {
        "area": int(hole.sum()),
        "core_seconds": time.process_time() - cpu,
        "seconds": time.perf_counter() - start,
        "megabytes": (resident("VmHWM") - before) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--most", type=int, default=AREAS[-1], help="largest hole, px")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], int(options.measure[1]))))
        return
    print("| hole | pixels | core-seconds | a megapixel of hole | peak above the photo |")
    print("|---|---:|---:|---:|---:|")
    for shape in options.shapes:
        for area in AREAS:
            if area > options.most or (shape == "specks" and area > AREAS[-2]):
                continue
            command = [sys.executable, __file__, "--measure", shape, str(area)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(text)
            print(
                f"| {shape} | {row['area']:,} | {row['core_seconds']:.2f} | "
                f"{1e6 * row['core_seconds'] / row['area']:.1f} | {row['megabytes']:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()

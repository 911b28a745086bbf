"""What the texture of natural fills costs: one process, alternating rounds, medians.

    python benchmarks/detail.py            # --check exits with 1 when a target is missed

`step` is the texture step alone on 256x256 with a hole of 10 %; `photo` is a whole fill of 12
megapixels with a stroke of 150x900 px, with and without texture. The table has seconds and peak
memory of the texture step, and seconds of the fill without it, for holes of several areas in
pictures of 2 to 24 megapixels. Pictures are mirrored and enlarged from examples/. The first fill
compiles the step, where it has not been compiled before, and does not count.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from measure import alternating, resident
from PIL import Image

import inpaint.inference.pipeline
from inpaint import Inpainter
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS

EXAMPLES = Path(__file__).parent.parent / "examples"
STEP_SECONDS, PHOTO_SECONDS = 0.5, 3.0  # targets, on two quiet cores
SIZES = {2: (1200, 1700), 12: (3000, 4000), 24: (4000, 6000)}  # megapixels: (height, width)
HOLES = {10: (50, 200), 100: (160, 625), 1000: (500, 2000), 10_000: (2500, 4000)}  # thousand px


def photo(height: int, width: int) -> np.ndarray:
    """An example at twice its size, mirrored as often as it takes: (height, width, 3) uint8."""
    with Image.open(EXAMPLES / "astronaut.jpg") as image:
        tile = np.asarray(image.convert("RGB"))
    tile = cv2.resize(tile, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    below, right = height - tile.shape[0], width - tile.shape[1]
    return np.pad(tile, ((0, below), (0, right), (0, 0)), mode="symmetric")


def stroke(size: tuple[int, int], height: int, width: int) -> np.ndarray:
    """A hole in the middle: (height, width) bool."""
    hole = np.zeros(size, bool)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    hole[top : top + height, left : left + width] = True
    return hole


class StepWatch:
    """Counts the seconds that fills spend in the texture step, by the clock and of processor time,
    and its peak memory."""

    def __init__(self) -> None:
        self.seconds, self.processor, self.bytes = 0.0, 0.0, 0
        self._step = inpaint.inference.pipeline.synthesize
        inpaint.inference.pipeline.synthesize = self

    def __call__(self, *arguments: object, **options: object) -> np.ndarray:
        return_memory()
        before, start, cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
        result = self._step(*arguments, **options)  # type: ignore[arg-type]
        self.seconds += time.perf_counter() - start
        self.processor += time.process_time() - cpu
        self.bytes = max(self.bytes, resident("VmHWM") - before)
        return result

    def __enter__(self) -> StepWatch:
        return self

    def __exit__(self, *_: object) -> None:
        inpaint.inference.pipeline.synthesize = self._step


def return_memory() -> None:
    """What is free goes back to the system, or it would be used without being seen; the peak of
    this process starts anew."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def step_seconds(inpainter: Inpainter, rounds: int) -> tuple[float, float]:
    """By the clock, and of processor time."""
    image = cv2.resize(photo(1024, 1024), (256, 256), interpolation=cv2.INTER_AREA)
    hole = stroke((256, 256), 64, 102)
    watches = []
    for _ in range(rounds + 1):
        with StepWatch() as watch:
            inpainter.fill(image, hole)
        watches.append(watch)
    return median(w.seconds for w in watches[1:]), median(w.processor for w in watches[1:])


def table_row(inpainter: Inpainter, area: int, megapixels: int, rounds: int) -> str:
    size = SIZES[megapixels]
    image, hole = photo(*size), stroke(size, *HOLES[area])
    fills, watches = [], []
    for _ in range(rounds):
        with StepWatch() as watch:
            start = time.perf_counter()
            inpainter.fill(image, hole)
            fills.append(time.perf_counter() - start - watch.seconds)
        watches.append(watch)
    return (
        f"| {area * 1000:,} px | {megapixels} MP | {median(w.seconds for w in watches):.2f} s | "
        f"{median(w.processor for w in watches):.2f} s | "
        f"{median(w.bytes for w in watches) / 1e6:.0f} MB | {median(fills):.2f} s |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="exit with 1 for a missed target")
    options = parser.parse_args()
    inpainter = Inpainter.load(options.weights, device="cpu")
    print(f"{torch.get_num_threads()} threads, medians of {options.rounds}")

    step, processor = step_seconds(inpainter, options.rounds)
    print(f"step: {step:.2f} s (target {STEP_SECONDS} s), {processor:.2f} s of processor time")
    image, hole = photo(*SIZES[12]), stroke(SIZES[12], 150, 900)
    styles = ("plain", "natural")
    ways = {style: partial(inpainter.fill, image, hole, style=style) for style in styles}
    rounds = alternating(ways, options.rounds)
    seconds = {way: median(values) for way, values in rounds.items()}
    print(
        f"photo: {seconds['natural']:.2f} s with texture (target {PHOTO_SECONDS} s), "
        f"{seconds['plain']:.2f} s without"
    )
    start = time.process_time()
    inpainter.fill(image, hole)
    print(f"photo: {time.process_time() - start:.2f} s of processor time with texture")

    print("\n| hole | picture | texture | processor time | peak memory | the rest of the fill |")
    print("|---|---|---|---|---|---|")
    for area, megapixels in ((10, 2), (10, 12), (100, 2), (100, 12), (1000, 12), (10_000, 24)):
        print(table_row(inpainter, area, megapixels, options.rounds), flush=True)
    missed = step > STEP_SECONDS or seconds["natural"] > PHOTO_SECONDS
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Memory and time of `inpaint fill` on pictures of 100 megapixels, from file to file.

    python benchmarks/large.py                 # a Markdown table; --megapixels 25 for a quick look

`fifth` is one ellipse of 20 % of the picture, `half` its right half, `strokes` three slanted lines
of 60 px, and `folder` five pictures with an ellipse of 1 % each. The pictures are JPEG files,
mirrored and enlarged from examples/. Each row is a process of its own: the peak is the most that it
held at any time, everything included; core-seconds are its processor time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import cv2
import numpy as np
from detail import photo
from measure import resident
from PIL import Image

from inpaint.inference.style import Style

_POLL = 0.02  # s


def ellipse(side: int, share: float) -> np.ndarray:
    """One ellipse with this share of a square picture: (side, side) bool."""
    y, x = np.ogrid[:side, :side]
    scale = share * side**2 / (np.pi * 1.5)  # half axes a and 1.5 a
    return ((y - side / 2) ** 2 + ((x - side / 2) / 1.5) ** 2) <= scale


def half(side: int) -> np.ndarray:
    hole = np.zeros((side, side), bool)
    hole[:, side // 2 :] = True
    return hole


def strokes(side: int) -> np.ndarray:
    canvas = np.zeros((side, side), np.uint8)
    for start in (-side // 4, 0, side // 4):
        cv2.line(canvas, (0, start), (side, start + side), 1, 60)
    return canvas > 0


@dataclass(frozen=True)
class Case:
    """Pictures that are filled in one run."""

    hole: Callable[[int], np.ndarray]
    pictures: int = 1


CASES = {
    "fifth": Case(lambda side: ellipse(side, 0.2)),
    "half": Case(half),
    "strokes": Case(strokes),
    "folder": Case(lambda side: ellipse(side, 0.01), pictures=5),
}


def run(command: list[str]) -> tuple[float, float, float]:
    """Seconds, core-seconds and peak bytes of a process. Raises CalledProcessError."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    peak, before = 0, os.times()
    while process.poll() is None:
        peak = max(peak, resident("VmHWM", process.pid))
        time.sleep(_POLL)
    after = os.times()
    if process.returncode:
        assert process.stderr is not None
        raise subprocess.CalledProcessError(
            process.returncode, command, stderr=process.stderr.read()
        )
    cores = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - start, cores, peak


def write_set(folder: Path, case: Case, side: int) -> None:
    """The pictures and masks of a case, in folder/photos and folder/masks."""
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    Image.fromarray(photo(side, side)).save(folder / "photos/0.jpg", quality=90)
    Image.fromarray(case.hole(side)).save(folder / "masks/0.png")
    for number in range(1, case.pictures):
        shutil.copy(folder / "photos/0.jpg", folder / f"photos/{number}.jpg")
        shutil.copy(folder / "masks/0.png", folder / f"masks/{number}.png")


def measure(name: str, side: int, style: str, options: list[str]) -> tuple[float, float, float]:
    case = CASES[name]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_set(folder, case, side)
        command = [sys.executable, "-m", "inpaint", "fill", "--style", style, *options]
        if case.pictures == 1:
            command += [str(folder / "photos/0.jpg"), "--mask", str(folder / "masks/0.png")]
            command += ["-o", str(folder / "out.jpg")]
        else:
            command += [str(folder / "photos"), "--mask", str(folder / "masks")]
            command += ["-o", str(folder / "out")]
        return run(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--styles", nargs="+", choices=get_args(Style), default=["natural"])
    parser.add_argument("--megapixels", type=float, default=100, help="default: %(default)s")
    parser.add_argument("--options", default="", help="further options of `inpaint fill`")
    options = parser.parse_args()
    side = round((options.megapixels * 1e6) ** 0.5)
    print(f"{side} x {side} px, {len(os.sched_getaffinity(0))} cores\n")
    print("| case | style | seconds | core-seconds | peak |")
    print("|---|---|---:|---:|---:|")
    for name in options.cases:
        for style in options.styles:
            seconds, cores, peak = measure(name, side, style, options.options.split())
            print(
                f"| {name} | {style} | {seconds:.0f} | {cores:.0f} | {peak / 1e9:.2f} GB |",
                flush=True,
            )


if __name__ == "__main__":
    main()

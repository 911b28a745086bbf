"""How far apart fills of the same picture, hole and seed are: on other threads and processors.

    python benchmarks/processors.py            # a Markdown table

Rows of threads are fills by torch's number of threads, as many processors assumed. Rows of
processors limit the instructions that torch, oneDNN and Numba use to those of older ones, each in a
process of its own; OpenCV and NumPy choose theirs as ever. The figures are of the hole's pixels,
beside one thread with all instructions of this machine: the share that differs at all, the mean
difference in levels of 8 bits, the largest, and the PSNR between the two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import cv2
import numpy as np
from detail import photo

from inpaint.inference.style import Style

SIZE = (600, 800)  # (height, width), px
THREADS = (2, 4, 8)
PROCESSORS = {
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "NUMBA_CPU_NAME": "haswell",
    },
    "SSE4.1": {
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "ATEN_CPU_CAPABILITY": "default",
        "NUMBA_CPU_NAME": "nehalem",
    },
}


def hole() -> np.ndarray:
    """A wide and a narrow slanted stroke, an object and dust: (height, width) bool."""
    canvas = np.zeros(SIZE, np.uint8)
    cv2.line(canvas, (30, 560), (500, 300), 1, 30)
    cv2.line(canvas, (300, 20), (780, 120), 1, 6)
    cv2.circle(canvas, (620, 380), 80, 1, -1)
    for x in range(40, 280, 40):
        cv2.circle(canvas, (x, 60 + x // 2), 2, 1, -1)
    return canvas > 0


def fill(style: Style, threads: int, path: str) -> None:
    """The process of a row: write the fill as an array."""
    import torch

    from inpaint import Inpainter
    from inpaint.utils import threads as of_threads

    of_threads.usable_cpus = lambda: threads  # type: ignore[assignment]
    torch.set_num_threads(threads)
    np.save(
        path,
        Inpainter.load(device="cpu", style=style).fill(
            photo(1024, 1024)[: SIZE[0], : SIZE[1]], hole()
        ),
    )


def filled(style: Style, threads: int, environment: dict[str, str]) -> np.ndarray:
    """The colours of the hole, (N, 3), as a process with this environment fills it."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "fill.npy")
        # Compiled code of other processors is kept apart.
        own = {**os.environ, **environment}
        if environment:
            own["NUMBA_CACHE_DIR"] = folder
        command = [sys.executable, __file__, "--fill", style, str(threads), path]
        subprocess.run(command, env=own, check=True)
        return np.load(path)[hole()].astype(np.float64)


def row(name: str, style: str, one: np.ndarray, other: np.ndarray) -> str:
    difference = np.abs(one - other)
    share = (difference > 0).any(-1).mean()
    error = np.square(difference).mean()
    psnr = "same" if not error else f"{10 * np.log10(255**2 / error):.1f} dB"
    return (
        f"| {style} | {name} | {100 * share:.1f} % | {difference.mean():.3f} | "
        f"{difference.max():.0f} | {psnr} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--styles", nargs="+", choices=get_args(Style), default=get_args(Style))
    parser.add_argument("--fill", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        style, threads, path = options.fill
        fill(style, int(threads), path)
        return
    print("| style | beside one thread here | pixels | mean | most | PSNR |")
    print("|---|---|---:|---:|---:|---:|")
    for style in options.styles:
        reference = filled(style, 1, {})
        for threads in THREADS:
            print(row(f"{threads} threads", style, reference, filled(style, threads, {})))
        for name, environment in PROCESSORS.items():
            print(row(name, style, reference, filled(style, 1, environment)), flush=True)


if __name__ == "__main__":
    main()

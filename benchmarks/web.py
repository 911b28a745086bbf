"""The static page in Chromium: times, memory, and how far its fills are from Python's.

python benchmarks/web.py

Needs `npm install --prefix web --ignore-scripts --omit=optional`. Processor seconds are those of
all processes of the browser; other programs disturb them less than the time. Linux only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import running_browser  # noqa: E402
from web_page import Page  # noqa: E402
from web_site import ISOLATION, build_site, serving  # noqa: E402

from inpaint import Inpainter  # noqa: E402
from inpaint.checkpoints.onnx_config import OnnxConfig  # noqa: E402
from inpaint.checkpoints.onnx_export import export_onnx  # noqa: E402
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, find_weights  # noqa: E402

PATIENCE = 600  # s
PHOTO = ROOT / "examples" / "astronaut.jpg"  # 512 x 512
# Strokes as (size of the brush, points), in shares of the slider and of the photo.
STROKES = {
    "a line and a spot": [(0.5, [(0.1, 0.2), (0.5, 0.25), (0.9, 0.3)]), (0.75, [(0.8, 0.7)])],
    "a large hole": [(1.0, [(0.35, 0.6), (0.5, 0.7)])],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 3464])
    options = parser.parse_args()
    torch.set_num_threads(1)
    weights = find_weights(options.weights)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        export_onnx(weights, model, OnnxConfig(precision="float16"))
        site = build_site(Path(folder) / "site", model)
        for path in sorted(site.rglob("*")):
            if path.is_file() and path.stat().st_size > 100_000:
                print(f"{path.relative_to(site)}: {path.stat().st_size / 1e6:.1f} MB")
        own = sum(p.stat().st_size for p in site.rglob("*.*s") if "ort" not in p.parts)
        print(f"scripts and styles: {own / 1e3:.0f} kB")
        inpainter = Inpainter.load(weights, device="cpu", boundary=False, style="plain")
        print(
            "| px | threads | marked | s | processor s | MB at most | largest difference, levels |"
        )
        print("|---|---|---|---|---|---|---|")
        with running_browser() as browser:
            for headers in (None, ISOLATION):
                for side in options.sides:
                    measure(browser, site, headers, side, inpainter)


def measure(
    browser: object, site: Path, headers: dict[str, str] | None, side: int, inpainter: Inpainter
) -> None:
    """Print a line for each set of strokes on a photo of that side."""
    with Image.open(PHOTO) as photo:
        image = np.array(photo.convert("RGB"))
    image = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    with serving(site, headers) as address:
        for name, strokes in STROKES.items():
            page = Page(browser, address)  # with a process of its own
            page.page.set_default_timeout(1000 * PATIENCE)
            threads = page.run("return (await (await import('/main.js')).loadNetwork()).threads;")
            page.photo(image)
            for size, points in strokes:
                page.brush(size)
                page.stroke(*points)
            before, start = processor_seconds(), time.perf_counter()
            page.fill()
            wall, cpu = time.perf_counter() - start, processor_seconds() - before
            peak = peak_memory()  # what follows takes some itself
            page.page.keyboard.press("Control+z")
            hole = page.hole()
            page.page.keyboard.press("Control+Shift+z")
            difference = np.abs(page.pixels().astype(int) - inpainter.fill(image, hole)).max()
            print(
                f"| {side} | {threads} | {name}, {100 * hole.mean():.1f} % | {wall:.1f} | "
                f"{cpu:.1f} | {peak:.0f} | {difference} |",
                flush=True,
            )
            page.close()


def descendants() -> list[int]:
    """Processes that this one has started, and those that they have."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found = [os.getpid()]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def processor_seconds() -> float:
    """Of all processes of the browser that run."""
    ticks = 0
    for process in descendants():
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_memory() -> float:
    """Largest resident memory of one process of the browser so far, MB."""
    peaks = [0.0]
    for process in descendants():
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                peaks.append(int(line.split()[1]) / 1e3)
    return max(peaks)


if __name__ == "__main__":
    main()

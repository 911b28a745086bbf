"""What a run over a folder costs beside the network: pictures/s end to end, and memory.

    python benchmarks/batch.py PICTURES --weights FILE      # a folder, or tars with pictures

`bare` is the inpainter on the same pictures and holes in memory, one after the other, with all
cores on each picture, as a simple loop would do it; `bare, side by side` is the same with as many
threads as cores, each with one core. `folder` is `inpaint fill` from files to files, its start
left out. Bare and folder take turns, so that a busy machine slows all of them; each figure is the
median of the rounds. Peak memory is the resident set of a fresh process that runs the command.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np
import torch
from PIL import Image

from inpaint.batch import Plan, Request, Settings, make_plan
from inpaint.batch.run import run_local
from inpaint.images import ImageData, read_image
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.style import DEFAULT_STYLE, Style
from inpaint.masks import fixed_hole
from inpaint.masks.read import read_hole

SIDES = (128, 320, 640, 1024, 1414)  # px of the shorter side; pictures up to 2 megapixels
FORMATS = ("jpg", "jpg", "jpg", "png")
BUCKET = 1  # holes of 10 to 20 %


def source_pictures(path: Path) -> Iterator[Image.Image]:
    """Pictures of a folder, of a tar, or of all tars in a folder."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.suffix in (".jpg", ".png", ".tar"):
                yield from source_pictures(inner)
    elif path.suffix == ".tar":
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith((".jpg", ".png")):
                    file = tar.extractfile(member)
                    assert file is not None
                    yield Image.open(io.BytesIO(file.read())).convert("RGB")
    else:
        yield Image.open(path).convert("RGB")


def make_set(source: Path, folder: Path, count: int, sides: tuple[int, ...]) -> None:
    """`count` pictures of mixed sizes with a hole for each, in folder/photos and folder/masks."""
    for name in ("photos", "masks"):
        (folder / name).mkdir(parents=True)
    pictures = list(islice(source_pictures(source), min(count, 200)))
    for number, image in enumerate(islice(cycle(pictures), count)):
        side = sides[number % len(sides)]
        scale = side / min(image.size)
        image = image.resize([round(length * scale) for length in image.size])
        width, height = image.size
        suffix = FORMATS[number % len(FORMATS)]
        image.save(folder / f"photos/{number:05d}.{suffix}", quality=90)
        hole = fixed_hole((height, width), number % 50, seed=0, bucket=BUCKET)
        mask = Image.fromarray(hole.astype(np.uint8) * 255)
        mask.save(folder / f"masks/{number:05d}.png")


def plan_of(folder: Path, output: Path) -> Plan:
    return make_plan(
        Request((str(folder / "photos"),), mask=str(folder / "masks"), output=str(output))
    )


def bare(inpainter: Inpainter, pairs: list[tuple[ImageData, np.ndarray]]) -> float:
    start = time.perf_counter()
    for picture, hole in pairs:
        inpainter.fill_image_data(picture, hole)
    return time.perf_counter() - start


def bare_side_by_side(inpainter: Inpainter, pairs: list[tuple[ImageData, np.ndarray]]) -> float:
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(lambda pair: inpainter.fill_image_data(*pair), pairs))
    seconds = time.perf_counter() - start
    torch.set_num_threads(cores)
    return seconds


def folder_run(inpainter: Inpainter, folder: Path, workers: int | None) -> float:
    with TemporaryDirectory(dir=folder) as output:
        start = time.perf_counter()
        tasks = plan_of(folder, Path(output)).tasks
        for record in run_local(tasks, inpainter, Settings(), workers=workers):
            assert record.status == "done", record
        return time.perf_counter() - start


def compare(source: Path, count: int, options: argparse.Namespace) -> list[str]:
    """Lines of a table: pictures/s of the bare network and of the whole run."""
    inpainter = Inpainter.load(options.weights, device=options.device, style=options.style)
    with TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        make_set(source, folder, count, tuple(options.sides))
        pairs = []
        for task in plan_of(folder, folder / "out").tasks:
            picture = read_image(task.image)
            pairs.append((picture, read_hole(task.mask, size=picture.size)))
        ways = {
            "bare": lambda: bare(inpainter, pairs),
            "bare, side by side": lambda: bare_side_by_side(inpainter, pairs),
            "folder": lambda: folder_run(inpainter, folder, options.workers),
        }
        bare(inpainter, pairs[: len(options.sides)])  # warms up
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, call in ways.items():
                seconds[way].append(call())
    lines = ["| way | pictures/s | of bare |", "|---|---|---|"]
    for way, values in seconds.items():
        share = median(b / v for b, v in zip(seconds["bare"], values, strict=True))
        lines.append(f"| {way} | {count / median(values):.2f} | {share:.0%} |")
    return lines


def grow(source: Path, counts: list[int], options: argparse.Namespace) -> list[str]:
    """Lines of a table: time and peak memory of the command for more and more pictures."""
    lines = ["| pictures | seconds | pictures/s | peak MB |", "|---|---|---|---|"]
    for count in counts:
        with TemporaryDirectory(dir=options.scratch) as name:
            make_set(source, Path(name), count, tuple(options.sides))
            command = [sys.executable, __file__, str(source), "--child", name]
            command += ["--weights", options.weights, "--device", options.device]
            command += ["--style", options.style]
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, peak = json.loads(result.stdout)
        lines.append(f"| {count:,} | {seconds:.1f} | {count / seconds:.1f} | {peak / 1e6:.0f} |")
    return lines


def kill(source: Path, count: int, times: int, options: argparse.Namespace) -> list[str]:
    """Lines on a run that is killed so many times and started again each time."""
    with TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        make_set(source, folder, count, tuple(options.sides))
        command = [sys.executable, "-m", "inpaint.cli", "fill", str(folder / "photos")]
        command += ["--mask", str(folder / "masks"), "--weights", options.weights]
        command += ["--device", options.device, "--style", options.style, "--skip-existing", "-o"]
        calm, out = folder / "calm", folder / "out"
        subprocess.run([*command, str(calm)], check=True, capture_output=True)
        wanted = {path.name: path.read_bytes() for path in calm.glob("0*")}
        lines, done = [], 0
        for number in range(times):
            with subprocess.Popen([*command, str(out)], stderr=subprocess.DEVNULL) as process:
                while len(list(out.glob("0*"))) <= done and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(random.uniform(0, 1))
                process.kill()
            made = list(out.glob("0*"))
            equal = all(wanted[path.name] == path.read_bytes() for path in made)
            lines.append(f"kill {number + 1}: {len(made)} done, {len(made) - done} of them new, "
                         f"{'all' if equal else 'NOT ALL'} as in the calm run")  # fmt: skip
            done = len(made)
        subprocess.run([*command, str(out)], check=True, capture_output=True)
        found = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".jsonl"}
        lines.append(
            f"at the end: {len(found)} of {count}, {'' if found == wanted else 'NOT '}equal"
        )
        return lines


def child(folder: Path, options: argparse.Namespace) -> None:
    inpainter = Inpainter.load(options.weights, device=options.device, style=options.style)
    seconds = folder_run(inpainter, folder, options.workers)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([seconds, peak]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="a folder or a tar to make the sets from")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--style", choices=get_args(Style), default=DEFAULT_STYLE)
    parser.add_argument("--count", type=int, default=1000, help="pictures of the comparison")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="shorter sides, px")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--grow", type=int, nargs="+", metavar="COUNT", help="sets of these sizes")
    parser.add_argument("--kill", type=int, metavar="TIMES", help="kill -9 a run so many times")
    parser.add_argument("--scratch", help="folder for the sets; default: the system's")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options)
        return
    print(f"{len(os.sched_getaffinity(0))} cores, {torch.get_num_threads()} threads of torch\n")
    if options.grow:
        print("\n".join(grow(options.pictures, options.grow, options)))
    elif options.kill:
        print("\n".join(kill(options.pictures, options.count, options.kill, options)))
    else:
        print("\n".join(compare(options.pictures, options.count, options)))


if __name__ == "__main__":
    main()

"""Pictures per second of the training loop, by sample size, loss terms and precision.

    python benchmarks/train.py            # a Markdown table

Every figure comes from real runs of `inpaint.training.train` on generated pictures: loading, step,
average and log, as on a user's machine. The settings take turns, and a figure is the median over
the steps of all turns but the first two of each run, which start the workers and allocate memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import platform
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from accelerate.state import AcceleratorState

from inpaint.training import TrainConfig, train

TERMS = ("pixels", "crop", "all")  # no VGG terms, VGG terms on a crop of half the side, or on all
PRECISIONS = ("fp32", "bf16")
WARM_UP = 2  # steps of a run that do not count


def write_pictures(folder: Path, *, count: int = 64, height: int = 192) -> None:
    """JPEG files a third wider than high, in px, smooth with some grain."""
    shape = (height, height * 4 // 3, 3)
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        grain = rng.normal(0, 8, shape)
        picture = cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC) + grain
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), picture.clip(0, 255).astype(np.uint8))


def speeds(
    root: Path, *, size: int, terms: str, precision: str, steps: int, threads: int, workers: int
) -> list[float]:
    """Pictures per second of each step of a run that counts; none where it cannot be run."""
    with tempfile.TemporaryDirectory() as out:
        try:
            config = TrainConfig(
                data="folder",
                root=str(root),
                config="compact",
                phase=2,
                out=out,
                steps=steps + WARM_UP,
                size=size,
                no_vgg=terms == "pixels",
                loss_crop=size // 2 if terms == "crop" else size,
                precision=precision,
                threads=threads,
                workers=workers,
                log_steps=1,
                val_pictures=1,
            )
            # Accelerate keeps the precision of the first run for the whole process.
            AcceleratorState._reset_state(reset_partial_state=True)
            train(config)
        except ValueError as error:
            if "bf16 on a CPU" not in str(error):
                raise
            return []
        lines = [json.loads(line) for line in (Path(out) / "log.jsonl").read_text().splitlines()]
    found = [line["pictures_per_s"] for line in lines if line["kind"] == "train"]
    return found[WARM_UP:]


def table(found: dict[tuple[int, str, str], list[float]], sizes: Sequence[int]) -> str:
    lines = [
        f"Compact network, batch 16, {torch.get_num_threads()} threads of {platform.machine()}, "
        f"torch {torch.__version__}; pictures per second.",
        "",
        f"| size | loss terms | {' | '.join(PRECISIONS)} |",
        f"|---|---|{'---|' * len(PRECISIONS)}",
    ]
    for size, terms in itertools.product(sizes, TERMS):
        cells = [found[size, terms, precision] for precision in PRECISIONS]
        texts = [f"{median(cell):.1f}" if cell else "–" for cell in cells]
        name = {"pixels": "pixels", "crop": f"with VGG on {size // 2} px", "all": "with VGG"}[terms]
        lines.append(f"| {size} px | {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="steps of a run that count (5)")
    parser.add_argument("--turns", type=int, default=2, help="runs of each setting (2)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=1, help="processes that load samples (1)")
    parser.add_argument("--sizes", default="64,128", help="sides of the samples, px (64,128)")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    logging.disable(logging.WARNING)
    found: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pictures(root)
        for _ in range(options.turns):
            for setting in itertools.product(sizes, TERMS, PRECISIONS):
                size, terms, precision = setting
                found[setting] += speeds(
                    root,
                    size=size,
                    terms=terms,
                    precision=precision,
                    steps=options.steps,
                    threads=options.threads,
                    workers=options.workers,
                )
    print(table(found, sizes))


if __name__ == "__main__":
    main()

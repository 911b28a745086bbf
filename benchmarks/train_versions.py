"""Pictures per second of the training loop of two versions of the code, which take turns.

    git worktree add /tmp/before 38561e0  # the first loop that runs, or another one
    python benchmarks/train_versions.py /tmp/before

A run is one of `benchmarks/train.py`, in a process of its own: samples, step, average and log. All
of it is on one thread, and the log's clock is the processor time, so that other programs hardly
count. A figure is the median over the steps of all runs but the first of each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from train import write_pictures

TERMS = ("pixels", "crop")  # no VGG terms, or VGG terms on a crop of half the side
RUN = """
import json, sys, time
time.perf_counter = time.process_time  # the clock of the speed in the log
try:
    from inpaint.training import TrainConfig, train
except ImportError:  # of before its modules moved
    from inpaint.train import TrainConfig, train
train(TrainConfig(**json.loads(sys.argv[1])))
"""
WARM_UP = 1  # steps of a run that do not count


def speeds(code: Path, root: Path, *, size: int, terms: str, batch: int, steps: int) -> list[float]:
    """Pictures per processor second of each step of a run of the code in a folder."""
    with tempfile.TemporaryDirectory() as out:
        settings = {
            "data": "folder",
            "root": str(root),
            "config": "compact",
            "phase": 2,
            "out": out,
            "steps": steps + WARM_UP,
            "size": size,
            "batch_size": batch,
            "no_vgg": terms == "pixels",
            "loss_crop": size // 2,
            "precision": "fp32",
            "threads": 1,
            "workers": 0,
            "log_steps": 1,
            "val_pictures": 1,
        }
        environment = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", RUN, json.dumps(settings)]
        subprocess.run(command, cwd=code, env=environment, check=True, capture_output=True)
        lines = [json.loads(line) for line in (Path(out) / "log.jsonl").read_text().splitlines()]
    return [line["pictures_per_s"] for line in lines if line["kind"] == "train"][WARM_UP:]


def table(found: dict[tuple[int, str, Path], list[float]], versions: Sequence[Path]) -> str:
    """Markdown, with the second version's gain."""
    lines = ["| size | loss terms | before | now | times |", "|---|---|---:|---:|---:|"]
    for size, terms in dict.fromkeys((size, terms) for size, terms, _ in found):
        before, now = (median(found[size, terms, version]) for version in versions)
        name = "L1 only" if terms == "pixels" else f"with VGG on {size // 2} px crops"
        lines.append(f"| {size} px | {name} | {before:.2f} | {now:.2f} | {now / before:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="checkout of the other version")
    parser.add_argument("--sizes", default="128,256,512", help="of samples, px (%(default)s)")
    parser.add_argument("--batch", type=int, default=2, help="pictures of a step (%(default)s)")
    parser.add_argument("--steps", type=int, default=2, help="of a run that count (%(default)s)")
    parser.add_argument("--turns", type=int, default=2, help="runs of each (%(default)s)")
    options = parser.parse_args()
    versions = (options.before.resolve(), Path(__file__).resolve().parents[1])
    sizes = [int(size) for size in options.sizes.split(",")]
    found: dict[tuple[int, str, Path], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        roots = {size: Path(folder) / str(size) for size in sizes}
        for size, root in roots.items():
            root.mkdir()
            write_pictures(root, count=8, height=size * 3 // 2)
        how = {"batch": options.batch, "steps": options.steps}
        for _ in range(options.turns):
            for size, terms, version in itertools.product(sizes, TERMS, versions):
                run = speeds(version, roots[size], size=size, terms=terms, **how)
                found[size, terms, version] += run
    print(table(found, versions))


if __name__ == "__main__":
    main()

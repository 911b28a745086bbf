"""Pictures per second of training runs with crops, holes and boundaries on host or device.

    python benchmarks/train_device.py --workers 2,15           # the compact network's first phase
    python benchmarks/train_device.py --config generative --batch 48 --workers 2,15
    python benchmarks/train_device.py --config refiner --phase 2

Real runs of `inpaint.training.train` on generated pictures, half as large again as the samples. The
ways take turns; a figure is the median over the log's intervals of all runs but the first interval
of each, in which workers start and memory is allocated. For a GPU; on a CPU give --steps 2.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import tempfile
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from accelerate.state import AcceleratorState
from torch import Tensor
from train import write_pictures

from inpaint.training import TrainConfig, networks, train

WAYS: dict[str, dict[str, Any]] = {
    "crops and holes on the host": {"crops": "host"},
    "crops on the device": {"crops": "device"},
    "crops and holes on the device": {"crops": "device", "device_holes": True},
}
INTERVALS = 4  # of a run; the first does not count


def blend_on_host(fill: Tensor, hole: Tensor) -> Tensor:
    """What the refiner's steps do on a CPU."""
    return networks._blend_each(fill.cpu(), hole.cpu()).to(fill.device)


def speeds(settings: dict[str, Any], *, steps: int) -> list[float]:
    """Pictures per second in each interval of a run that counts."""
    with tempfile.TemporaryDirectory() as out:
        # Accelerate keeps the precision of the first run for the whole process.
        AcceleratorState._reset_state(reset_partial_state=True)
        run = {"out": out, "steps": INTERVALS * steps, "log_steps": steps, "val_pictures": 1}
        train(TrainConfig(data="folder", **run, **settings))
        lines = [json.loads(line) for line in (Path(out) / "log.jsonl").read_text().splitlines()]
    return [line["pictures_per_s"] for line in lines if line["kind"] == "train"][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="compact", help="recipe (%(default)s)")
    parser.add_argument("--phase", type=int, default=1, help="of the recipe (%(default)s)")
    parser.add_argument("--size", type=int, default=256, help="of samples, px (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="pictures of a step (%(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="of an interval (%(default)s)")
    parser.add_argument("--turns", type=int, default=2, help="runs of each way (%(default)s)")
    parser.add_argument("--workers", default="2", help="processes that load samples (%(default)s)")
    parser.add_argument("--precision", default="auto", help="(%(default)s)")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    on_host = dict.fromkeys(WAYS, False)
    ways = dict(WAYS)
    if options.config == "refiner":
        ways = {"boundaries, too": WAYS["crops and holes on the host"], **WAYS}
        on_host = {name: name not in WAYS for name in ways}
    settings = {"config": options.config, "phase": options.phase, "size": options.size}
    settings |= {"batch_size": options.batch, "precision": options.precision}
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    workers = [int(count) for count in options.workers.split(",")]
    with tempfile.TemporaryDirectory() as root:
        write_pictures(Path(root), height=options.size * 3 // 2)
        settings["root"] = root
        for _, name, count in itertools.product(range(options.turns), ways, workers):
            host = patch.object(networks, "blend_boundaries", blend_on_host)
            with host if on_host[name] else nullcontext():
                run = {**settings, **ways[name], "workers": count}
                found[name, count] += speeds(run, steps=options.steps)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{options.config}, {options.size} px, batch {options.batch}, {where}; pictures/s\n")
    print("| way |" + "".join(f" {count} workers |" for count in workers))
    print("|---|" + "---:|" * len(workers))
    for name in ways:
        figures = (f"{median(found[name, count]):,.1f}" for count in workers)
        print(f"| {name} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()

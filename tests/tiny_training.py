"""Networks, recipes and pictures small enough for tests; as a script, train_inpaint.py."""

import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from accelerate.state import AcceleratorState, GradientState

from inpaint.models import unet
from inpaint.training import RECIPES, Phase, Recipe, TrainConfig
from inpaint.training.config import KNOWN_ONLY, L1_ONLY, REFINER, REFINING
from inpaint.training.weights import AdversarialLosses

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
TERMS = {"valid", "hole", "tv", "perceptual", "style_out", "style_comp", "total"}
NETWORK = unet.UNetConfig(widths=(8, 16), kernels=(5, 3))
NOISY = replace(NETWORK, noise=True)
JUDGED = AdversarialLosses(discounted=2, crop=32, width=4)
TINY = {
    "tiny": Recipe(
        network="tiny",
        phases=(
            Phase(steps=3, size=16, batch_size=4, lr=4e-3, lr_end=2e-3, losses=L1_ONLY),
            Phase(steps=3, size=24, batch_size=4, lr=1e-3, loss_crop=16, frozen_norm="encoder"),
        ),
    ),
    "tiny-long": Recipe(
        network="tiny",
        phases=(
            Phase(steps=2, size=16, batch_size=4, lr=1e-3, losses=L1_ONLY),
            Phase(steps=9_999, size=16, batch_size=4, lr=1e-3, frozen_norm="encoder"),
        ),
    ),
    # Without statistics of the batch, several processes compute what one does.
    "tiny-frozen": Recipe(
        network="tiny",
        phases=(Phase(steps=4, size=16, batch_size=4, lr=1e-3, frozen_norm="all"),),
    ),
    "tiny-generative": Recipe(
        network="tiny-noise",
        phases=(
            Phase(steps=2, size=48, batch_size=4, lr=1e-3, losses=KNOWN_ONLY, adversarial=JUDGED),
            Phase(steps=2, size=40, batch_size=4, lr=1e-3, losses=KNOWN_ONLY, adversarial=JUDGED),
        ),
    ),
    "tiny-refiner": Recipe(
        network=REFINER,
        phases=(
            Phase(steps=2, size=16, batch_size=4, lr=1e-3, losses=REFINING),
            Phase(steps=2, size=25, batch_size=4, lr=1e-3, losses=REFINING),
        ),
    ),
}


def use_tiny_recipes(patch: "pytest.MonkeyPatch") -> None:
    patch.setitem(unet._NAMED, "tiny", NETWORK)
    patch.setitem(unet._NAMED, "tiny-noise", NOISY)
    for name, recipe in TINY.items():
        patch.setitem(RECIPES, name, recipe)


def forget_accelerate() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def smooth_pictures(folder: Path) -> Path:
    """The folder with ten smooth pictures in it."""
    rng = np.random.default_rng(0)
    for number in range(10):
        small = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(small, (40, 32)))
    return folder


def settings(pictures: Path, out: Path) -> TrainConfig:
    """A run of the tiny recipe that computes and logs the same everywhere."""
    return TrainConfig(
        data="folder",
        root=str(pictures),
        config="tiny",
        out=str(out),
        precision="fp32",
        crops="host",
        workers=0,
        threads=1,
        log_steps=1,
        val_pictures=2,
    )


def resumed(config: TrainConfig) -> TrainConfig:
    forget_accelerate()
    return replace(config, resume=True)


def log_lines(folder: Path | str, kind: str = "train") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def losses(folder: Path | str) -> list[dict[str, Any]]:
    """The lines of losses without what the clock puts into them."""
    drop = ("time", "pictures_per_s")
    return [{k: v for k, v in line.items() if k not in drop} for line in log_lines(folder)]


def command(config: TrainConfig, *options: str) -> list[str]:
    """The command line of the same run, and further options."""
    line = [sys.executable, str(ROOT / "tests" / "tiny_training.py"), *options]
    for name, value in vars(config).items():
        if value is not None and not isinstance(value, bool):
            line += ["--" + name.replace("_", "-"), str(value)]
    return line


def launch(config: TrainConfig, count: int = 2) -> list["subprocess.Popen[str]"]:
    """The same run in several processes that talk over the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    where |= {"GLOO_SOCKET_IFNAME": "lo", "ACCELERATE_USE_CPU": "true"}
    processes = []
    for rank in map(str, range(count)):
        world = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
        ranks = {"RANK": rank, "LOCAL_RANK": rank, **world}
        environment = {**os.environ, **where, **ranks, "OMP_NUM_THREADS": "1"}
        processes.append(
            subprocess.Popen(
                command(config), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
            )
        )
    return processes


def wait_for_step(step: int, folder: Path, *processes: "subprocess.Popen[str]") -> None:
    log = folder / "log.jsonl"
    while not (log.exists() and log.read_text().count("\n") >= step):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


if __name__ == "__main__":
    unet._NAMED.update({"tiny": NETWORK, "tiny-noise": NOISY})
    RECIPES.update(TINY)
    multiprocessing.set_start_method("spawn")  # workers inherit nothing, as on most systems
    runpy.run_path(str(ROOT / "train_inpaint.py"), run_name="__main__")

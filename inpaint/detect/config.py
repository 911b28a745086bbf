"""Settings of a training run of the detector."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from inpaint.data.names import DATA_NAMES
from inpaint.models.limits import STRIDE
from inpaint.utils.options import check_choices, option


@dataclass(frozen=True)
class DetectTrainConfig:
    """One training run. Every field is a command-line option. Raises ValueError."""

    data: str = option("folder", "folder, wds or a data set's name", choices=DATA_NAMES)
    root: str | None = option(
        None,
        "clean images: a folder, shards, or several of them with commas between, each with an "
        "optional @N to repeat it N times; default: data/NAME",
    )
    val_root: str | None = option(None, "the same for validation; default: root")
    out: str = option("runs/detector", "folder for checkpoints and logs")
    resume: bool = option(False, "go on from the checkpoint in the out folder")
    init: str | None = option(None, "weights to start from")
    steps: int = option(20_000, "optimiser steps in all")
    minutes: float | None = option(None, "stop after this many minutes; --resume goes on")
    fit: bool = option(False, "the learning rate falls within --minutes instead of --steps")
    size: int = option(256, f"side of the samples, px; a multiple of {STRIDE}")
    batch_size: int = option(32, "samples of a step")
    repeats: int = option(
        1, "steps that a batch is used for, turned over each time; for GPUs faster than the workers"
    )
    lr: float = option(2e-3, "largest learning rate")
    lr_end: float = option(1e-5, "learning rate of the last step")
    warmup: int = option(300, "steps in which the learning rate rises")
    weight_decay: float = option(0.01, "of AdamW, on kernels")
    ema_decay: float = option(0.998, "decay of the weight average for one step")
    device: str | None = option(None, "cpu or cuda; default: the GPU if there is one")
    precision: str = option("auto", "auto, fp32 or bf16", choices=("auto", "fp32", "bf16"))
    memory: bool = option(False, "decode all images once and keep them in memory")
    seed: int = option(0, "seed of everything random")
    workers: int = option(2, "processes that damage images")
    threads: int | None = option(None, "CPU threads of torch; default: torch's own")
    checkpoint_minutes: float = option(2.0, "minutes between checkpoints")
    validate_minutes: float = option(2.0, "minutes between validations")
    val_pictures: int = option(64, "pictures of a validation")
    log_steps: int = option(50, "steps between log lines")

    def __post_init__(self) -> None:
        check_choices(self)
        if self.size % STRIDE:
            raise ValueError(f"size must be a multiple of {STRIDE}, got {self.size}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must lie in [0, 1), got {self.ema_decay}")
        if self.resume and self.init:
            raise ValueError("resume goes on from a checkpoint, so init has no effect; drop one")
        if self.repeats > 8:
            raise ValueError(f"repeats must be at most 8, got {self.repeats}")
        if self.fit and self.minutes is None:
            raise ValueError("fit needs minutes, within which the learning rate falls")
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is None or isinstance(value, str | bool):
                continue
            if setting.name in ("seed", "workers", "warmup", "weight_decay", "ema_decay"):
                if value < 0:
                    raise ValueError(f"{setting.name} must be 0 or more, got {value}")
            elif not 0 < value < math.inf:
                raise ValueError(f"{setting.name} must be above 0, got {value}")

    def lr_at(self, step: int, minutes: float) -> float:
        """Learning rate of a step: a linear rise, then a half cosine.

        Args:
            step: From 0.
            minutes: That the run has taken so far.
        """
        share = step / self.steps
        if self.fit and self.minutes is not None:
            share = minutes / self.minutes
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        return rise * (self.lr_end + (self.lr - self.lr_end) * cosine)

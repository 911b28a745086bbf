"""Training a classifier: epochs, checkpoints, resuming.

Everything random is a function of the seed and the step, so a run that is killed and resumed goes
on as one that is not, from the end of its last epoch.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.classification.config import AUTO_RESUME, PADDINGS, ClassifierConfig
from inpaint.classification.data import LabelledImages, open_labelled, split_by_name
from inpaint.classification.engine import Scores, evaluate, train_epoch
from inpaint.classification.samples import ClassSamples
from inpaint.data import SampleStream, SkipCounter, stream_loader
from inpaint.padding.convert import convert
from inpaint.padding.models import build, load_checkpoint, read_checkpoint
from inpaint.training import NonFiniteLossError
from inpaint.training.devices import describe_devices
from inpaint.training.log import RunLog
from inpaint.training.precision import mixed_precision
from inpaint.utils.files import atomic_path

logger = logging.getLogger("inpaint")

# The reference's names.
LAST, BEST = "checkpoint.pth.tar", "model_best.pth.tar"

# What must be alike for a run to go on.
_FACTS = (
    "arch",
    "padding",
    "size",
    "crop_least",
    "batch_size",
    "lr",
    "schedule",
    "lr_step",
    "seed",
)

_HALVINGS = 5  # of ResNets and VGGs: convolutions or poolings with stride 2 in a row


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    folder: Path
    history: tuple[Scores, ...]  # after each epoch
    seconds: float  # of training and validation, over all its parts

    @property
    def best(self) -> Scores:
        """The scores of the epoch with the highest top-1."""
        return max(self.history, key=lambda scores: scores.top1)


def train(config: ClassifierConfig, data: tuple[LabelledImages, ...] | None = None) -> Outcome:
    """Run or resume a training run.

    Its folder gets `checkpoint.pth.tar` after each epoch, `model_best.pth.tar`, `log.jsonl` and
    `tensorboard/`. With several machines it must be one they share.

    data: (training, validation) images, if they are open already.

    Raises ValueError or OSError for settings and data that cannot work, and NonFiniteLossError
    when the training diverges.
    """
    run = ClassifierRun(config, data)
    try:
        return run.train()
    finally:
        run.close()


class ClassifierRun:
    """A network, its data and its optimizer; new, or as the checkpoint to resume left them."""

    def __init__(
        self, config: ClassifierConfig, data: tuple[LabelledImages, ...] | None = None
    ) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config = config
        self.folder = Path(config.folder)
        self.accelerator = Accelerator(
            mixed_precision=mixed_precision(config.precision, size=config.size, halvings=_HALVINGS),
            cpu=not torch.cuda.is_available(),
        )
        if self.accelerator.is_main_process:
            logger.info(describe_devices(self.accelerator))
        with self.accelerator.local_main_process_first():  # which downloads and scans for all
            self.training, self.validation = data or open_data(config)
        self.steps_per_epoch = max(1, len(self.training) // config.batch_size)
        self.epoch, self.seconds = config.start_epoch, 0.0
        self.best = 0.0  # top-1 so far, %
        self.history: list[Scores] = []
        self.log: RunLog | None = None
        self._build()

    def _build(self) -> None:
        config = self.config
        torch.manual_seed(config.seed)
        model = build(config.arch, num_classes=len(self.training.classes))
        if config.padding is not None:
            convert(model, PADDINGS[config.padding])  # type: ignore[arg-type]
        if config.weights:
            load_checkpoint(model, config.weights)
        model = model.to(self.accelerator.device).to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(
            model.parameters(),
            lr=config.lr_at(0, self.steps_per_epoch),
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        self.network = model
        if config.resume:
            self._resume(optimizer)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)

    def _resume(self, optimizer: torch.optim.Optimizer) -> None:
        auto = self.config.resume == AUTO_RESUME
        path = self.folder / LAST if auto else Path(str(self.config.resume))
        state = read_checkpoint(path)
        self._check_facts(state, path)
        load_checkpoint(self.network, path)
        if self.config.evaluate:
            return
        try:
            optimizer.load_state_dict(state["optimizer"])
            self.epoch = int(state["epoch"])
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{path} is no checkpoint of a training run: {error}; start from its weights "
                "with --weights"
            ) from error
        self.history = [Scores(**scores) for scores in state.get("history", [])]
        self.seconds, self.best = float(state.get("seconds", 0)), float(state.get("best_prec1", 0))
        if self.accelerator.scaler and state.get("scaler"):
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _check_facts(self, state: dict[str, Any], path: Path) -> None:
        """Raises ValueError when a state is of another run; the reference's know their arch."""
        found = {"arch": state.get("arch", self.config.arch), **state.get("config", {})}
        if "lr" in found and "start_epoch" not in found and "vgg" in found["arch"]:
            found["lr"] = found["lr"] or 0.01  # was their default when there was no start_epoch
        names = ["arch", "padding"] if self.config.evaluate else [*_FACTS]
        if self.config.schedule == "cosine" and not self.config.evaluate:
            names.append("epochs")
        for name in names:
            now = getattr(self.config, name)
            if found.get(name, now) != now:
                raise ValueError(
                    f"{path} was trained with {name} {found[name]}, now it is {now}; resume with "
                    "the same options"
                )

    def train(self) -> Outcome:
        """Take the epochs that are left."""
        config = self.config
        if self.accelerator.is_main_process:
            if not config.resume and (self.folder / LAST).exists():
                raise ValueError(
                    f"{self.folder} holds a run already; go on with --resume, or give another "
                    "--prefix"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log = RunLog(
                self.folder,
                start=self.epoch * self.steps_per_epoch,
                total=config.epochs * self.steps_per_epoch,
                resumed=bool(config.resume),
            )
        while self.epoch < config.epochs:
            started = time.monotonic()
            self._train_epoch()
            self.epoch += 1
            self.history.append(self.evaluate())
            self.seconds += time.monotonic() - started
            self._checkpoint()
        if not self.history:  # a checkpoint of the reference that was at its end
            self.history.append(self.evaluate())
        return Outcome(self.folder, tuple(self.history), self.seconds)

    def _train_epoch(self) -> None:
        config, accelerator = self.config, self.accelerator
        # Dropout draws from the global generator.
        torch.manual_seed(
            (config.seed * 100_003 + self.epoch) * accelerator.num_processes
            + accelerator.process_index
        )
        samples = ClassSamples(
            self.training, config.size, seed=config.seed, least=config.crop_least
        )
        step = self.epoch * self.steps_per_epoch
        stream = SampleStream(
            config.batch_size,
            start_step=step,
            steps=self.steps_per_epoch,
            rank=accelerator.process_index,
            num_processes=accelerator.num_processes,
        )
        pin = accelerator.device.type == "cuda"
        batches = stream_loader(samples, stream, workers=config.workers, pin_memory=pin)
        skips = SkipCounter(samples)

        def lr_of() -> float:
            return config.lr_at(step, self.steps_per_epoch)

        def after_step(batch: dict[str, Any], values: dict[str, Tensor]) -> None:
            nonlocal step
            step += 1
            skips.update(batch)
            if self.log:
                self.log.step(config.batch_size)
            if step % config.log_steps == 0 or step % self.steps_per_epoch == 0:
                self._tell(step, values, {"lr": config.lr_at(step - 1, self.steps_per_epoch),
                                          "skipped": skips.total})  # fmt: skip

        train_epoch(self.model, batches, self.optimizer, accelerator, after_step, lr_of)

    def _tell(self, step: int, values: dict[str, Tensor], more: dict[str, float]) -> None:
        means = self.accelerator.reduce(values, reduction="mean")
        figures = {name: value.item() for name, value in means.items()}
        if not math.isfinite(figures["total"]):
            raise NonFiniteLossError(f"the loss is {figures['total']} at step {step}")
        if self.log:
            self.log.losses(step, {**figures, **more})

    def evaluate(self) -> Scores:
        """Scores on the validation images."""
        return evaluate(
            self.network,
            self.validation,
            self.accelerator,
            size=self.config.size,
            batch_size=max(1, self.config.batch_size // self.accelerator.num_processes),
            workers=self.config.workers,
        )

    def _checkpoint(self) -> None:
        if self.log is None:
            return
        scores = self.history[-1]
        step = self.epoch * self.steps_per_epoch
        self.log.write("val", step, {"epoch": self.epoch, **dataclasses.asdict(scores)})
        self.log.bar.write(f"epoch {self.epoch}: {scores}", file=sys.stderr)
        self.log.restart_clock()
        scaler = self.accelerator.scaler
        self.best = max(self.best, scores.top1)
        state = {
            "epoch": self.epoch,
            "arch": self.config.arch,
            "state_dict": self.network.state_dict(),
            "best_prec1": self.best,
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "classes": list(self.training.classes),
            "config": dataclasses.asdict(self.config),
            "history": [dataclasses.asdict(scores) for scores in self.history],
            "seconds": self.seconds,
        }
        with atomic_path(self.folder / LAST) as temporary:
            torch.save(state, temporary)
            if scores.top1 == self.best:  # before the last one: who finds an epoch finds its best
                with atomic_path(self.folder / BEST) as copy:
                    shutil.copyfile(temporary, copy)

    def close(self) -> None:
        """End the log and, in several processes, their connections."""
        if self.log:
            self.log.close()
        self.accelerator.end_training()


def open_data(config: ClassifierConfig) -> tuple[LabelledImages, LabelledImages]:
    """Training and validation images. Raises as open_labelled does."""
    if config.data_train is None:
        raise ValueError("give the training pictures with --data_train; they name the classes")
    training = open_labelled(config.data_train, pattern=config.class_pattern)
    if config.data_val is None:
        return split_by_name(training, config.val_share)
    validation = open_labelled(
        config.data_val, pattern=config.class_pattern, classes=training.classes
    )
    return training, validation

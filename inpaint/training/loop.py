"""The training loop: phases, steps, checkpoints.

Everything random is a function of the seed and the step, so a run that is killed and resumed
takes the same steps as one that is not.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from inpaint.checkpoints.vgg import VGG16
from inpaint.checkpoints.weights import save_weights
from inpaint.data import SampleStream, SkipCounter, default_workers, stream_loader
from inpaint.inference.boundary import INVENTED
from inpaint.masks.generate import TRAINING_VERSION
from inpaint.training.adversary import BETAS, Adversary, Judged
from inpaint.training.config import RECIPES, Phase, TrainConfig
from inpaint.training.cuda_graph import GraphedStep, Step, capturing
from inpaint.training.devices import describe_batch, describe_devices
from inpaint.training.log import RunLog
from inpaint.training.losses import composite_image, inpainting_terms
from inpaint.training.networks import halvings, new_network, trained_part
from inpaint.training.optimizer import adam, load_optimizer, set_learning_rate
from inpaint.training.precision import mixed_precision
from inpaint.training.resume import check_same_run, check_unused, choose_crops
from inpaint.training.run_data import RunData
from inpaint.training.state import WeightAverage, load_state, save_state
from inpaint.training.stop import NonFiniteLossError, StopSignals, TrainingStopped
from inpaint.training.validate import unpack, validate

logger = logging.getLogger("inpaint")

_GRID_IMAGES = 8
_STOP_STEPS = 10  # steps after which several processes agree on whether to stop


def train(config: TrainConfig) -> Path:
    """Run or resume a training run; returns the folder that holds its results.

    The folder gets `last.pt` (everything needed to resume), `ema.safetensors` (the averaged
    weights), `log.jsonl` and `tensorboard/`. With several machines it must be one they share.

    Raises ValueError or OSError for settings and data that cannot work, NonFiniteLossError when
    the training diverges, and TrainingStopped when a signal ends it after the step at hand.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    run = _Run(config)
    try:
        run.train()
        # A process that leaves while another still writes the results breaks its connections.
        run.accelerator.wait_for_everyone()
    finally:
        run.close()
    return run.folder


class _Run:
    """One run: what lives through all its phases."""

    def __init__(self, config: TrainConfig) -> None:
        self.phases = config.phases()
        self.total = sum(phase.steps for phase in self.phases)
        self.step = 0  # optimiser steps taken
        self.values: dict[str, Tensor] = {}  # terms and total of the last one, see `_update`
        self.started = self.saved_at = self.validated_at = time.monotonic()
        self.signals = StopSignals()
        self.folder = Path(config.out or f"runs/{config.config}")
        if not config.resume:
            check_unused(self.folder / "last.pt")
        state = load_state(self.folder / "last.pt") if config.resume else None
        hole_version = state.get("hole_generator", 1) if state else TRAINING_VERSION
        self.accelerator = Accelerator(
            mixed_precision=mixed_precision(
                config.precision,
                size=min(phase.size for phase in self.phases),
                halvings=halvings(RECIPES[config.config].network),
            ),
            cpu=not torch.cuda.is_available(),
        )
        self.config = config = choose_crops(config, state, self.accelerator.device.type)
        if state:
            processes = self.accelerator.num_processes
            check_same_run(self.folder / "last.pt", state, config, self.phases, processes)
        device = self.accelerator.device.type
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes on this machine
        self.workers = default_workers(device, local) if config.workers is None else config.workers
        # On a CPU reading a value makes nothing wait, so losses are checked in every step.
        self.watched = device == "cpu"
        if device == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True
        with self.accelerator.local_main_process_first():  # which downloads for all
            self.data = RunData(config, self.phases, hole_version)
        sizes = self.data.check()
        self.vgg: VGG16 | None = None
        if any(phase.losses.needs_vgg or phase.adversarial for phase in self.phases):
            vgg = VGG16(config.vgg_weights).to(self.accelerator.device)
            self.vgg = vgg.to(memory_format=torch.channels_last)
        self._build(state)
        self.log: RunLog | None = None
        if self.accelerator.is_main_process:
            self.validation = self.data.validation(_GRID_IMAGES)
            self.folder.mkdir(parents=True, exist_ok=True)
            logger.info("training on %r, results in %s", self.data.source, self.folder)
            logger.info(sizes)
            phase, processes = self.phases[0], self.accelerator.num_processes
            logger.info(describe_devices(self.accelerator))
            logger.info(describe_batch(phase.batch_size, phase.lr, processes))
            self.log = RunLog(self.folder, start=self.step, total=self.total, resumed=config.resume)

    def _build(self, state: dict[str, Any] | None) -> None:
        """The network, its average and the optimiser, new or as they were."""
        config, device = self.config, self.accelerator.device
        torch.manual_seed(config.seed)
        network = new_network(config, state, device)
        self.average = WeightAverage(network, config.ema_decay)
        if self.accelerator.num_processes > 1 and device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        widths = [phase.adversarial.width for phase in self.phases if phase.adversarial]
        betas = BETAS if widths else (0.9, 0.999)
        optimizer = adam(network.parameters(), self.phases[0].lr, betas, device)
        self.adversary: Adversary | None = None
        if widths:
            assert self.vgg is not None
            self.adversary = Adversary(widths[0], self.vgg, self.accelerator)
        self.model: nn.Module = network
        self.network: Any = network
        self.optimizer = self.accelerator.prepare(optimizer)
        if state:
            self.step = state["step"]
            self.network.load_state_dict(state["network"])
            self.average.network.load_state_dict(state["average"])
            self.average.updates = state["updates"]
            load_optimizer(self.optimizer.optimizer, state["optimizer"])
            if self.accelerator.scaler and state["scaler"]:
                self.accelerator.scaler.load_state_dict(state["scaler"])
            if self.adversary and state.get("adversary"):
                self.adversary.load_state_dict(state["adversary"])

    def train(self) -> None:
        """Take the steps that are left, or those that fit into the minutes; at least one."""
        if self.step == self.total:
            logger.info("all %d steps of %s are taken already", self.total, self.folder)
            return
        first = 0
        with self.signals:
            for number, phase in enumerate(self.phases):
                last = first + phase.steps
                if self.step < last and not self._train_phase(number, phase, first):
                    break
                first = last
            self._checkpoint()
            if not self.signals.received:
                self._validate()
        if self.signals.received:
            raise TrainingStopped(self.signals.received, self.folder)

    def _train_phase(self, number: int, phase: Phase, first: int) -> bool:
        """Take the steps of one phase, which begins at step `first` of the run.

        Returns whether it reached the phase's end with time left.
        """
        self._wrap(phase)
        update = self._update_of(phase)
        samples = self.data.samples(number)
        skips = SkipCounter(samples)
        stream = SampleStream(
            phase.batch_size * self.accelerator.num_processes,
            start_step=self.step - first,
            steps=first + phase.steps - self.step,
            rank=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        pin = self.accelerator.device.type == "cuda"
        loader = stream_loader(
            samples, stream, workers=self.workers, pin_memory=pin, collate=samples.collate
        )
        for batch in loader:
            set_learning_rate(self.optimizer, phase.lr_at(self.step - first))
            self._train_step(phase.size, update, batch)
            self.step += 1
            skips.update(batch)
            self._tell(number, phase, skips)
            if self._must_stop():
                return False
        return True

    def _wrap(self, phase: Phase) -> None:
        """Freeze the norms of a phase and prepare the network for several processes.

        DistributedDataParallel expects a gradient of every parameter that had one when it was
        built, so each phase builds its own. The old one goes first, with its hooks.
        """
        if phase.frozen_norm != "none":  # recipes of networks without norms have none frozen
            self.network.freeze_norm(decoder=phase.frozen_norm == "all")
        self.network = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        if self.config.compile:
            self.network.compile()  # in place: its state and its copies stay plain
        self.model = self.network
        self.accelerator.free_memory()
        self.model, self.optimizer = self.accelerator.prepare(self.network, self.optimizer)

    def _update_of(self, phase: Phase) -> Step:
        """What a step of the phase does on the device, as a CUDA graph where that is possible."""
        update = partial(self._update, phase)
        alone = self.accelerator.num_processes == 1 and self.accelerator.scaler is None
        graphed = self.accelerator.device.type == "cuda" and alone and phase.loss_crop is None
        return GraphedStep(update) if graphed and phase.adversarial else update

    def _train_step(self, size: int, update: Step, batch: dict[str, Any]) -> None:
        """One optimiser step on samples of `size` px; its terms are `self.values` then."""
        seeds = [self.config.seed, self.step, self.accelerator.process_index]
        seed = int(np.random.default_rng(seeds).integers(2**63))
        image, hole = self.data.unpack(batch, size, self.accelerator.device, seed)
        torch.manual_seed(seed)  # noise and views
        self.values = update(image, hole)
        self.average.update(self.network)

    def _update(self, phase: Phase, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """Change the network, and then the discriminator, by their gradients.

        Returns the unweighted terms and the total by name, detached.
        """
        judged: Judged | None = None
        with self.accelerator.autocast():
            output = self.model(image, 1 - hole)
            terms = inpainting_terms(
                output,
                image,
                hole,
                vgg=self.vgg if phase.losses.needs_vgg else None,
                crop=_loss_crop(phase, self.config.seed, self.step),
                normalised=phase.losses.normalised,
            )
            total = phase.losses.total(terms)
            if phase.adversarial and self.adversary:
                more, judged = self.adversary.judge(output, image, hole, phase.adversarial)
                total, terms = total + phase.adversarial.total(more), {**terms, **more}
        values = {name: term.detach() for name, term in {**terms, "total": total}.items()}
        if self.watched:
            self._check_finite(values)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        if phase.grad_clip is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), phase.grad_clip)
        self.optimizer.step()
        if phase.adversarial and self.adversary and judged:
            values["discriminator"] = self.adversary.learn(judged, phase.adversarial)
            if self.watched:
                self._check_finite(values)
        return values

    def _check_finite(self, values: dict[str, Tensor]) -> None:
        """Raises NonFiniteLossError; waits for the device.

        On a GPU it is called when values are logged and before weights are saved, not at each step:
        after a loss that is not finite all later ones are not finite either.
        """
        losses = [values[name] for name in ("total", "discriminator") if name in values]
        if capturing(self.accelerator.device) or all(torch.isfinite(loss) for loss in losses):
            return
        bad = {name: value.item() for name, value in values.items()}
        raise NonFiniteLossError(f"the loss is not finite at step {self.step}: {bad}")

    def _tell(self, number: int, phase: Phase, skips: SkipCounter) -> None:
        """Log, validate and checkpoint when it is time."""
        config, now = self.config, time.monotonic()
        if self.step % config.log_steps == 0:
            self._check_finite(self.values)
            means = self.accelerator.reduce(self.values, reduction="mean")
            if self.log:
                values = {name: value.item() for name, value in means.items()}
                values.update(phase=number, size=phase.size, skipped=skips.total)
                values["lr"] = float(self.optimizer.param_groups[0]["lr"])
                self.log.losses(self.step, values)
        if self.log:
            self.log.step(phase.batch_size * self.accelerator.num_processes)
        if now - self.saved_at > 60 * config.checkpoint_minutes:
            self._checkpoint()
        if now - self.validated_at > 60 * config.validate_minutes:
            self._validate()

    def _checkpoint(self) -> None:
        self._check_finite(self.values)
        if self.log:
            config = dataclasses.asdict(self.config)
            scaler = self.accelerator.scaler
            state = {
                "step": self.step,
                "config": config,
                "phases": [dataclasses.asdict(phase) for phase in self.phases],
                "network_config": self.network.config.to_dict(),
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict(),
                "updates": self.average.updates,
                "optimizer": self.optimizer.state_dict(),
                "scaler": scaler.state_dict() if scaler else None,
                "adversary": self.adversary.state_dict() if self.adversary else None,
                "hole_generator": self.data.hole_version,
                "processes": self.accelerator.num_processes,
            }
            notes = {"steps": self.step, "config": config}
            if self.adversary:
                notes["boundary"] = dataclasses.asdict(INVENTED)
            network = trained_part(self.average.network)
            save_weights(network, self.folder / "ema.safetensors", notes=notes)
            save_state(self.folder / "last.pt", state)  # last: who finds it finds both
        self.saved_at = time.monotonic()

    def _validate(self) -> None:
        """On the main process, with the averaged weights."""
        if self.log:
            figures = validate(self.average.network, self.validation)
            self.log.write("val", self.step, figures)
            self.log.bar.write(f"step {self.step}: validation {figures}", file=sys.stderr)
            self._show_samples(self.validation[0])
            self.log.restart_clock()
        self.validated_at = time.monotonic()

    @torch.no_grad()
    def _show_samples(self, batch: dict[str, Any]) -> None:
        assert self.log is not None
        image, hole = unpack(batch, self.accelerator.device)
        output = self.average.network(image, 1 - hole)
        damaged = image * (1 - hole) + hole
        self.log.grid(self.step, [damaged, output, composite_image(output, image, hole), image])

    def _must_stop(self) -> bool:
        """Whether a signal has come or the minutes are over, on any process."""
        if self.accelerator.num_processes > 1 and self.step % _STOP_STEPS:
            return False  # agreeing makes every process wait for all others
        minutes = self.config.minutes
        over = minutes is not None and time.monotonic() - self.started > 60 * minutes
        flags = [float(over), float(self.signals.received > 0)]
        if self.accelerator.num_processes > 1:
            shared = torch.tensor(flags, device=self.accelerator.device)
            flags = self.accelerator.reduce(shared, reduction="sum").tolist()
            if flags[1]:
                self.signals.received = self.signals.received or signal.SIGTERM
        return any(flags)

    def close(self) -> None:
        if self.log:
            self.log.close()
        self.accelerator.end_training()


def _loss_crop(phase: Phase, seed: int, step: int) -> tuple[slice, slice] | None:
    """Rows and columns of the square that the VGG terms see in this step."""
    if phase.loss_crop is None or phase.loss_crop == phase.size:
        return None
    rng = np.random.default_rng([seed, step])
    top, left = rng.integers(0, phase.size - phase.loss_crop + 1, size=2).tolist()
    return slice(top, top + phase.loss_crop), slice(left, left + phase.loss_crop)

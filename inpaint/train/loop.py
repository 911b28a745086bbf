"""The training loop: phases, steps, checkpoints.

Everything random is a function of the seed and the step, so a run that is killed and resumed
takes the same steps as one that is not.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader

from inpaint.checkpoint import load_network, save_weights
from inpaint.data import (
    FixedSamples,
    PictureSource,
    SampleStream,
    SkipCounter,
    TrainingSamples,
    open_source,
    stream_loader,
)
from inpaint.losses import composite_image, inpainting_terms
from inpaint.train.config import RECIPES, Phase, TrainConfig
from inpaint.train.log import RunLog
from inpaint.train.state import WeightAverage, load_state, save_state
from inpaint.train.validate import unpack, validate
from inpaint.unet import PConvUNet, UNetConfig
from inpaint.vgg import VGG16

logger = logging.getLogger("inpaint")

_GRID_PICTURES = 8


class NonFiniteLossError(RuntimeError):
    """A loss that is infinite or not a number; the message names the terms."""


def train(config: TrainConfig) -> Path:
    """Run or resume a training run; returns the folder that holds its results.

    The folder gets `last.pt` (everything needed to resume), `ema.safetensors` (the averaged
    weights), `log.jsonl` and `tensorboard/`. Raises ValueError or FileNotFoundError for settings
    and data that cannot work, NonFiniteLossError when the training diverges.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    source = open_source(config.data, config.root)
    run = _Run(config, source)
    run.accelerator.print(f"training on {source!r}, results in {run.folder}")
    try:
        run.train()
    finally:
        run.close()
    return run.folder


class _Run:
    """One run: what lives through all its phases."""

    def __init__(self, config: TrainConfig, source: PictureSource) -> None:
        self.config = config
        self.source = source
        self.phases = config.phases()
        self.folder = Path(config.out or f"runs/{config.config}")
        self.accelerator = Accelerator(
            mixed_precision=_mixed_precision(config),
            cpu=not torch.cuda.is_available(),
        )
        self.step = 0  # optimiser steps taken
        self.started = self.saved_at = self.validated_at = time.monotonic()

        torch.manual_seed(config.seed)
        recipe = RECIPES[config.config]
        network = (
            load_network(config.init)
            if config.init
            else PConvUNet(UNetConfig.named(recipe.network))
        )
        network = network.train().to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.phases[0].lr)
        state = load_state(self.folder / "last.pt") if config.resume else None
        if state:
            network.load_state_dict(state["network"])
        self.network = network
        self.average = WeightAverage(network.to(self.accelerator.device), config.ema_decay)
        self.model, self.optimizer = self.accelerator.prepare(network, optimizer)
        if state:
            self._restore(state)
        self.vgg = None
        if any(phase.losses.needs_vgg for phase in self.phases):
            vgg = VGG16(config.vgg_weights).to(self.accelerator.device)
            self.vgg = vgg.to(memory_format=torch.channels_last)
        self.validation = self._validation_batches()
        self.log: RunLog | None = None
        if self.accelerator.is_main_process:
            total = sum(phase.steps for phase in self.phases)
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log = RunLog(self.folder, start=self.step, total=total, resumed=config.resume)

    def train(self) -> None:
        """Take all the steps that are left, or those that fit into the minutes."""
        first = 0
        for number, phase in enumerate(self.phases):
            last = first + phase.steps
            if self.step < last and not self._out_of_time():
                self._train_phase(number, phase, first)
            first = last
        self._checkpoint()
        self._validate()

    def _train_phase(self, number: int, phase: Phase, first: int) -> None:
        """Take the steps of one phase, which begins at step `first` of the run."""
        self._freeze_norm(phase)
        samples = TrainingSamples(
            self.source,
            phase.size,
            seed=self.config.seed + number,
            ratio_weights=RECIPES[self.config.config].bucket_weights,
            hole_dir=self.config.holes,
        )
        skips = SkipCounter(samples)
        stream = SampleStream(
            phase.batch_size,
            start_step=self.step - first,
            steps=first + phase.steps - self.step,
            rank=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        pin = self.accelerator.device.type == "cuda"
        for batch in stream_loader(samples, stream, workers=self.config.workers, pin_memory=pin):
            for group in self.optimizer.param_groups:
                group["lr"] = phase.lr_at(self.step - first)
            terms = self._train_step(phase, batch)
            self.step += 1
            skips.update(batch)
            self._tell(number, phase, terms, skips)
            if self._out_of_time():
                return

    def _freeze_norm(self, phase: Phase) -> None:
        if phase.frozen_norm == "none":
            return
        # DistributedDataParallel expects a gradient of every parameter that had one when it was
        # built, so it is built again.
        self.network = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        self.network.freeze_norm(decoder=phase.frozen_norm == "all")
        self.model = self.accelerator.prepare_model(self.network)

    def _train_step(self, phase: Phase, batch: dict[str, Any]) -> dict[str, Tensor]:
        """One optimiser step. Returns the unweighted terms and the total, detached."""
        image, hole = unpack(batch, self.accelerator.device)
        output = self.model(image, 1 - hole)
        with self.accelerator.autocast():
            terms = inpainting_terms(
                output,
                image,
                hole,
                vgg=self.vgg if phase.losses.needs_vgg else None,
                crop=_loss_crop(phase, self.config.seed, self.step),
            )
        total = phase.losses.total(terms)
        values = {name: term.detach() for name, term in {**terms, "total": total}.items()}
        if not torch.isfinite(total):
            bad = {name: value.item() for name, value in values.items()}
            raise NonFiniteLossError(f"the loss is not finite at step {self.step}: {bad}")
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.average.update(self.network)
        return values

    def _tell(
        self, number: int, phase: Phase, terms: dict[str, Tensor], skips: SkipCounter
    ) -> None:
        """Log, validate and checkpoint when it is time."""
        config, now = self.config, time.monotonic()
        if self.step % config.log_steps == 0:
            means = self.accelerator.reduce(terms, reduction="mean")
            if self.log:
                values = {name: value.item() for name, value in means.items()}
                values.update(phase=number, size=phase.size, skipped=skips.total)
                values["lr"] = self.optimizer.param_groups[0]["lr"]
                self.log.losses(self.step, values)
        if self.log:
            self.log.step(phase.batch_size)
        if now - self.saved_at > 60 * config.checkpoint_minutes:
            self._checkpoint()
        if now - self.validated_at > 60 * config.validate_minutes:
            self._validate()

    def _checkpoint(self) -> None:
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
            }
            save_state(self.folder / "last.pt", state)
            notes = {"steps": self.step, "config": config}
            save_weights(self.average.network, self.folder / "ema.safetensors", notes=notes)
        self.saved_at = time.monotonic()

    def _restore(self, state: dict[str, Any]) -> None:
        phases = [dataclasses.asdict(phase) for phase in self.phases]
        if state["phases"] != phases:
            raise ValueError(
                f"{self.folder / 'last.pt'} was trained with other phases; resume with the same "
                "options, or start a new run from its weights with --init"
            )
        self.step = state["step"]
        self.average.network.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _validation_batches(self) -> DataLoader[dict[str, Any]]:
        config = self.config
        source = open_source(config.data, config.val_root or config.root, split="val")
        size = self.phases[-1].size
        samples = FixedSamples(source, size, count=config.val_pictures, seed=config.seed)
        return DataLoader(samples, batch_size=_GRID_PICTURES)

    def _validate(self) -> None:
        """On the main process, with the averaged weights."""
        if self.log:
            figures = validate(self.average.network, self.validation)
            self.log.write("val", self.step, figures)
            self.log.bar.write(f"step {self.step}: validation {figures}")
            self._show_samples(next(iter(self.validation)))
            self.log.restart_clock()
        self.validated_at = time.monotonic()

    @torch.no_grad()
    def _show_samples(self, batch: dict[str, Any]) -> None:
        assert self.log is not None
        image, hole = unpack(batch, self.accelerator.device)
        output = self.average.network(image, 1 - hole)
        damaged = image * (1 - hole) + hole
        self.log.grid(self.step, [damaged, output, composite_image(output, image, hole), image])

    def _out_of_time(self) -> bool:
        """Whether the minutes are over, for all processes alike."""
        if self.config.minutes is None:
            return False
        over = time.monotonic() - self.started > 60 * self.config.minutes
        if self.accelerator.num_processes == 1:
            return over
        flag = torch.tensor(float(over), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, reduction="sum") > 0)

    def close(self) -> None:
        if self.log:
            self.log.close()
        self.accelerator.end_training()


def _mixed_precision(config: TrainConfig) -> str:
    """Accelerate's name of the precision; auto is bf16 where the hardware computes in it.

    On CPUs oneDNN leaves a part of the weight gradient uninitialised when a bfloat16 convolution
    with stride 2 sees a single pixel (seen in torch 2.14). So pictures that the encoder reduces
    to one pixel before its last level are trained in float32 there.
    """
    precision = config.precision
    if torch.cuda.is_available():
        fast, unsafe = torch.cuda.is_bf16_supported(including_emulation=False), False
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        levels = len(UNetConfig.named(RECIPES[config.config].network).widths)
        unsafe = min(phase.size for phase in config.phases()) <= 2 ** (levels - 1)
    if precision == "bf16" and unsafe:
        raise ValueError(
            f"bf16 on a CPU needs samples larger than {2 ** (levels - 1)} px for this network; "
            "use --precision fp32"
        )
    if precision == "auto":
        precision = "bf16" if fast and not unsafe else "fp32"
    return "no" if precision == "fp32" else precision


def _loss_crop(phase: Phase, seed: int, step: int) -> tuple[slice, slice] | None:
    """Rows and columns of the square that the VGG terms see in this step."""
    if phase.loss_crop is None or phase.loss_crop == phase.size:
        return None
    rng = np.random.default_rng([seed, step])
    top, left = rng.integers(0, phase.size - phase.loss_crop + 1, size=2).tolist()
    return slice(top, top + phase.loss_crop), slice(left, left + phase.loss_crop)

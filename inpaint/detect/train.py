"""The training loop of the detector."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from inpaint.checkpoints.torch_file import load_torch_file
from inpaint.checkpoints.weights import load_detector, save_weights
from inpaint.data import SampleStream, SkipCounter, open_source, stream_loader
from inpaint.data.memory import in_memory
from inpaint.detect.config import DetectTrainConfig
from inpaint.detect.losses import counts, detection_losses, total_loss
from inpaint.detect.samples import DamagedSamples, FixedDamagedSamples
from inpaint.models.detector import CLASSES, Detector
from inpaint.models.limits import STRIDE
from inpaint.training.json_log import JsonLog
from inpaint.training.optimizer import set_learning_rate
from inpaint.training.precision import mixed_precision
from inpaint.training.resume import check_facts, check_unused
from inpaint.training.state import WeightAverage
from inpaint.training.stop import NonFiniteLossError, StopSignals, TrainingStopped
from inpaint.utils.files import atomic_path

logger = logging.getLogger("inpaint")

WEIGHTS, STATE = "ema.safetensors", "state.pt"
# Settings that a resumed run may have others of.
_MAY_DIFFER = {
    *("resume", "init", "steps", "minutes", "out", "root", "val_root", "memory"),
    *("device", "precision", "workers", "threads"),
    *("checkpoint_minutes", "validate_minutes", "val_pictures", "log_steps"),
}
_HALVINGS = STRIDE.bit_length() - 1  # of the network: blocks of 2x2 pixels, then strides of 2


def train_detector(config: DetectTrainConfig) -> Path:
    """Train a detector; returns the folder with `ema.safetensors`, `state.pt` and `log.jsonl`.

    A run that is resumed at step k takes the steps that it would have taken without a stop.

    Raises:
        ValueError, OSError: Settings or data that cannot work.
        NonFiniteLossError: The training diverged.
        TrainingStopped: Ctrl-C or SIGTERM ended it; its state is saved.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)  # workers are forked, which OpenCV's own threads do not survive
    try:
        run = _Run(config)
        with StopSignals() as signals:
            run.train(signals)
    finally:
        cv2.setNumThreads(before)
    if signals.received:
        raise TrainingStopped(signals.received, run.folder)
    return run.folder


class _Run:
    """A run: its network, optimiser and average, and what it writes."""

    def __init__(self, config: DetectTrainConfig) -> None:
        self.config = config
        self.folder = Path(config.out)
        if not config.resume:
            check_unused(self.folder / STATE)
        self.device = torch.device(
            config.device or ("cuda" if torch.cuda.is_available() else "cpu")
        )
        precision = mixed_precision(
            config.precision, size=config.size, halvings=_HALVINGS, device=self.device.type
        )
        self.half = precision == "bf16"
        torch.backends.cudnn.benchmark = True  # batches have one size; no effect on a CPU
        torch.manual_seed(config.seed)
        weights = self.folder / WEIGHTS if config.resume else config.init
        network = load_detector(weights) if weights else Detector()
        self.network = network.to(self.device).to(memory_format=torch.channels_last).train()
        self.average = WeightAverage(self.network, config.ema_decay)
        self.optimizer = _optimizer(self.network, config, fused=self.device.type == "cuda")
        self.step, self.minutes = 0, 0.0  # taken so far, by all parts of the run
        self.values: dict[str, Tensor] = {}  # terms of the last step, by name
        if config.resume:
            self._load()
        source = open_source(config.data, config.root)
        if config.memory:
            source = in_memory(source, threads=max(1, config.workers))
        self.samples = DamagedSamples(source, config.size, seed=config.seed)
        held_out = open_source(config.data, config.val_root or config.root, split="val")
        fixed = FixedDamagedSamples(held_out, config.size, count=config.val_pictures)
        # All batches, made once: 64 images of 256 px, damaged and clean, are 34 MB.
        self.validation = list(DataLoader(fixed, batch_size=16))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = JsonLog(self.folder, start=self.step, resumed=config.resume)

    def train(self, signals: StopSignals) -> None:
        """Take steps until the last one, the end of the minutes, or a signal."""
        config = self.config
        if self.step >= config.steps:
            logger.info("all %d steps of %s are taken already", config.steps, self.folder)
            return
        skips = SkipCounter(self.samples)
        saved = validated = began = time.monotonic()
        before = self.minutes
        since, done = began, 0
        sums: dict[str, Tensor] = {}
        for batch in self._loader():
            skips.update(batch)
            image, labels = _on(self.device, batch)
            for turn in range(config.repeats):
                self.values = self._take_step(*turned(image, labels, turn))
                for name, value in self.values.items():
                    sums[name] = sums.get(name, 0) + value
                done += 1
            self.minutes = before + (time.monotonic() - began) / 60
            if self.step // config.repeats % config.log_steps == 0:
                self._check_finite()
                now = time.monotonic()
                values = {name: value.item() / done for name, value in sums.items()}
                rate = done * config.batch_size / config.repeats / (now - since)
                self._write("train", **values, skipped=skips.total, pictures_per_s=round(rate, 1))
                since, done, sums = now, 0, {}
            now = time.monotonic()
            if now - saved > 60 * config.checkpoint_minutes:
                self._save()
                saved = time.monotonic()
            if now - validated > 60 * config.validate_minutes:
                self._write("val", **self._validate())
                validated = time.monotonic()
            out_of_time = config.minutes is not None and now - began > 60 * config.minutes
            if out_of_time or signals.received:
                break
        self._save()
        self._write("val", **self._validate())

    def _take_step(self, image: Tensor, labels: Tensor) -> dict[str, Tensor]:
        set_learning_rate(self.optimizer, self.config.lr_at(self.step, self.minutes))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = self.network(image)
        terms = detection_losses(logits, labels)
        loss = total_loss(terms)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.network)
        self.step += 1
        return {name: value.detach() for name, value in {**terms, "total": loss}.items()}

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Precision and recall by class, and the share of clean images that is marked."""
        sums, clean, clean_pixels = torch.zeros(len(CLASSES), 3, dtype=torch.float64), 0.0, 0
        for batch in self.validation:
            image, labels = _on(self.device, batch)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                found = self.average.network(image) > 0
            sums += counts(found[0::2], labels[0::2]).cpu()  # damaged and clean take turns
            marked = found[1::2].any(1)
            clean += float(marked.sum())
            clean_pixels += marked.numel()
        result = {"clean_marked": round(clean / max(1, clean_pixels), 6)}
        for name, (true, false, missed) in zip(CLASSES, sums.tolist(), strict=True):
            result[f"{name}_precision"] = round(true / max(1, true + false), 4)
            result[f"{name}_recall"] = round(true / max(1, true + missed), 4)
        return result

    def _loader(self) -> DataLoader[dict[str, Any]]:
        config, first = self.config, self.step // self.config.repeats
        batches = math.ceil(config.steps / config.repeats) - first
        return stream_loader(
            self.samples,
            SampleStream(config.batch_size, start_step=first, steps=batches),
            workers=config.workers,
            pin_memory=self.device.type == "cuda",
            prefetch=2,
            forked=True,  # which shares the images in memory
        )

    def _save(self) -> None:
        self._check_finite()
        state = {
            "step": self.step,
            "minutes": self.minutes,
            "config": asdict(self.config),
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
        }
        with atomic_path(self.folder / STATE) as temporary:
            torch.save(state, temporary)
        save_weights(
            self.average.network,
            self.folder / WEIGHTS,
            dtype=torch.float16,
            notes={"steps": self.step, "minutes": round(self.minutes, 2)},
        )

    def _load(self) -> None:
        """Raises FileNotFoundError, or ValueError for the state of another run."""
        path = self.folder / STATE
        state = load_torch_file(path)
        found = {name: value for name, value in state["config"].items() if name not in _MAY_DIFFER}
        check_facts(path, found, {name: getattr(self.config, name) for name in found})
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.minutes = state["step"], state["minutes"]

    def _check_finite(self) -> None:
        """Raises NonFiniteLossError. It waits for the device, so it is called before values are
        logged and saved only: a loss that is not finite leaves no finite one behind it."""
        if not all(torch.isfinite(value) for value in self.values.values()):
            bad = {name: value.item() for name, value in self.values.items()}
            raise NonFiniteLossError(f"the loss is not finite at step {self.step}: {bad}")

    def _write(self, kind: str, **values: float) -> None:
        lr = self.config.lr_at(self.step, self.minutes)
        facts = {"minutes": round(self.minutes, 3), "lr": float(f"{lr:.4g}")}
        logger.info(self.log.write(kind, self.step, {**facts, **values}))


def _optimizer(
    network: Detector, config: DetectTrainConfig, *, fused: bool
) -> torch.optim.Optimizer:
    kernels = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, fused=fused)


def turned(image: Tensor, labels: Tensor, turn: int) -> tuple[Tensor, Tensor]:
    """A batch turned over: by quarters, and mirrored at odd numbers. 0 leaves it as it is.

    Args:
        image: (B, 3, H, W), square.
        labels: (B, H, W).
        turn: 0 to 7.
    """
    if turn % 2:
        image, labels = image.flip(-1), labels.flip(-1)
    image = image.rot90(turn // 2 + turn % 2, (-2, -1))
    labels = labels.rot90(turn // 2 + turn % 2, (-2, -1))
    return image.contiguous(memory_format=torch.channels_last), labels


def _on(device: torch.device, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) float32 in [0, 1], channels last, and labels, on the device."""
    image = batch["image"].to(device, non_blocking=True)
    labels = batch["labels"].to(device, non_blocking=True)
    return image.permute(0, 3, 1, 2).float() / 255, labels

"""Settings of a training run of a classifier; its options are those of the reference's main.py."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from inpaint.utils.options import add_options, from_options, option

# a_abbey_00000001.jpg is of class a_abbey, n01440764/n01440764_18.JPEG of n01440764.
CLASS_PATTERN = r"([^/]+)_\d+\.\w+$"

# The paper's names of the paddings, and convert's.
PADDINGS = {"zero": "zeros", "partial": "partial", "reflect": "reflect", "replicate": "replicate"}

AUTO_RESUME = "auto"

# Options of the reference that are refused, with what does the same.
_LAUNCH = "start the processes with: accelerate launch --num_processes {value} train_padding.py ..."
_ADDRESS = (
    "processes find each other by Accelerate: accelerate launch --num_machines N --machine_rank R "
    "--main_process_ip IP --main_process_port PORT train_padding.py ..."
)
_OTHER_WAYS = {
    "pretrained": (
        "torchvision's weights are a file, for --weights: python -c \"import torch, torchvision as "
        "t; torch.save(t.models.get_model('{arch}'.removeprefix('pd'), weights='DEFAULT')"
        ".state_dict(), 'start.pth')\""
    ),
    "gpu": "choose it with CUDA_VISIBLE_DEVICES={value} python train_padding.py ...",
    "world_size": _LAUNCH,
    "dist_url": _ADDRESS,
    "dist_backend": f"NCCL serves GPUs and Gloo CPUs by themselves; {_ADDRESS}",
}


@dataclass(frozen=True)
class ClassifierConfig:
    """One training run. Every field is a command-line option. Raises ValueError.

    The defaults are the reference's (NVIDIA/partialconv, main.py), whose runs arXiv:1811.11718
    reports: SGD with 0.9 momentum for 100 epochs, the rate divided by ten every 30.
    """

    arch: str = option(
        "resnet50", "resnet50, vgg16_bn, ...; pd in front gives partial-convolution padding", "-a"
    )
    padding: str | None = option(
        None, f"padding instead of the one the name says: {', '.join(PADDINGS)}"
    )
    data_train: str | None = option(
        None, "a folder with one folder of pictures for each class, or tar files", "--data_train"
    )
    data_val: str | None = option(
        None,
        "the same for validation; without it some training pictures are held out",
        "--data_val",
    )
    val_share: float = option(0.1, "share of the pictures that is held out without data_val")
    class_pattern: str = option(
        CLASS_PATTERN,
        "for tar files: regular expression whose first group is the class in a member's path",
    )
    size: int = option(224, "side of the samples, px")
    crop_least: float = option(0.08, "smallest share of a picture that a training crop shows")
    epochs: int = option(100, "epochs in all")
    batch_size: int = option(192, "samples of a step, over all processes", "-b")
    lr: float | None = option(None, "learning rate at the start; default: 0.1", "--learning-rate")
    schedule: str = option("step", "step (a tenth every --lr-step epochs) or cosine")
    lr_step: int = option(30, "epochs between the steps of the learning rate")
    momentum: float = option(0.9, "of SGD")
    weight_decay: float = option(1e-4, "of SGD, on all parameters", "--wd")
    precision: str = option("auto", "fp32, bf16, fp16, or auto: bf16 where it is fast")
    seed: int = option(0, "seed of everything random")
    workers: int = option(4, "processes that load samples", "-j")
    threads: int | None = option(None, "CPU threads of torch; default: torch's own")
    log_steps: int = option(10, "steps between log lines", "-p", "--print-freq")
    prefix: str = option("", "end of the checkpoint folder's name")
    ckptdirprefix: str = option("", "its beginning: CKPTDIRPREFIXcheckpoint_ARCH_PREFIX/")
    weights: str | None = option(None, "weight file to start from, or to evaluate")
    resume: str | None = option(
        None,
        "checkpoint to go on from, or to evaluate; without a path: the last one of this run",
        const=AUTO_RESUME,
    )
    evaluate: bool = option(
        False, "only evaluate --weights or --resume on the validation part", "-e"
    )
    start_epoch: int = option(0, "number of the first epoch of a new run")
    # Options of the reference that are refused; see _OTHER_WAYS.
    pretrained: bool = option(False, "give torchvision's weights with --weights")
    gpu: int | None = option(None, "choose a GPU with CUDA_VISIBLE_DEVICES")
    world_size: int = option(1, "start processes with accelerate launch")
    dist_url: str | None = option(None, "see --world-size")
    dist_backend: str | None = option(None, "see --world-size")

    def __post_init__(self) -> None:
        if self.padding is not None:
            _check_choice("padding", self.padding, PADDINGS)
        _check_choice("schedule", self.schedule, ("step", "cosine"))
        _check_choice("precision", self.precision, ("auto", "fp32", "bf16", "fp16"))
        for name in ("size", "epochs", "batch_size", "lr_step", "log_steps", "threads", "lr"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, got {value}")
        for name in ("workers", "seed", "momentum", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("val_share", "crop_least"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in (0, 1], got {getattr(self, name)}")
        if not 0 <= self.start_epoch < self.epochs:
            raise ValueError(
                f"start_epoch must lie between 0 and {self.epochs - 1}, got {self.start_epoch}"
            )
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name in _OTHER_WAYS and value != setting.default:
                other = _OTHER_WAYS[setting.name].format(value=value, arch=self.arch)
                raise ValueError(f"no {setting.name} here: {other}")
        if self.weights and self.resume:
            raise ValueError("resume brings its own weights; give it or weights, not both")
        if self.evaluate and not (self.weights or self.resume):
            raise ValueError("nothing to evaluate; give a file with --weights or --resume")

    @property
    def folder(self) -> str:
        """Where checkpoints and logs go; the reference's name."""
        return f"{self.ckptdirprefix}checkpoint_{self.arch}_{self.prefix}"

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """Learning rate of an optimiser step of the run, from 0."""
        start = self.lr or 0.1
        if self.schedule == "step":
            return float(start * 0.1 ** (step // steps_per_epoch // self.lr_step))
        return 0.5 * start * (1 + math.cos(math.pi * step / (steps_per_epoch * self.epochs)))


def add_arguments(
    parser: ArgumentParser, *, without: Collection[str] = (), **defaults: Any
) -> None:
    """One option for each field of ClassifierConfig but some; `defaults` are other defaults."""
    add_options(parser, ClassifierConfig, without=without, **defaults)


def config_from(arguments: Namespace, **others: Any) -> ClassifierConfig:
    """The ClassifierConfig of parsed options; `others` are its remaining fields.

    Raises ValueError.
    """
    return from_options(ClassifierConfig, arguments, **others)


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")

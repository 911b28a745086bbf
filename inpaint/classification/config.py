"""Settings of a training run of a classifier; its options are those of the reference's main.py."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints

from inpaint.classification.data import CLASS_PATTERN

# The paper's names of the paddings, and convert's.
PADDINGS = {"zero": "zeros", "partial": "partial", "reflect": "reflect", "replicate": "replicate"}

AUTO_RESUME = "auto"


def _option(text: str, default: Any, *short: str, flag: str | None = None) -> Any:
    return field(default=default, metadata={"help": text, "short": short, "flag": flag})


@dataclass(frozen=True)
class ClassifierConfig:
    """One training run. Every field is a command-line option. Raises ValueError.

    The defaults are the reference's (NVIDIA/partialconv, main.py), whose runs arXiv:1811.11718
    reports: SGD with 0.9 momentum for 100 epochs, the rate divided by ten every 30.
    """

    arch: str = _option(
        "resnet50, vgg16_bn, ...; pd in front gives partial-convolution padding", "resnet50", "-a"
    )
    padding: str | None = _option(
        f"padding instead of the one the name says: {', '.join(PADDINGS)}", None
    )
    data_train: str | None = _option(
        "a folder with one folder of pictures for each class, or tar files", None, flag="data_train"
    )
    data_val: str | None = _option(
        "the same for validation; without it some training pictures are held out",
        None,
        flag="data_val",
    )
    val_share: float = _option("share of the pictures that is held out without data_val", 0.1)
    class_pattern: str = _option(
        "for tar files: regular expression whose first group is the class in a member's path",
        CLASS_PATTERN,
    )
    size: int = _option("side of the samples, px", 224)
    crop_least: float = _option("smallest share of a picture that a training crop shows", 0.08)
    epochs: int = _option("epochs in all", 100)
    batch_size: int = _option("samples of a step, over all processes", 192, "-b")
    lr: float | None = _option(
        "learning rate at the start; default: 0.1, and 0.01 for VGG", None, "--learning-rate"
    )
    schedule: str = _option("step (a tenth every --lr-step epochs) or cosine", "step")
    lr_step: int = _option("epochs between the steps of the learning rate", 30)
    momentum: float = _option("of SGD", 0.9)
    weight_decay: float = _option("of SGD, on all parameters", 1e-4, "--wd")
    precision: str = _option("fp32, bf16, fp16, or auto: bf16 where it is fast", "fp32")
    seed: int = _option("seed of everything random", 0)
    workers: int = _option("processes that load samples", 4, "-j")
    threads: int | None = _option("CPU threads of torch; default: torch's own", None)
    log_steps: int = _option("steps between log lines", 10, "-p", "--print-freq")
    prefix: str = _option("end of the checkpoint folder's name", "")
    ckptdirprefix: str = _option("its beginning: CKPTDIRPREFIXcheckpoint_ARCH_PREFIX/", "")
    weights: str | None = _option("weight file to start from, or to evaluate", None)
    resume: str | None = _option(
        "checkpoint to go on from, or to evaluate; without a path: the last one of this run", None
    )
    evaluate: bool = _option("only evaluate --weights or --resume on the validation part", False)

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
        start = self.lr or (0.01 if "vgg" in self.arch else 0.1)
        if self.schedule == "step":
            return float(start * 0.1 ** (step // steps_per_epoch // self.lr_step))
        return 0.5 * start * (1 + math.cos(math.pi * step / (steps_per_epoch * self.epochs)))


def add_arguments(
    parser: ArgumentParser, *, without: Collection[str] = (), **defaults: Any
) -> None:
    """One option for each field of ClassifierConfig but some; `defaults` are other defaults."""
    hints = get_type_hints(ClassifierConfig)
    for setting in fields(ClassifierConfig):
        if setting.name in without:
            continue
        flags = [
            *setting.metadata["short"],
            f"--{setting.metadata['flag'] or _dashed(setting.name)}",
        ]
        text, default = setting.metadata["help"], defaults.get(setting.name, setting.default)
        kind = next(t for t in (get_args(hints[setting.name]) or (hints[setting.name],)))
        if kind is bool:
            parser.add_argument(*flags, action="store_true", help=text)
            continue
        if default not in (None, ""):
            text += " (%(default)s)"
        optional: dict[str, Any] = (
            {"nargs": "?", "const": AUTO_RESUME} if setting.name == "resume" else {}
        )
        parser.add_argument(
            *flags, dest=setting.name, type=kind, default=default, help=text, **optional
        )


def config_from(arguments: Namespace, **others: Any) -> ClassifierConfig:
    """The ClassifierConfig of parsed options; `others` are its remaining fields.

    Raises ValueError.
    """
    names = {setting.name for setting in fields(ClassifierConfig)} & vars(arguments).keys()
    return ClassifierConfig(**{**{name: getattr(arguments, name) for name in names}, **others})


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")

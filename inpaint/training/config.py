"""Settings of a training run, and the recipes that `--config` names."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate, pairwise
from typing import Any, Literal, get_args

from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.training.weights import AdversarialLosses, LossWeights
from inpaint.utils.options import add_options, check_choices, from_options, option

FrozenNorm = Literal["none", "encoder", "all"]
AUTO = "auto"
REFINER = "refiner"  # the network of a recipe that trains a Refiner, not a PConvUNet

L1_ONLY = LossWeights(perceptual=0, style_out=0, style_comp=0)
REFINING = replace(L1_ONLY, valid=0, hole=0, tv=0, psnr=0.1)
KNOWN_ONLY = replace(L1_ONLY, valid=0.5, hole=0, tv=0)  # beside adversarial terms
PSNR_ONLY = replace(L1_ONLY, hole=0, psnr=0.023)  # about as steep as the L1 term it replaces


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one size and one schedule. Raises ValueError."""

    steps: int  # optimiser steps
    size: int  # side of the square samples, px
    batch_size: int  # samples of one step in each process
    lr: float  # learning rate at the start of the phase
    lr_end: float | None = None  # reached at its end along a cosine; None keeps lr
    losses: LossWeights = field(default_factory=LossWeights)
    loss_crop: int | None = None  # side of the crop the VGG terms see, px; None sees all
    frozen_norm: FrozenNorm = "none"  # which batch norms keep their statistics
    adversarial: AdversarialLosses | None = None  # a discriminator's terms, beside the losses
    grad_clip: float | None = 1.0  # largest norm of the gradient; None leaves it as it is
    max_upscale: float = 2.0  # most by which images smaller than the samples are enlarged

    def __post_init__(self) -> None:
        for name in ("steps", "size", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("lr", "lr_end"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, got {value}")
        if self.losses.needs_vgg and self.size < 8:
            raise ValueError(f"size must be 8 or more for the VGG terms, got {self.size}")
        if self.frozen_norm not in get_args(FrozenNorm):
            raise ValueError(
                f"frozen_norm must be one of {get_args(FrozenNorm)}, got {self.frozen_norm!r}"
            )
        if self.loss_crop is not None and not 8 <= self.loss_crop <= self.size:
            raise ValueError(
                f"loss_crop must lie between 8 and the size {self.size}, got {self.loss_crop}"
            )
        if self.grad_clip is not None and not 0 < self.grad_clip < math.inf:
            raise ValueError(f"grad_clip must be above 0, or none, got {self.grad_clip}")
        if not 1 <= self.max_upscale < math.inf:
            raise ValueError(f"max_upscale must be 1 or more, got {self.max_upscale}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Phase:
        """The inverse of dataclasses.asdict, also for those of before a setting was added."""
        losses = LossWeights(**values["losses"])
        adversarial = values.get("adversarial")
        if adversarial is not None:
            adversarial = AdversarialLosses(**adversarial)
        return cls(**{**values, "losses": losses, "adversarial": adversarial})

    def lr_at(self, step: int) -> float:
        """Learning rate of step 0 to steps - 1 of this phase."""
        if self.lr_end is None:
            return self.lr
        share = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.lr_end + (self.lr - self.lr_end) * share


@dataclass(frozen=True)
class Recipe:
    """A network and the phases that train it. Raises ValueError."""

    network: str  # a name that UNetConfig.named knows, or REFINER
    phases: tuple[Phase, ...]
    bucket_weights: tuple[float, ...] = (1, 1, 1, 1, 1, 1)  # how often each hole-ratio bucket
    sides: float = 0.0  # share of holes that are a side of the picture

    def __post_init__(self) -> None:
        frozen = [get_args(FrozenNorm).index(phase.frozen_norm) for phase in self.phases]
        if not frozen or frozen != sorted(frozen):
            raise ValueError(
                "a recipe needs phases, and a norm that is frozen in one stays so in the next; "
                f"got {[phase.frozen_norm for phase in self.phases]}"
            )
        widths = {phase.adversarial.width for phase in self.phases if phase.adversarial}
        if len(widths) > 1:
            raise ValueError(f"a run has one discriminator; its width must be one, got {widths}")
        if self.network == REFINER and max(frozen) > 0:
            raise ValueError("a refiner has no norms that could be frozen")


# arXiv:1804.07723, section 4.2. Gradients, whose norms are 5 to 11, are not clipped, and images are
# not enlarged.
_PAPER = Phase(
    steps=500_000,
    size=512,
    batch_size=6,
    lr=2e-4,
    losses=LossWeights(normalised=True),
    grad_clip=None,
    max_upscale=1.0,
)

RECIPES = {
    # Batch norm is frozen in the encoder, and the learning rate a quarter, in the second phase.
    # Section 4.1 trains 10 days on one V100, about this many steps.
    "paper": Recipe(
        network="paper",
        phases=(_PAPER, replace(_PAPER, steps=300_000, lr=5e-5, frozen_norm="encoder")),
    ),
    # For two CPU cores, as the shipped weights were trained; weights/README.md has the hours.
    # Colours and structure first, where an image costs least, then texture, then larger
    # images. The style terms left a grid, which the next two phases took away again: texture
    # is added by inpaint/texture/synthesis.py. Then for PSNR.
    "compact": Recipe(
        network="compact",
        phases=(
            Phase(steps=4_000, size=128, batch_size=16, lr=8e-4, lr_end=4e-4, losses=L1_ONLY),
            Phase(
                steps=1_570,
                size=128,
                batch_size=16,
                lr=4e-4,
                lr_end=2.7e-4,
                losses=LossWeights(perceptual=0.1, style_out=10, style_comp=10),
                loss_crop=64,
            ),
            Phase(
                steps=4_100,
                size=256,
                batch_size=8,
                lr=3e-4,
                lr_end=7e-5,
                losses=LossWeights(perceptual=0.06, style_out=3, style_comp=3),
                loss_crop=96,
            ),
            Phase(steps=3_000, size=128, batch_size=16, lr=5e-4, lr_end=3e-4, losses=L1_ONLY),
            Phase(
                steps=4_000,
                size=256,
                batch_size=8,
                lr=3e-4,
                lr_end=3e-5,
                losses=LossWeights(perceptual=0.02, style_out=0, style_comp=0),
                loss_crop=64,
            ),
            Phase(steps=1_500, size=128, batch_size=16, lr=3e-4, lr_end=3e-5, losses=PSNR_ONLY),
            Phase(steps=1_200, size=128, batch_size=16, lr=4e-4, lr_end=3e-5, losses=PSNR_ONLY),
            Phase(steps=2_600, size=128, batch_size=16, lr=6e-4, lr_end=4e-4, losses=PSNR_ONLY),
            Phase(steps=3_000, size=256, batch_size=8, lr=4e-4, lr_end=2e-5, losses=PSNR_ONLY),
            Phase(steps=3_000, size=128, batch_size=16, lr=8e-4, lr_end=5e-4, losses=PSNR_ONLY),
            Phase(steps=2_800, size=256, batch_size=8, lr=5e-4, lr_end=1e-5, losses=PSNR_ONLY),
            Phase(steps=3_000, size=128, batch_size=16, lr=8e-4, lr_end=5e-4, losses=PSNR_ONLY),
            Phase(steps=6_000, size=256, batch_size=8, lr=6e-4, lr_end=1e-5, losses=PSNR_ONLY),
        ),
        bucket_weights=(2, 2, 2, 1.5, 1, 1),
    ),
    # What comes after the compact network; see inpaint/models/refiner.py.
    "refiner": Recipe(
        network=REFINER,
        phases=(
            Phase(steps=2_000, size=128, batch_size=16, lr=1e-3, lr_end=7e-4, losses=REFINING),
            Phase(steps=4_000, size=256, batch_size=8, lr=7e-4, lr_end=1e-5, losses=REFINING),
        ),
        bucket_weights=(2, 2, 2, 1.5, 1, 1),
    ),
    # Fills that look like photos, from the weights of "compact" (--init). Large holes most: what
    # lies in small ones is known from around them. Batches for a GPU.
    "generative": Recipe(
        network="generative",
        phases=(
            Phase(
                steps=8_000,
                size=128,
                batch_size=64,
                lr=4e-4,
                lr_end=2e-4,
                losses=KNOWN_ONLY,
                frozen_norm="all",
                adversarial=AdversarialLosses(discounted=4, crop=128, width=64, lr=4e-4),
            ),
            Phase(
                steps=8_000,
                size=256,
                batch_size=48,
                lr=2e-4,
                lr_end=1e-5,
                losses=KNOWN_ONLY,
                frozen_norm="all",
                adversarial=AdversarialLosses(discounted=4, coarse=6, crop=128, width=64, lr=2e-4),
            ),
        ),
        bucket_weights=(0.5, 1, 1, 1.5, 2, 2),
        sides=0.15,
    ),
}


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Every field is a command-line option. Raises ValueError."""

    data: str = option("places2", "places2, celeba-hq, imagenet, folder or wds")
    root: str | None = option(
        None,
        "where the data lies: a folder, shards, or several of them with commas between, each "
        "with an optional @N to repeat it N times; default: data/NAME",
    )
    val_root: str | None = option(None, "the same for validation; default: root")
    config: str = option("paper", f"recipe: {', '.join(RECIPES)}")
    phase: int | None = option(None, "only this phase of the recipe, from 1")
    out: str | None = option(None, "folder for checkpoints and logs; default runs/CONFIG")
    resume: bool = option(False, "go on from the checkpoint in the out folder")
    init: str | None = option(None, "name or file of weights to start from")
    base: str = option(DEFAULT_WEIGHTS, "name or file of the network that a refiner comes after")
    minutes: float | None = option(None, "stop after this many minutes; --resume goes on")
    steps: int | None = option(None, "optimiser steps in all; phases shrink in proportion")
    size: int | None = option(None, "side of the samples in every phase, px")
    batch_size: int | None = option(None, "samples of a step in every phase, in each process")
    lr: float | None = option(None, "learning rate of the first phase; the others in proportion")
    loss_crop: int | None = option(None, "side of the random crop the VGG terms see, px")
    no_vgg: bool = option(False, "leave out the VGG terms")
    vgg_weights: str | None = option(
        None, "VGG-16 file with torchvision's key names; default: the shipped one"
    )
    holes: str | None = option(None, "folder of hole pictures instead of generated holes")
    invert_holes: bool = option(False, "hole pictures are black where pictures are to be filled")
    precision: str = option("auto", "auto, fp32, bf16 or fp16")
    max_upscale: float | None = option(
        None, "most by which pictures that are too small are enlarged; default: the recipe's"
    )
    pixel_range: str | None = option(
        None,
        "colours that the pixel losses are measured on: unit ([0, 1]) or imagenet (divided by "
        "ImageNet's standard deviations); default: the recipe's",
        choices=("imagenet", "unit"),
    )
    grad_clip: str | float | None = option(
        None, "largest norm of the gradient, or none; default: the recipe's"
    )
    ema_decay: float = option(0.999, "decay of the weight average for one step")
    seed: int = option(0, "seed of everything random")
    workers: int | None = option(
        None, "processes that load samples; default: by the processors, 2 for training on a CPU"
    )
    device_holes: bool = option(
        False, "draw the holes of a batch on the device that trains: for few processors and a GPU"
    )
    crops: str = option(
        AUTO,
        "where crops are scaled and flipped: host, device (one batch at a time on the device that "
        "trains) or auto: device if that is a GPU",
        choices=(AUTO, "host", "device"),
    )
    compile: bool = option(False, "compile the network with torch.compile")
    threads: int | None = option(None, "CPU threads of torch; default: torch's own")
    checkpoint_minutes: float = option(5.0, "minutes between checkpoints")
    validate_minutes: float = option(15.0, "minutes between validations")
    val_pictures: int = option(48, "pictures of a validation")
    log_steps: int = option(50, "steps between log lines")

    def __post_init__(self) -> None:
        check_choices(self)
        if self.config not in RECIPES:
            raise ValueError(f"config must be one of {', '.join(RECIPES)}, got {self.config!r}")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise ValueError(f"precision must be auto, fp32, bf16 or fp16, got {self.precision!r}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must lie in [0, 1), got {self.ema_decay}")
        if self.resume and self.init:
            raise ValueError("resume goes on from a checkpoint, so init has no effect; drop one")
        last = len(RECIPES[self.config].phases)
        if self.phase is not None and not 1 <= self.phase <= last:
            raise ValueError(f"phase must lie between 1 and {last}, got {self.phase}")
        if self.device_holes and self.holes is not None:
            raise ValueError("device_holes draws holes, holes takes them from files; drop one")
        if self.invert_holes and self.holes is None:
            raise ValueError("invert_holes goes with a folder of hole pictures; give --holes")
        for name in (setting.name for setting in fields(self)):
            value = getattr(self, name)
            if value is None or isinstance(value, str | bool) or name == "ema_decay":
                continue
            if name in ("seed", "workers"):
                if value < 0:
                    raise ValueError(f"{name} must be 0 or more, got {value}")
            elif not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, got {value}")
        self.phases()  # which checks what the options make of them

    def phases(self) -> tuple[Phase, ...]:
        """The recipe's phases with this run's options applied."""
        phases = RECIPES[self.config].phases
        if self.phase is not None:
            phases = phases[self.phase - 1 : self.phase]
        scale = (self.lr or phases[0].lr) / phases[0].lr
        changed = []
        for phase, steps in zip(phases, self._steps_of(phases), strict=True):
            size = self.size or phase.size
            crop = self.loss_crop or phase.loss_crop
            changed.append(
                replace(
                    phase,
                    steps=steps,
                    size=size,
                    batch_size=self.batch_size or phase.batch_size,
                    lr=phase.lr * scale,
                    lr_end=None if phase.lr_end is None else phase.lr_end * scale,
                    losses=self._losses_of(phase),
                    loss_crop=None if crop is None else min(crop, size),
                    grad_clip=self._clip_of(phase),
                    max_upscale=self.max_upscale or phase.max_upscale,
                )
            )
        return tuple(changed)

    def _losses_of(self, phase: Phase) -> LossWeights:
        losses = phase.losses
        if self.no_vgg:
            losses = replace(losses, perceptual=0, style_out=0, style_comp=0)
        if self.pixel_range is not None:
            losses = replace(losses, normalised=self.pixel_range == "imagenet")
        return losses

    def _clip_of(self, phase: Phase) -> float | None:
        if self.grad_clip is None:
            return phase.grad_clip
        if self.grad_clip == "none":
            return None
        try:
            return float(self.grad_clip)
        except ValueError:
            raise ValueError(
                f"grad_clip must be a number above 0, or none, got {self.grad_clip!r}"
            ) from None

    def _steps_of(self, phases: tuple[Phase, ...]) -> list[int]:
        """Steps of each phase, which are `self.steps` together."""
        ends = list(accumulate((phase.steps for phase in phases), initial=0))
        wanted = self.steps or ends[-1]
        ends = [round(end * wanted / ends[-1]) for end in ends]
        steps = [end - start for start, end in pairwise(ends)]
        if min(steps) < 1:
            raise ValueError(
                f"steps must leave one for each of the {len(phases)} phases, got {wanted}"
            )
        return steps


def add_arguments(parser: ArgumentParser) -> None:
    """One option for each field of TrainConfig."""
    add_options(parser, TrainConfig)


def config_from(arguments: Namespace) -> TrainConfig:
    """The TrainConfig of parsed options. Raises ValueError."""
    return from_options(TrainConfig, arguments)

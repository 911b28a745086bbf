"""Factors of the loss terms, see losses.py and adversarial.py; light, for command lines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MIN_CROP = 32  # px; below it the discriminator's coarsest head has no position left


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms in the total, arXiv:1804.07723 eq. 7. Raises ValueError below 0."""

    valid: float = 1.0
    hole: float = 6.0
    perceptual: float = 0.05
    style_out: float = 120.0
    style_comp: float = 120.0
    tv: float = 0.1
    psnr: float = 0.0  # not the paper's; see psnr_loss
    # Whether valid, hole and tv are measured on `normalised_colours`, where they are 4.4 times as
    # large. The published weights belong to that: the authors' code measures all terms on
    # normalised images.
    normalised: bool = False

    def __post_init__(self) -> None:
        _check_factors(self, [field.name for field in fields(self)])

    @property
    def needs_vgg(self) -> bool:
        """Whether any term on VGG-16 features counts."""
        return self.perceptual > 0 or self.style_out > 0 or self.style_comp > 0

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted sum of the named terms; a term that is absent counts as 0."""
        return _weighted_sum(self, terms)


@dataclass(frozen=True)
class AdversarialLosses:
    """Factors of the adversarial terms, and the discriminator's settings. Raises ValueError."""

    adversarial: float = 1.0
    features: float = 0.5
    coarse: float = 8.0
    discounted: float = 0.0
    coarse_factor: int = 8  # px; what is finer than that is left to the discriminator
    crop: int = 64  # side of the squares that the discriminator sees, px
    whole: float = 0.34  # share of the samples it sees as a whole, made that small
    width: int = 32  # channels of the discriminator, see ProjectedDiscriminator
    lr: float = 2e-4  # its learning rate

    def __post_init__(self) -> None:
        _check_factors(self, ("adversarial", "features", "coarse", "discounted"))
        for name, low in (("coarse_factor", 1), ("crop", MIN_CROP), ("width", 1)):
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be {low} or more, got {getattr(self, name)}")
        if not 0 <= self.whole <= 1:
            raise ValueError(f"whole must lie in [0, 1], got {self.whole}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be above 0, got {self.lr}")

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted sum of the terms adversarial, features, coarse and discounted."""
        return _weighted_sum(self, terms)


def _check_factors(factors: LossWeights | AdversarialLosses, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(factors, name)
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"loss weight {name} must be 0 or more, got {value}")


def _weighted_sum(factors: LossWeights | AdversarialLosses, terms: dict[str, Tensor]) -> Tensor:
    import torch

    return torch.stack([getattr(factors, name) * value for name, value in terms.items()]).sum()

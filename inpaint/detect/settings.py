"""What to look for, and how closely; light, for command lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_DETECTOR = "detector"  # name of the shipped weights
DAMAGE = ("scratch", "dust", "stamp")
DEFAULT_LIMIT = 0.2
DEFAULT_GROW = 2


@dataclass(frozen=True)
class DetectSettings:
    """What is the same for all images. Raises ValueError."""

    classes: tuple[str, ...] = DAMAGE
    sensitivity: float = 0.5  # 0 marks what is certain, 1 what is possible
    grow: int = DEFAULT_GROW  # px by which a mask is grown, as damage has a faint rim
    limit: float = DEFAULT_LIMIT  # share of damage up to which an image is filled
    weights: str = DEFAULT_DETECTOR  # name or file

    def __post_init__(self) -> None:
        check_classes(self.classes)
        check_sensitivity(self.sensitivity)
        if not 0 < self.limit <= 1:
            raise ValueError(f"limit must be above 0 and at most 1, got {self.limit}")
        if self.grow < 0:
            raise ValueError(f"grow must be 0 or more, got {self.grow}")


def check_classes(classes: Sequence[str]) -> None:
    """Raise ValueError for none, and for names that are no class."""
    if not classes or not set(classes) <= set(DAMAGE):
        raise ValueError(f"classes must be some of {', '.join(DAMAGE)}, got {', '.join(classes)!r}")


def check_sensitivity(sensitivity: float) -> None:
    """Raise ValueError for a number outside [0, 1]."""
    if not 0 <= sensitivity <= 1:
        raise ValueError(f"sensitivity must lie in 0 to 1, got {sensitivity}")

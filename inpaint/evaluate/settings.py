"""The settings that say what is evaluated; light, for command lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from inpaint.data.names import DATA_NAMES
from inpaint.utils.options import check_choices, option

# Border classes of arXiv:1804.07723, table 1: N keeps the band along the image's edge free, B
# reaches into it. "any" mixes both.
BORDER_CLASSES: dict[str, tuple[str, ...]] = {
    "both": ("N", "B"),
    "any": ("any",),
    "N": ("N",),
    "B": ("B",),
}


@dataclass(frozen=True)
class Protocol:
    """Images and holes of an evaluation; each field is a command-line option.

    Of `folder` and `wds` every image of the root is there to take, of a named data set the
    validation part. Raises ValueError for values out of range.
    """

    data: str = option("folder", "kind of data", choices=DATA_NAMES)
    root: str | None = option(None, "folder or tar files with the pictures; default data/NAME")
    size: int = option(512, "side, or shorter side, px")
    count: int = option(100, "the first so many pictures")
    fit: str = option(
        "square",
        "square: the centre square, scaled; crop: the centre at full detail; whole: the whole "
        "picture, scaled to that shorter side",
        choices=("square", "crop", "whole"),
    )
    buckets: str = option(
        "all",
        "all: each picture with a hole of every class; cycle: with one of them in turn",
        choices=("all", "cycle"),
    )
    border: str = option(
        "both",
        "holes away from the border (N), reaching it (B), both apart, or any, mixed",
        choices=BORDER_CLASSES,
    )
    masks: str | None = option(None, "folder of masks, white = fill; default: generated holes")
    seed: int = option(0, "of the generated holes")

    def __post_init__(self) -> None:
        check_choices(self)
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, got {self.size}")
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain types."""
        return asdict(self)

"""What travels through a run: a task an image goes in, a record an image comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["done", "skipped", "failed"]

ALPHA = "alpha"  # in place of a mask's path: the image's own transparency is the hole


@dataclass(frozen=True, slots=True)
class Task:
    """One image to fill. Paths are strings, local or of a remote file system."""

    image: str
    mask: str  # or ALPHA
    output: str
    format: str | None = None  # a key of FORMATS; None keeps the source's
    exclude: str | None = None  # mask of what texture is not copied from


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one image: a line of the report."""

    image: str
    status: Status
    mask: str | None = None
    output: str | None = None
    seconds: float | None = None  # from opening the image to its output's last byte
    hole_ratio: float | None = None  # filled pixels by all pixels, in [0, 1]
    message: str = ""  # why it was skipped or failed
    notes: tuple[str, ...] = ()  # what was converted on the way, and what looks odd


@dataclass(frozen=True)
class Settings:
    """What is the same for all images of a run. Raises ValueError."""

    invert: bool = False  # swap hole and known in every mask
    grow: int = 0  # px by which holes are grown; below 0 shrinks them
    quality: int | None = None  # 1 to 100 for formats with loss; None keeps the source's

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"quality must lie in 1 to 100, got {self.quality}")

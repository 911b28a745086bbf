"""What travels through a run: a task an image goes in, a record an image comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from inpaint.detect.settings import DetectSettings
from inpaint.images.formats import DEFAULT_MAX_PIXELS, check_quality

Status = Literal["done", "skipped", "failed"]

# In place of a mask's path:
ALPHA = "alpha"  # the image's own transparency is the hole
DETECTED = "detected"  # damage that is found in the image is the hole
# What was painted over the image in this colour, RGB, is the hole.
PAINTS = {"magenta": (255, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
NO_FILES = (ALPHA, DETECTED, *PAINTS)


@dataclass(frozen=True, slots=True)
class Task:
    """One image to fill. Paths are strings, local or of a remote file system."""

    image: str
    mask: str  # or one of NO_FILES
    output: str
    format: str | None = None  # a key of FORMATS; None keeps the source's
    exclude: str | None = None  # mask of what texture is not copied from
    mask_output: str | None = None  # where a mask that was DETECTED is kept
    root: str | None = None  # folder that the output must lie in, links followed; None: anywhere
    mask_root: str | None = None  # the same for mask_output


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one image: a line of the report."""

    image: str
    status: Status
    mask: str | None = None
    output: str | None = None
    seconds: float | None = None  # from opening the image to its output's last byte
    hole_ratio: float | None = None  # filled pixels by all pixels, in [0, 1]
    damage: dict[str, float] | None = None  # share of the pixels by class, where it was DETECTED
    message: str = ""  # why it was skipped or failed
    notes: tuple[str, ...] = ()  # what was converted on the way, and what looks odd
    suspicious: bool | None = None  # whether the mask is one of what looks odd; None: it is not
    frames_left: int | None = None  # frames or pages behind the first, which were not filled


@dataclass(frozen=True)
class Settings:
    """What is the same for all images of a run. Raises ValueError."""

    invert: bool = False  # swap hole and known in every mask
    grow: int = 0  # px by which holes are grown; below 0 shrinks them
    quality: int | None = None  # 1 to 100 for formats with loss; None keeps the source's
    all_frames: bool = False  # fill all frames of animations and pages of TIFF files
    strict: bool = False  # images that something is to be noted about fail
    max_pixels: int = DEFAULT_MAX_PIXELS  # of an image or a mask; larger ones are not decoded
    detect: DetectSettings = field(default_factory=DetectSettings)  # of masks DETECTED

    def __post_init__(self) -> None:
        check_quality(self.quality)
        if self.max_pixels < 1:
            raise ValueError(f"max_pixels must be 1 or more, got {self.max_pixels}")

"""Masks that are found in the images themselves."""

from __future__ import annotations

import numpy as np

from inpaint.batch import files
from inpaint.detect.detector import DamageDetector, Detection
from inpaint.detect.settings import DetectSettings
from inpaint.images import ImageData

NO_DAMAGE = "no damage was found"
DAMAGE_FOUND = "damage found: "


class TooDamagedError(Exception):
    """More of an image is damaged than the limit up to which it is filled."""

    def __init__(self, detection: Detection, limit: float) -> None:
        self.shares = detection.shares
        super().__init__(
            f"{100 * detection.share:.0f} % of the picture looks damaged, more than the limit of "
            f"{100 * limit:g} %; it is not filled"
        )


def find_damage(
    detector: DamageDetector, image: ImageData, settings: DetectSettings, notes: list[str]
) -> Detection:
    """The damage of an image; a sentence about it is added to the notes."""
    detection = detector.detect(image, classes=settings.classes, sensitivity=settings.sensitivity)
    notes.append(summary(detection))
    return detection


def summary(detection: Detection) -> str:
    """What was found, as a sentence."""
    if not detection.mask.any():
        return NO_DAMAGE
    parts = [f"{name} {100 * share:.2g} %" for name, share in detection.shares.items() if share]
    return f"{DAMAGE_FOUND}{', '.join(parts)} of the picture"


def is_summary(note: str) -> bool:
    """Whether a note is a summary of what was found, which is nothing odd."""
    return note == NO_DAMAGE or note.startswith(DAMAGE_FOUND)


def check_notes(notes: list[str], undone: str) -> None:
    """Raise ValueError, for `--strict`, if there are notes; what was found is no reason.

    undone: What is not done then, such as "not filled".
    """
    reasons = [note for note in notes if not is_summary(note)]
    if reasons:
        raise ValueError(f"{undone}, as --strict is given: {'; '.join(reasons)}")


def write_mask(hole: np.ndarray, path: str, *, root: str | None = None) -> None:
    """Write a hole, (H, W) bool, as a black and white PNG; missing folders are made.

    Raises ValueError for a path outside of `root`, if that is given.
    """
    pixels = np.where(hole, np.uint8(255), np.uint8(0))
    files.write(ImageData(pixels), path, format="png", quality=None, root=root)

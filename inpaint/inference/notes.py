"""What the notes of a weight file say about its use: tiling, boundary band, refiner.

The notes are untrusted. A refiner is a shipped one by name, or a file in the folder of the weights:
no other path is opened because a file says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.checkpoints.weights import load_refiner, shipped_weights
from inpaint.inference.boundary import BoundaryConfig
from inpaint.inference.tiling import TilingConfig
from inpaint.models.refiner import Refiner
from inpaint.utils.settings import read_settings, shortened

_MAX_NAME = 200  # characters of a file's name


@dataclass(frozen=True)
class UsageNotes:
    """What belongs to a network, as its notes say, or the defaults."""

    tiling: TilingConfig
    boundary: BoundaryConfig
    refiner: Path | None  # an existing file


def read_usage(path: Path, notes: dict[str, Any]) -> UsageNotes:
    """The usage notes of a weight file.

    Args:
        path: The file.
        notes: As read_metadata or OnnxNetwork gives them.

    Raises:
        CheckpointError: That names the file and the note which cannot be used.
    """
    name = ""
    try:
        name = "tiling" if "tiling" in notes else "reach"
        tiling = TilingConfig.from_notes(notes)
        name = "boundary"
        boundary = read_settings(BoundaryConfig, notes.get("boundary", {}), "boundary")
        name = "refiner"
        refiner = None if notes.get("refiner") is None else _refiner(path, notes["refiner"])
    except (ValueError, FileNotFoundError) as error:
        raise CheckpointError(f"{path} has unusable notes, {name}: {error}") from error
    return UsageNotes(tiling, boundary, refiner)


def load_refiner_of(usage: UsageNotes) -> Refiner | None:
    """The refiner that usage notes name. Raises CheckpointError for a file that holds none."""
    return None if usage.refiner is None else load_refiner(usage.refiner)


def _refiner(weights: Path, name: Any) -> Path:
    """The file of a refiner. Raises ValueError or FileNotFoundError."""
    parts = (PurePosixPath(name), PureWindowsPath(name)) if isinstance(name, str) else ()
    plain = all(part.name == name for part in parts) and str(name).isprintable()
    if not parts or not plain or len(name) > _MAX_NAME:
        raise ValueError(
            "must be the name of shipped weights, or of a file beside this one, got "
            f"{shortened(name)}"
        )
    if not parts[0].suffix:
        return shipped_weights(name)
    path = weights.parent / name
    if not path.is_file():
        raise FileNotFoundError(f"there is no {shortened(name)} beside the weights")
    return path

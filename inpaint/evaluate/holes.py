"""Holes for an evaluation from mask files."""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from pathlib import Path

import numpy as np

from inpaint.data.sources import find_images
from inpaint.masks.generate import border_width, hole_bucket
from inpaint.masks.read import read_hole

logger = logging.getLogger(__name__)


class HoleFiles:
    """Mask files, white = fill, by hole-ratio bucket and by whether they reach the border.

    A folder of `inpaint masks` tells both in its `manifest.csv`; the files of another folder are
    read once to find out. Files that no bucket holds are left out.

    Raises FileNotFoundError when no usable mask lies in the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        manifest = self.folder / "manifest.csv"
        self._files: dict[tuple[int, bool], list[str]] = defaultdict(list)
        for bucket, border, name in _listed(manifest) if manifest.is_file() else self._scanned():
            self._files[bucket, border].append(name)
        if not self._files:
            raise FileNotFoundError(f"no mask files with 1 to 60 % of white in {folder}")

    def hole(
        self, size: tuple[int, int], index: int, *, bucket: int, border: bool | None
    ) -> np.ndarray:
        """The hole of image number `index`: bool (height, width), True = fill.

        Masks are taken in turn and scaled to `size` by nearest neighbour, never stretched.
        border: True, False, or None for any. Raises ValueError for an empty class, or for a mask
        of another aspect ratio.
        """
        borders = (False, True) if border is None else (border,)
        names = sorted(name for one in borders for name in self._files.get((bucket, one), []))
        if not names:
            raise ValueError(
                f"{self.folder} holds no mask of bucket {bucket} with border={border}; "
                "choose other classes with --border, or generated holes"
            )
        return read_hole(self.folder / names[index % len(names)], size=size)

    def _scanned(self) -> list[tuple[int, bool, str]]:
        found = []
        for name in find_images(self.folder):
            hole = read_hole(self.folder / name)
            try:
                bucket = hole_bucket(float(hole.mean()))
            except ValueError:
                logger.warning("%s/%s is left out: %.0f %% white", self.folder, name,
                               100 * hole.mean())  # fmt: skip
                continue
            found.append((bucket, _reaches_border(hole), name))
        return found


def _reaches_border(hole: np.ndarray) -> bool:
    band = border_width((hole.shape[0], hole.shape[1]))
    return bool(hole.sum() > hole[band:-band, band:-band].sum())


def _listed(manifest: Path) -> list[tuple[int, bool, str]]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            return [
                (int(line["bucket"]), line["border"] == "True", line["file"])
                for line in csv.DictReader(file)
            ]
    except (KeyError, ValueError, csv.Error) as error:
        raise ValueError(f"{manifest} is not a manifest of `inpaint masks`: {error}") from error

"""Where training holes come from: the generator, or a folder of mask files."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from inpaint.data.sources import find_images
from inpaint.masks.generate import HOLE_BUCKETS, TRAINING_VERSION, random_hole
from inpaint.masks.read import read_hole

# (size in pixels, generator) -> square hole, bool (size, size), True = fill
DrawHole = Callable[[int, np.random.Generator], np.ndarray]

_MAX_DRAWS = 20  # mask files tried before a hole folder counts as unusable


class GeneratedHoles:
    """Random irregular holes.

    Args:
        ratio_weights: how often each bucket of `HOLE_BUCKETS` is drawn, relative to the others;
            None draws all six equally often.
        sides: share of holes that are a side of the picture, as when it is to be extended; their
            ratio follows the buckets too.
        version: of the generator, see `random_hole`.
    """

    def __init__(
        self,
        ratio_weights: Sequence[float] | None = None,
        *,
        sides: float = 0.0,
        version: int = TRAINING_VERSION,
    ) -> None:
        weights = np.array([1.0] * len(HOLE_BUCKETS) if ratio_weights is None else ratio_weights)
        if weights.shape != (len(HOLE_BUCKETS),) or not (weights >= 0).all() or not weights.any():
            raise ValueError(
                f"ratio_weights must be {len(HOLE_BUCKETS)} numbers of 0 or more, not all 0, "
                f"one for each hole ratio bucket; got {ratio_weights}"
            )
        if not 0 <= sides <= 1:
            raise ValueError(f"sides must lie in [0, 1], got {sides}")
        self.steps = np.cumsum(weights / weights.sum())
        self.sides = sides
        self.version = version

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """A hole, (size, size) bool."""
        bucket = int(np.searchsorted(self.steps[:-1], rng.random(), side="right"))
        if self.sides and rng.random() < self.sides:
            return _side(size, rng.uniform(*HOLE_BUCKETS[bucket]), int(rng.integers(4)))
        return random_hole((size, size), rng, ratio=HOLE_BUCKETS[bucket], version=self.version)


def _side(size: int, ratio: float, turns: int) -> np.ndarray:
    """The upper part of a square of `size` px, turned by 90 degrees so many times."""
    hole = np.zeros((size, size), bool)
    hole[: max(1, round(ratio * size))] = True
    return np.ascontiguousarray(np.rot90(hole, turns))


class FolderHoles:
    """Holes from mask files, each time turned, flipped and cut differently.

    The cut is a square with 60 to 100 % of the mask's shorter side. Masks are never stretched
    to another aspect ratio. An unreadable, empty or full one is passed over.

    Args:
        folder: where they lie, at any depth.
        invert: False for masks that are white where pictures are to be filled, True for black.

    Raises:
        FileNotFoundError: no mask file lies in the folder, at any depth.
        RuntimeError: from a call, if 20 masks in a row cannot be used.
    """

    def __init__(self, folder: str | Path, *, invert: bool = False) -> None:
        self.folder = Path(folder)
        self.invert = invert
        self.names = find_images(self.folder)
        if not self.names:
            raise FileNotFoundError(f"no mask pictures in {folder}; give a folder of PNG files")

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """A hole, (size, size) bool. Raises RuntimeError when none of many draws is usable."""
        for _ in range(_MAX_DRAWS):
            path = self.folder / self.names[int(rng.integers(len(self.names)))]
            try:
                hole = self._cut(read_hole(path, invert=self.invert), size, rng)
            except (OSError, ValueError) as error:
                failure = str(error)
                continue
            if hole.any() and not hole.all():
                return hole
            failure = f"{path} is empty or full"
        fill, elsewhere = ("black", "white") if self.invert else ("white", "black")
        raise RuntimeError(
            f"{_MAX_DRAWS} masks in a row from {self.folder} cannot be used; masks must be {fill} "
            f"where pictures are to be filled and {elsewhere} elsewhere. The last: {failure}"
        )

    @staticmethod
    def _cut(mask: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        side = math.ceil(min(mask.shape) * rng.uniform(0.6, 1.0))
        top, left = (int(rng.integers(length - side + 1)) for length in mask.shape)
        square = np.rot90(mask[top : top + side, left : left + side], int(rng.integers(4)))
        if rng.random() < 0.5:
            square = square[:, ::-1]
        pixels = np.ascontiguousarray(square, dtype=np.uint8)
        return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_NEAREST) > 0

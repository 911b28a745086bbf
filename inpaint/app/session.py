"""What one visitor is working on: an uploaded file, and the patches filled into it so far."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaint.images import ImageData, with_pixels

MAX_STEPS = 20  # fills that can be undone; older ones are joined into one

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Patch:
    """The pixels that one fill changed, which are few beside those of a photo."""

    box: Box
    mask: np.ndarray  # (h, w) bool, of the box
    values: np.ndarray  # (N,) or (N, 3): the new pixels where mask is True

    @classmethod
    def between(cls, hole: np.ndarray, pixels: np.ndarray) -> Patch:
        """The patch of a filled image. hole: (H, W) bool, not empty."""
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        mask = hole[box].copy()
        return cls(box, mask, pixels[box][mask])

    @property
    def nbytes(self) -> int:
        """Memory of the patch, in bytes."""
        return self.mask.nbytes + self.values.nbytes

    def write_to(self, pixels: np.ndarray) -> None:
        """Put the values into an image of the same size, in place."""
        pixels[self.box][self.mask] = self.values


@dataclass(frozen=True, eq=False)
class Session:
    """One photo being worked on. Nothing here is changed in place, so older ones stay valid.

    Fills are counted from the first one. Of more than MAX_STEPS, the oldest are one step, and
    counts inside of it are gone.
    """

    path: Path  # the upload, as it came: the source of truth
    name: str  # what its owner calls it
    size: tuple[int, int]  # (height, width), the right way up
    steps: tuple[Patch, ...] = ()  # the fills, in order
    joined: int = 0  # fills that were joined into steps[0], besides its own

    @property
    def fills(self) -> int:
        """How many fills there are."""
        return self.joined + len(self.steps)

    @property
    def nbytes(self) -> int:
        """Memory of the fills, in bytes."""
        return sum(step.nbytes for step in self.steps)

    def image(self, source: ImageData, fills: int) -> ImageData:
        """The photo with its first `fills` fills. Raises ValueError for a count that is gone."""
        patches = self.steps[: self._kept(fills)]
        if not patches:
            return source
        pixels = source.pixels.copy()
        for patch in patches:
            patch.write_to(pixels)
        return with_pixels(source, pixels)

    def filled(self, patch: Patch, fills: int) -> Session:
        """The session in which `patch` follows the first `fills` fills, in place of later ones.

        Raises ValueError for a count that is gone.
        """
        kept = self._kept(fills)
        steps, joined = (*self.steps[:kept], patch), self.joined if kept else 0
        if len(steps) > MAX_STEPS:
            steps, joined = (_joined(steps[0], steps[1]), *steps[2:]), joined + 1
        return dataclasses.replace(self, steps=steps, joined=joined)

    def _kept(self, fills: int) -> int:
        """How many steps the first `fills` fills are."""
        kept = fills - self.joined if fills else 0
        if fills < 0 or kept < (fills > 0) or kept > len(self.steps):
            raise ValueError(f"fills must be 0 or {self.joined + 1} to {self.fills}, got {fills}")
        return kept


def _joined(first: Patch, second: Patch) -> Patch:
    """One patch that does what `first` and then `second` do."""
    boxes = [first.box, second.box]
    rows, columns = (
        slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes))
        for axis in (0, 1)
    )
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
    pixels = np.zeros((*mask.shape, *first.values.shape[1:]), first.values.dtype)
    for patch in (first, second):
        inner = tuple(
            slice(span.start - start.start, span.stop - start.start)
            for span, start in zip(patch.box, (rows, columns), strict=True)
        )
        mask[inner] |= patch.mask
        pixels[inner][patch.mask] = patch.values
    return Patch((rows, columns), mask, pixels[mask])

"""What one visitor is working on: an uploaded file, and the patches filled into it so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaint.images import ImageData, with_pixels
from inpaint.utils.rectangles import Rectangle, bounding_box, relative

MAX_STEPS = 20  # fills that can be undone; older ones are joined into one
MOST_CANDIDATES = 4  # of one fill


@dataclass(frozen=True, eq=False)
class Patch:
    """The pixels that one fill changed, which are few beside those of a photo."""

    box: Rectangle
    mask: np.ndarray  # (h, w) bool, of the box
    values: np.ndarray  # (N,) or (N, 3): the new pixels where mask is True

    @classmethod
    def between(cls, hole: np.ndarray, pixels: np.ndarray) -> Patch:
        """The patch of a filled image. hole: (H, W) bool, not empty."""
        box = bounding_box(hole)
        assert box is not None
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
class Step:
    """One fill: its candidates by their seeds, and the one that is in the photo."""

    candidates: Mapping[int, Patch]
    seed: int  # of the candidate that was chosen

    @property
    def patch(self) -> Patch:
        """The candidate that was chosen."""
        return self.candidates[self.seed]

    @property
    def nbytes(self) -> int:
        """Memory of all candidates, in bytes."""
        return sum(patch.nbytes for patch in self.candidates.values())

    def with_candidate(self, patch: Patch, seed: int) -> Step:
        """The step with one more candidate, in place of the oldest beyond MOST_CANDIDATES."""
        candidates = {**self.candidates, seed: patch}
        if len(candidates) > MOST_CANDIDATES:
            del candidates[next(other for other in candidates if other not in (self.seed, seed))]
        return Step(candidates, self.seed)

    def choosing(self, seed: int) -> Step:
        """The step with the candidate of `seed`. Raises ValueError if there is none."""
        if seed not in self.candidates:
            raise ValueError(f"seed must be one of {sorted(self.candidates)}, got {seed}")
        return Step(self.candidates, seed)


@dataclass(frozen=True, eq=False)
class Session:
    """One photo being worked on. Nothing here is changed in place, so older ones stay valid.

    Fills are counted from the first one. Of more than MAX_STEPS, the oldest are one step, and
    counts inside of it are gone.
    """

    path: Path  # the upload, as it came: the source of truth
    name: str  # what its owner calls it
    size: tuple[int, int]  # (height, width), the right way up
    steps: tuple[Step, ...] = ()  # the fills, in order
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
        patches = self.patches(fills)
        if not patches:
            return source
        pixels = source.pixels.copy()
        for patch in patches:
            patch.write_to(pixels)
        return with_pixels(source, pixels)

    def patches(self, fills: int) -> tuple[Patch, ...]:
        """What the first `fills` fills put into the photo. Raises ValueError for a count that is
        gone."""
        return tuple(step.patch for step in self.steps[: self._kept(fills)])

    def filled(self, patch: Patch, fills: int, *, seed: int = 0) -> Session:
        """The session in which `patch` follows the first `fills` fills, in place of later ones.

        Raises ValueError for a count that is gone.
        """
        kept = self._kept(fills)
        step = Step({seed: patch}, seed)
        steps, joined = (*self.steps[:kept], step), self.joined if kept else 0
        if len(steps) > MAX_STEPS:
            steps, joined = (_joined(steps[0], steps[1]), *steps[2:]), joined + 1
        return dataclasses.replace(self, steps=steps, joined=joined)

    def with_candidate(self, patch: Patch, fills: int, *, seed: int) -> Session:
        """The session with one more candidate of the fill that follows the first `fills` fills.

        Raises ValueError if there is no such fill.
        """
        return self._with_step(fills + 1, self._step(fills + 1).with_candidate(patch, seed))

    def choosing(self, number: int, seed: int) -> Session:
        """The session with another candidate of fill `number`, counted from 1, and none later.

        Raises ValueError if there is no such fill or candidate.
        """
        session = self._with_step(number, self._step(number).choosing(seed))
        return dataclasses.replace(session, steps=session.steps[: session._kept(number)])

    def _step(self, number: int) -> Step:
        if number < 1:
            raise ValueError(f"the number of a fill must be 1 or more, got {number}")
        return self.steps[self._kept(number) - 1]

    def _with_step(self, number: int, step: Step) -> Session:
        place = self._kept(number) - 1
        steps = (*self.steps[:place], step, *self.steps[place + 1 :])
        return dataclasses.replace(self, steps=steps)

    def _kept(self, fills: int) -> int:
        """How many steps the first `fills` fills are."""
        kept = fills - self.joined if fills else 0
        if fills < 0 or kept < (fills > 0) or kept > len(self.steps):
            raise ValueError(f"fills must be 0 or {self.joined + 1} to {self.fills}, got {fills}")
        return kept


def _joined(before: Step, after: Step) -> Step:
    """One step, of one candidate, that does what `before` and then `after` do."""
    first, second = before.patch, after.patch
    boxes = [first.box, second.box]
    rows, columns = (
        slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes))
        for axis in (0, 1)
    )
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
    pixels = np.zeros((*mask.shape, *first.values.shape[1:]), first.values.dtype)
    for patch in (first, second):
        inner = relative(patch.box, (rows, columns))
        mask[inner] |= patch.mask
        pixels[inner][patch.mask] = patch.values
    return Step({after.seed: Patch((rows, columns), mask, pixels[mask])}, after.seed)

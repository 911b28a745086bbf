"""What one visitor is working on: an uploaded file, and the patches filled into it so far."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaint.images import ImageData, with_pixels

MAX_STEPS = 20  # results that can be stepped back through; older ones are joined into one


@dataclass(frozen=True, eq=False)
class Hole:
    """A hole, (H, W) bool, in an eighth of its memory."""

    shape: tuple[int, int]
    bits: np.ndarray

    @classmethod
    def pack(cls, hole: np.ndarray) -> Hole:
        """A hole of (H, W) bool, one bit a pixel."""
        return cls((hole.shape[0], hole.shape[1]), np.packbits(hole))

    def unpack(self) -> np.ndarray:
        """The hole as (H, W) bool."""
        height, width = self.shape
        bits = np.unpackbits(self.bits, count=height * width)
        return bits.reshape(self.shape).view(np.bool_)


@dataclass(frozen=True, eq=False)
class Patch:
    """The pixels that one fill changed, which are few beside those of a photo."""

    box: tuple[slice, slice]
    mask: np.ndarray  # (h, w) bool, of the box
    values: np.ndarray  # (N,) or (N, 3): the new pixels where mask is True

    @classmethod
    def between(cls, hole: np.ndarray, pixels: np.ndarray) -> Patch:
        """The patch of a filled image. hole: (H, W) bool, not empty."""
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        mask = hole[box].copy()
        return cls(box, mask, pixels[box][mask])

    def write_to(self, pixels: np.ndarray) -> None:
        """Put the values into an image of the same size, in place."""
        pixels[self.box][self.mask] = self.values


@dataclass(frozen=True, eq=False)
class Session:
    """One photo being worked on. Nothing here is changed in place, so stepping back is safe."""

    path: Path  # the upload, as it came: the source of truth
    name: str  # what its owner calls it
    size: tuple[int, int]  # (height, width), the right way up
    shown_size: tuple[int, int]  # of the copy in the editor
    steps: tuple[Patch, ...] = ()  # results that were gone on from
    result: Patch | None = None  # the latest fill, not gone on from yet
    given: Hole | None = None  # the hole that was put into the editor, at the photo's own size
    shown: Hole | None = None  # the same as the editor got it

    def image(self, source: ImageData, *, with_result: bool = False) -> ImageData:
        """The photo with its steps filled in, and with the latest fill if asked for."""
        patches = self.steps + ((self.result,) if with_result and self.result else ())
        if not patches:
            return source
        pixels = source.pixels.copy()
        for patch in patches:
            patch.write_to(pixels)
        return with_pixels(source, pixels)

    def gone_on(self) -> Session:
        """The latest fill becomes part of the image, and the strokes are gone."""
        if self.result is None:
            return self
        steps = (*self.steps, self.result)
        if len(steps) > MAX_STEPS:
            steps = (_joined(steps[0], steps[1]), *steps[2:])
        return dataclasses.replace(self, steps=steps, result=None, given=None, shown=None)

    def stepped_back(self) -> Session:
        """Without the latest step, and without a fill that was made on top of it."""
        return dataclasses.replace(self, steps=self.steps[:-1], result=None, given=None, shown=None)


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

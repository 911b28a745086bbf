"""Tiling: the parts of an image that the network sees, and those of its answer that are used.

All coordinates are pixels of the image; slices are (rows, columns).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from inpaint.utils.rectangles import Rectangle, relative
from inpaint.utils.settings import read_settings

MAX_SIDE = 8192  # px; what a network sees at once


@dataclass(frozen=True)
class TilingConfig:
    """What a network can do, in pixels of its input. Raises ValueError."""

    hole_radius: float = 40.0  # largest distance of a hole pixel from the nearest known pixel
    min_side: int = 128  # it sees at least this much of the image, if there is as much
    max_side: int = 512  # it sees at most its square at once; bounds the memory
    thin_radius: float = 2.5  # holes no deeper than this are continued from their surroundings

    def __post_init__(self) -> None:
        # A tile shows max_side / 4 around its core: with a larger radius it could show nothing
        # that is known.
        if self.max_side > MAX_SIDE:
            raise ValueError(f"tiling needs max_side <= {MAX_SIDE}, got {self}")
        if not 0 <= self.thin_radius <= self.max_side:
            raise ValueError(f"tiling needs 0 <= thin_radius <= max_side, got {self}")
        if not (1 <= self.hole_radius <= self.max_side / 4):
            raise ValueError(f"tiling needs 1 <= hole_radius <= max_side / 4, got {self}")
        if not 32 <= self.min_side <= self.max_side / 2:
            raise ValueError(f"tiling needs 32 <= min_side <= max_side / 2, got {self}")

    @classmethod
    def from_notes(cls, notes: dict[str, Any]) -> TilingConfig:
        """The settings in a weight file's notes, or the defaults.

        Raises:
            ValueError: Notes that are no such settings.
        """
        values = notes.get("tiling", notes.get("reach", {}))
        if "tiling" not in notes and isinstance(values, dict):  # files of version 0.1
            values = {_NAMES_0_1.get(key, key): value for key, value in values.items()}
        return read_settings(cls, values, "tiling")


_NAMES_0_1 = {"radius": "hole_radius", "least_side": "min_side", "most_side": "max_side"}


@dataclass(frozen=True)
class Tile:
    """What the network sees (context), and the part of its answer that is used (core)."""

    context: Rectangle
    core: Rectangle


@dataclass(frozen=True)
class Region:
    """One or more neighbouring holes that are filled together.

    Attributes:
        factor: The network sees the image this much smaller, 1 or more.
        box: Where the region lies.
        bits: The mask, see `of`, eight pixels a byte: boxes of slanted strokes are large.
        area: Pixels to fill.
        tiles: Their cores cover the mask; where they overlap, their answers are blended. None for
            holes so thin that they are continued from their surroundings without the network.
        refined: Whether the refiner has something to do there: not for single specks.
        guiding: Whether the fill only guides texture: it is blended at the network's scale.
    """

    factor: float
    box: Rectangle
    bits: np.ndarray
    area: int
    tiles: list[Tile]
    refined: bool = True
    guiding: bool = False

    @classmethod
    def of(
        cls,
        factor: float,
        box: Rectangle,
        mask: np.ndarray,
        tiles: list[Tile],
        *,
        refined: bool = True,
    ) -> Region:
        """The region with a mask: bool, of the size of `box`, True = fill."""
        area = int(np.count_nonzero(mask))
        return cls(factor, box, np.packbits(mask, axis=1), area, tiles, refined)

    @property
    def mask(self) -> np.ndarray:
        """Bool, of the size of `box`, True = fill; made anew each time."""
        width = self.box[1].stop - self.box[1].start
        return np.unpackbits(self.bits, axis=1, count=width).view(bool)


def scaled_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """(height, width) of an image made smaller by a factor, at least 1 x 1."""
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def tile_weights(tile: Tile, part: Rectangle) -> np.ndarray:
    """Weights of a part of a tile's core for blending: (h, w) float32, falling to the core's edges.

    part: Of the image, inside the core.
    """
    ramps = []
    for span, own in zip(tile.core, relative(part, tile.core), strict=True):
        inward = np.arange(1, span.stop - span.start + 1, dtype=np.float32)
        ramps.append(np.minimum(inward, inward[::-1])[own])
    return np.minimum(ramps[0][:, None], ramps[1][None, :])


def around(
    rectangle: Rectangle, margin: int, least: float, step: float, size: tuple[int, ...]
) -> Rectangle:
    """A rectangle with a margin around it, moved into an image of (height, width).

    Its sides are at least `least` pixels and whole steps, as far as the image is so large.
    """
    spans = []
    for span, limit in zip(rectangle, size, strict=True):
        side = max(span.stop - span.start + 2 * margin, least)
        side = math.ceil(side / step - 1e-6) * step
        spans.append(_around(span.start, span.stop, round(side), limit))
    return spans[0], spans[1]


def tiles_of(
    box: Rectangle, size: tuple[int, int], factor: float, config: TilingConfig, *, shared: bool
) -> list[Tile]:
    """The tiles whose cores cover a box of an image of (height, width).

    shared: Small holes share the box, and need less context than one as large as it.
    """
    least, most = math.ceil(config.min_side * factor), math.floor(config.max_side * factor)
    sides = [
        _side(span.stop - span.start, limit, least, most, shared=shared)
        for span, limit in zip(box, size, strict=True)
    ]
    # Along a narrow hole the tiles may be longer than `most` in the same memory, and overlap less.
    rows, columns = (
        _spans(
            span.start, span.stop, limit, most, side, min(2 * most, most * most // (other or most))
        )
        for span, limit, side, other in zip(box, size, sides, sides[::-1], strict=True)
    )
    return [Tile((y[0], x[0]), (y[1], x[1])) for y, x in product(rows, columns)]


def _side(length: int, limit: int, least: int, most: int, *, shared: bool) -> int | None:
    """How much one tile shows of an axis of `limit` pixels with a hole of this length.

    As much on either side as the hole is long, if `most` allows at least a quarter of `least`
    there, which is what shared ones show; None where several tiles are needed.
    """
    if length + least // 2 > most and limit > most:
        return None
    wanted = length + least // 2 if shared else 3 * length
    return min(max(wanted, least), most)


def _spans(
    start: int, stop: int, limit: int, most: int, side: int | None, longest: int
) -> list[tuple[slice, slice]]:
    """Spans (context, core) that cover start to stop on an axis of `limit` pixels.

    One that shows `side` pixels; without a side, several of `longest`, whose cores keep a quarter
    of `most` from the ends of what they see and overlap by an eighth of it.
    """
    if side is not None:
        return [(_around(start, stop, side, limit), slice(start, stop))]
    length = stop - start
    inner = min(longest - most // 2, length)
    count = math.ceil((length - inner) / (inner - most // 8)) + 1
    firsts = [start + round(i * (length - inner) / max(count - 1, 1)) for i in range(count)]
    return [(_around(a, a + inner, inner + most // 2, limit), slice(a, a + inner)) for a in firsts]


def _around(start: int, stop: int, side: int, limit: int) -> slice:
    """`side` pixels with start to stop in their middle, moved into 0 to limit."""
    side = min(max(side, stop - start), limit)
    first = min(max((start + stop - side) // 2, 0), limit - side)
    return slice(first, first + side)

"""Tiling: where to cut an image so that each hole is filled at a scale the network knows.

A network is trained on holes of some sizes, seen in images of some sizes. So every hole is cut
out with its context and, when it is thicker than the network can bridge, scaled down. What
decides is the hole's thickness, not its extent: a wire across a whole photo is filled at full
detail. All coordinates are pixels of the image; slices are (rows, columns).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np

from inpaint.utils.distance import hole_depth

Rectangle = tuple[slice, slice]


@dataclass(frozen=True)
class TilingConfig:
    """What a network can do, in pixels of its input. Raises ValueError."""

    hole_radius: float = 40.0  # largest distance of a hole pixel from the nearest known pixel
    min_side: int = 128  # it sees at least this much of the image, if there is as much
    max_side: int = 512  # it sees at most this much at once; bounds the memory

    def __post_init__(self) -> None:
        # A tile shows max_side / 4 around its core: with a larger radius it could show nothing
        # that is known.
        if not (1 <= self.hole_radius <= self.max_side / 4):
            raise ValueError(f"tiling needs 1 <= hole_radius <= max_side / 4, got {self}")
        if not 32 <= self.min_side <= self.max_side / 2:
            raise ValueError(f"tiling needs 32 <= min_side <= max_side / 2, got {self}")

    @classmethod
    def from_notes(cls, notes: dict[str, Any]) -> TilingConfig:
        """The settings in a weight file's notes, or the defaults.

        Raises:
            ValueError, TypeError: Notes that are no such settings.
        """
        if "tiling" in notes:
            return cls(**notes["tiling"])
        if "reach" in notes:  # files of version 0.1
            return cls(**{_NAMES_0_1.get(key, key): value for key, value in notes["reach"].items()})
        return cls()


_NAMES_0_1 = {"radius": "hole_radius", "least_side": "min_side", "most_side": "max_side"}


@dataclass(frozen=True)
class Tile:
    """What the network sees (context), and the part of its answer that is used (core)."""

    context: Rectangle
    core: Rectangle


@dataclass(frozen=True)
class Region:
    """One or more neighbouring holes that are filled together.

    mask: bool, of the size of box, True = fill. The tiles' cores cover the box; where they
    overlap, their answers are blended.
    """

    factor: float  # the network sees the image this much smaller, 1 or more
    box: Rectangle
    mask: np.ndarray
    tiles: list[Tile]


def plan_regions(hole: np.ndarray, config: TilingConfig) -> list[Region]:
    """How to fill a hole, (H, W) bool: regions from the thinnest holes to the thickest.

    Each pixel of the hole is in the mask of exactly one region.
    """
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    if not len(rows):
        return []
    # Labels and distances are found where the hole is, not over a whole large photo; one pixel
    # around it is known, and ends the hole.
    top, left = max(int(rows[0]) - 1, 0), max(int(columns[0]) - 1, 0)
    part = np.ascontiguousarray(hole[top : rows[-1] + 2, left : columns[-1] + 2])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=8)
    factors = _factors(part, labels, count, config)
    regions = []
    for factor in np.unique(factors[1:]):
        numbers = [i for i in range(1, count) if factors[i] == factor]
        boxes = [_Box.of(stats[i], top, left, i) for i in numbers]
        for box in _merged(boxes, factor, config):
            local = (_shifted(box.rows, -top), _shifted(box.columns, -left))
            mask = np.isin(labels[local], box.numbers)
            tiles = _tiles(box, hole.shape[:2], float(factor), config)
            regions.append(Region(float(factor), (box.rows, box.columns), mask, tiles))
    return regions


def scaled_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """(height, width) of an image made smaller by a factor, at least 1 x 1."""
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def tile_weights(tile: Tile) -> np.ndarray:
    """Weights of a tile's core for blending: (h, w, 1) float32, falling to its edges."""
    ramps = []
    for span in tile.core:
        length = span.stop - span.start
        inward = np.arange(1, length + 1, dtype=np.float32)
        ramps.append(np.minimum(inward, inward[::-1]))
    return np.minimum(ramps[0][:, None], ramps[1][None, :])[..., None]


def relative(rectangle: Rectangle, to: Rectangle) -> Rectangle:
    """A rectangle inside another, in coordinates of the other."""
    (y, x), (to_y, to_x) = rectangle, to
    return (
        slice(y.start - to_y.start, y.stop - to_y.start),
        slice(x.start - to_x.start, x.stop - to_x.start),
    )


def dilate(rectangle: Rectangle, by: int, size: tuple[int, ...]) -> Rectangle:
    """A rectangle with a margin, inside an image of (height, width)."""
    rows, columns = (
        slice(max(span.start - by, 0), min(span.stop + by, limit))
        for span, limit in zip(rectangle, size, strict=True)
    )
    return rows, columns


def intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    """What two rectangles share."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns


def _factors(hole: np.ndarray, labels: np.ndarray, count: int, config: TilingConfig) -> np.ndarray:
    """Down-scaling factor of each connected hole; entry 0, the background, means nothing.

    Powers of the square root of 2, so that a hole of one thickness gets one factor.
    """
    # Beyond the image nothing is known, so its edge does not end a hole: no border is added.
    inside = hole_depth(hole)
    thickness = np.zeros(count)
    np.maximum.at(thickness, labels[hole], inside[hole])
    thickness = np.minimum(thickness, max(hole.shape))  # where nothing at all is known
    steps = np.ceil(2 * np.log2(np.maximum(thickness / config.hole_radius, 1)) - 1e-6)
    return np.sqrt(2.0) ** steps


@dataclass
class _Box:
    """Bounding box of the connected holes with these numbers."""

    top: int
    left: int
    bottom: int
    right: int
    numbers: list[int]

    @classmethod
    def of(cls, stats: np.ndarray, top: int, left: int, number: int) -> _Box:
        x, y, width, height = (int(value) for value in stats[:4])
        return cls(top + y, left + x, top + y + height, left + x + width, [number])

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)

    def joined(self, other: _Box) -> _Box:
        return _Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
            self.numbers + other.numbers,
        )


def _merged(boxes: list[_Box], factor: float, config: TilingConfig) -> list[_Box]:
    """Boxes, joined where two fit into half of the smallest image the network is shown.

    They would be shown much the same pixels, so one forward pass serves them both.
    """
    side = config.min_side / 2 * factor
    merged: list[_Box] = []
    for box in sorted(boxes, key=lambda box: (box.top, box.left)):
        for i, other in enumerate(merged):
            union = box.joined(other)
            if max(union.bottom - union.top, union.right - union.left) <= side:
                merged[i] = union
                break
        else:
            merged.append(box)
    return merged


def _tiles(box: _Box, size: tuple[int, int], factor: float, config: TilingConfig) -> list[Tile]:
    least, most = math.ceil(config.min_side * factor), math.floor(config.max_side * factor)
    rows = _spans(box.top, box.bottom, size[0], least, most)
    columns = _spans(box.left, box.right, size[1], least, most)
    return [Tile((y[0], x[0]), (y[1], x[1])) for y, x in product(rows, columns)]


def _spans(start: int, stop: int, limit: int, least: int, most: int) -> list[tuple[slice, slice]]:
    """Spans (context, core) that cover start to stop on an axis of `limit` pixels.

    One span that shows as much on either side as the hole is long, if `most` allows at least
    a quarter of `least` there; else several whose cores overlap by a quarter.
    """
    length = stop - start
    if length + least // 2 <= most or limit <= most:
        side = min(max(3 * length, least), most)
        return [(_around(start, stop, side, limit), slice(start, stop))]
    inner = most // 2
    step = inner - inner // 4
    count = math.ceil((length - inner) / step) + 1
    firsts = [start + round(i * (length - inner) / max(count - 1, 1)) for i in range(count)]
    return [(_around(a, a + inner, most, limit), slice(a, a + inner)) for a in firsts]


def _around(start: int, stop: int, side: int, limit: int) -> slice:
    """`side` pixels with start to stop in their middle, moved into 0 to limit."""
    side = min(max(side, stop - start), limit)
    first = min(max((start + stop - side) // 2, 0), limit - side)
    return slice(first, first + side)


def _shifted(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)

"""Planning: which holes are filled together, at which scale, and what for.

A network is trained on holes of some sizes, seen in images of some sizes. So every hole is cut
out with its context and, when it is thicker than the network can bridge, scaled down. What
decides is the hole's thickness, not its extent: a wire across a whole photo is filled at full
detail. Neighbouring holes share a tile where that saves work. Holes of a few pixels' width, such as
dust and fine scratches, need no network: what is around them says all.

Time and memory are linear in the size of the image and in the number of holes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import cv2
import numpy as np
from numba import njit

from inpaint.inference.tiling import Region, Tile, TilingConfig, around, tiles_of
from inpaint.utils.distance import hole_depth
from inpaint.utils.rectangles import (
    Rectangle,
    absolute,
    bounding_box,
    dilate,
    halves,
    intersection,
    pieces,
    relative,
)

_CELL = 256  # px; thin holes are filled together in squares of this side
_SPECK = 5  # px; extent of a thin hole that is a speck
_GAP = 64  # px; holes that are farther apart are labelled by themselves
_STEP = 64  # px at the network's scale, in which what a tile sees is made smaller
# Of a fill that only guides texture, at the scale at which the network sees the hole: the least
# depth, px, and the least area, px; and the least factor that is worth it, just below 2.
_GUIDE_RADIUS, _GUIDE_AREA, _GUIDE_FACTOR = 10.0, 10_000, 1.99
_SHARED = (0.25, 0.5, 1.0, 2.0)  # sides of squares whose holes may share a tile, of min_side


def plan_regions(hole: np.ndarray, config: TilingConfig, *, guiding: bool = False) -> list[Region]:
    """How to fill a hole: regions from the thinnest holes to the thickest.

    Each pixel of the hole is in the mask of exactly one region.

    Args:
        hole: (H, W) bool, True = fill.
        config: What the network can do.
        guiding: The fill only guides texture, which has all that is fine: the network sees long
            strokes as small as suffices for their colours.
    """
    box = bounding_box(hole)
    if box is None:
        return []
    # Masks are made where the hole is, not over a whole large photo; one pixel around it is known,
    # and ends the hole.
    frame = dilate(box, 1, hole.shape)
    holes = _Components.of(hole[frame])
    thin = holes.thickness <= config.thin_radius
    speck = thin & (holes.boxes[:, 2:] - holes.boxes[:, :2] <= _SPECK).all(1)
    regions = [
        *_thin_regions(holes, speck, refined=False),
        *_thin_regions(holes, thin & ~speck, refined=True),
    ]
    regions = [replace(region, box=absolute(region.box, frame)) for region in regions]
    size = hole.shape[0], hole.shape[1]
    factors = _factors(holes.thickness, config)
    guides = _guide_factors(holes) if guiding else np.zeros_like(factors)
    coarse = guides > factors
    factors = np.maximum(factors, guides)
    for factor in np.unique(factors[~thin]).tolist():
        chosen = ~thin & (factors == factor)
        for region, shared in _thick_regions(holes, chosen & ~coarse, factor, config):
            region = replace(region, box=absolute(region.box, frame))
            regions.append(_with_tiles(region, size, config, shared=shared))
        for region, _ in _thick_regions(holes, chosen & coarse, factor, config):
            region = replace(region, box=absolute(region.box, frame), guiding=True)
            regions.append(replace(region, tiles=_tiles_along(region, size, config)))
    return regions


@dataclass(frozen=True)
class _Components:
    """Connected holes, N of them."""

    labels: np.ndarray  # (H, W) int32, 0 = no hole, else a hole's number + 1
    boxes: np.ndarray  # (N, 4) int: top, left, bottom, right
    areas: np.ndarray  # (N,) int, px
    thickness: np.ndarray  # (N,) largest distance of a pixel from the nearest one outside, px

    @classmethod
    def of(cls, hole: np.ndarray) -> _Components:
        """Finds them in the pieces of a hole, as empty space costs most of the time."""
        labels = np.zeros(hole.shape, np.int32)
        found: list[tuple[np.ndarray, ...]] = []
        count = 0
        for piece in sorted(pieces(hole, _GAP), key=lambda box: (box[0].start, box[1].start)):
            frame = dilate(piece, 1, hole.shape)
            found.append(_label(np.ascontiguousarray(hole[frame]), frame, count, labels[frame]))
            count += len(found[-1][0])
        boxes, areas, thickness = (np.concatenate(part) for part in zip(*found, strict=True))
        return cls(labels, boxes, areas, thickness)

    def mask(self, box: Rectangle, chosen: np.ndarray) -> np.ndarray:
        """Pixels in a box of the chosen holes, (N + 1,) bool: of their numbers + 1."""
        return _chosen(self.labels[box], chosen)


def _label(
    part: np.ndarray, frame: Rectangle, count: int, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the holes of a part of the image from `count` + 1 on, in `labels`.

    Returns:
        Their boxes in the image, areas and thickness, as in _Components.
    """
    number, own, stats, _ = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=8)
    np.add(own, count, out=labels, where=part)
    # Beyond the image nothing is known, so its edge does not end a hole: no border is added.
    thickness = _largest(hole_depth(part), own, number)[1:]
    thickness = np.minimum(thickness, max(part.shape))  # where nothing at all is known
    x, y, width, height = stats[1:, :4].astype(np.int64).T
    y, x = y + frame[0].start, x + frame[1].start
    return np.stack([y, x, y + height, x + width], 1), stats[1:, 4], thickness


@njit(cache=True, nogil=True)
def _largest(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The largest value below each of the labels 0 to count - 1, at least 0: (count,) float64."""
    largest = np.zeros(count)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            n = labels[y, x]
            if values[y, x] > largest[n]:
                largest[n] = values[y, x]
    return largest


@njit(cache=True, nogil=True)
def _chosen(labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """chosen[labels]: NumPy would need eight bytes a pixel for it."""
    mask = np.empty(labels.shape, np.bool_)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            mask[y, x] = chosen[labels[y, x]]
    return mask


def _factors(thickness: np.ndarray, config: TilingConfig) -> np.ndarray:
    """Down-scaling factor of each hole.

    Powers of the square root of 2, so that a hole of one thickness gets one factor.
    """
    steps = np.ceil(2 * np.log2(np.maximum(thickness / config.hole_radius, 1)) - 1e-6)
    return np.sqrt(2.0) ** steps


def _guide_factors(holes: _Components) -> np.ndarray:
    """The most that each hole may be made smaller for a fill that only guides texture."""
    most = np.minimum(holes.thickness / _GUIDE_RADIUS, np.sqrt(holes.areas / _GUIDE_AREA))
    factors = np.sqrt(2.0) ** np.floor(2 * np.log2(np.maximum(most, 1)) + 1e-6)
    return np.where(factors >= _GUIDE_FACTOR, factors, 1)


def _thin_regions(holes: _Components, chosen: np.ndarray, *, refined: bool) -> Iterator[Region]:
    """The chosen holes cut into squares, without tiles."""
    if not chosen.any():
        return
    height, width = holes.labels.shape
    mask = holes.mask((slice(0, height), slice(0, width)), np.concatenate([[False], chosen]))
    for y in range(0, height, _CELL):
        for x in range(0, width, _CELL):
            cell = mask[y : y + _CELL, x : x + _CELL]
            inner = bounding_box(cell)
            if inner is not None:
                box = absolute(inner, (slice(y, y + _CELL), slice(x, x + _CELL)))
                yield Region.of(1.0, box, cell[inner], [], refined=refined)


def _thick_regions(
    holes: _Components, chosen: np.ndarray, factor: float, config: TilingConfig
) -> Iterator[tuple[Region, bool]]:
    """The chosen holes, joined where they share a tile, and whether they do; without tiles yet."""
    numbers = np.flatnonzero(chosen).tolist()
    groups: list[_Group] = [
        ([number], (top, left, bottom, right))
        for number, (top, left, bottom, right) in zip(
            numbers, holes.boxes[chosen].tolist(), strict=True
        )
    ]
    for share in _SHARED:
        groups = _joined(groups, share * config.min_side * factor, factor, config)
    members = np.zeros(len(holes.boxes) + 1, bool)
    for numbers, (top, left, bottom, right) in groups:
        box = (slice(top, bottom), slice(left, right))
        members[np.array(numbers) + 1] = True
        mask = holes.mask(box, members)
        members[np.array(numbers) + 1] = False
        yield Region.of(factor, box, mask, []), len(numbers) > 1


_Box = tuple[int, int, int, int]  # top, left, bottom, right; NumPy is slow for many small ones
_Group = tuple[list[int], _Box]  # numbers of holes, and their box


def _joined(groups: list[_Group], side: float, factor: float, config: TilingConfig) -> list[_Group]:
    """Groups whose top left corners lie in one square of this side are joined, where that is less
    work for the network than to fill each by itself."""
    cells: dict[tuple[int, int], list[_Group]] = {}
    for group in groups:
        top, left = group[1][:2]
        cells.setdefault((int(top // side), int(left // side)), []).append(group)
    result: list[_Group] = []
    for members in cells.values():
        tops, lefts, bottoms, rights = zip(*(box for _, box in members), strict=True)
        union = min(tops), min(lefts), max(bottoms), max(rights)
        apart = sum(_network_work(box, len(n) > 1, factor, config) for n, box in members)
        if len(members) > 1 and _network_work(union, True, factor, config) <= apart:
            result.append((list(chain.from_iterable(numbers for numbers, _ in members)), union))
        else:
            result += members
    return result


def _network_work(box: _Box, shared: bool, factor: float, config: TilingConfig) -> float:
    """About as many pixels as the network sees for a box."""
    work = 1.0
    for length in ((box[2] - box[0]) / factor, (box[3] - box[1]) / factor):
        work *= max(length + config.min_side / 2 if shared else 3 * length, config.min_side)
    return work


def _with_tiles(
    region: Region, size: tuple[int, int], config: TilingConfig, *, shared: bool
) -> Region:
    """The region with the tiles of its box that hold some of its mask. shared: See tiles_of."""
    mask = region.mask
    tiles = tiles_of(region.box, size, region.factor, config, shared=shared)
    trimmed = (_trimmed(tile, region, mask, config) for tile in tiles)
    return replace(region, tiles=[tile for tile in trimmed if tile is not None])


def _tiles_along(region: Region, size: tuple[int, int], config: TilingConfig) -> list[Tile]:
    """Tiles that show a region's mask and at least max_side / 8 around it.

    The region's box is halved until the part of the hole in each half fits into a tile, so that
    the tiles of strokes follow them.
    """
    margin = round(config.max_side * region.factor / 8)
    mask = region.mask
    tiles, parts = [], [region.box]
    while parts:
        part = parts.pop()
        inside = bounding_box(mask[relative(part, region.box)])
        if inside is None:
            continue
        core = absolute(inside, part)
        least, step = config.min_side * region.factor, _STEP * region.factor
        context = around(core, margin, least, step, size)
        lengths = [span.stop - span.start for span in context]
        longer = int(lengths[1] > lengths[0])
        whole = lengths[0] * lengths[1] <= (config.max_side * region.factor) ** 2
        if whole or core[longer].stop - core[longer].start <= 2 * margin:
            core = intersection(dilate(core, margin // 4, size), region.box)
            tiles.append(Tile(context, core))
        else:
            parts += reversed(halves(core, longer))
    return tiles


def _trimmed(tile: Tile, region: Region, mask: np.ndarray, config: TilingConfig) -> Tile | None:
    """The tile with the part of its core that holds a hole, and about max_side / 4 around it.

    Of the box of a slanted stroke most tiles hold little of it, or nothing: None.
    """
    inside = bounding_box(mask[relative(tile.core, region.box)])
    if inside is None:
        return None
    core = absolute(inside, tile.core)
    # Few different sizes, because kernels are made for each.
    step = round(_STEP * region.factor)
    margin = math.ceil(config.max_side * region.factor / 4)
    spans = []
    for context, own in zip(tile.context, core, strict=True):
        before = max(own.start - context.start - margin, 0) // step * step
        after = max(context.stop - own.stop - margin, 0) // step * step
        seen = slice(context.start + before, context.stop - after)
        enough = seen.stop - seen.start >= config.min_side * region.factor
        spans.append(seen if enough else context)
    return Tile((spans[0], spans[1]), core)

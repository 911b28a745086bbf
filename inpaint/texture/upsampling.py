"""Upsampling of a shift map: pieces keep their offsets, seams between them move."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from inpaint.texture.features import Features, feature_distance
from inpaint.texture.pyramid import Level, is_source
from inpaint.texture.shift_map import BOUNDARY, MAX_DATA_COST, boundary_seam, seam

_SWEEPS = 3


def upsample(coarse: np.ndarray, level: Level, features: Features, halvings: int) -> np.ndarray:
    """The shift map of a level, refined, from that of half its size: (H, W, 2) int16.

    Args:
        coarse: Of the next level, (H / 2, W / 2, 2) int16.
        level, features, halvings: As for `refine`.
    """
    offsets = np.zeros((*level.size, 2), np.int16)
    _double(coarse, level.hole, row_spans(level.hole), offsets)
    refine(offsets, level, features, halvings)
    return offsets


def refine(offsets: np.ndarray, level: Level, features: Features, halvings: int) -> None:
    """Move the seams of a shift map, in place.

    Each pixel beside a seam takes the offset of a neighbour, or one a pixel away from its own,
    where that makes the sum of data and seams smaller (iterated conditional modes, Besag 1986).
    A pixel for which no source is found this way gets the offset 0: it keeps the fill it has.

    Args:
        offsets: (H, W, 2) int16, the shift map.
        level: Of its size.
        features: Of the coarsest level.
        halvings: How many there are from this level to the coarsest.
    """
    _refine(
        level.image, level.hole, level.known, level.source, row_spans(level.hole),
        features.colours, features.texture, halvings, offsets,
    )  # fmt: skip


def add_upsampled(image: np.ndarray, hole: np.ndarray, change: np.ndarray, scale: int) -> None:
    """Add a coarse change to the image's hole, in place, bilinearly; the result stays in [0, 1].

    Args:
        image: (H, W, 3) float32.
        hole: (H, W) bool.
        change: (H / scale, W / scale, 3) float32, rounded up.
        scale: Pixels of the image below one of the change.
    """
    _add_upsampled(image, hole, row_spans(hole), change, scale)


@njit(cache=True, nogil=True)
def _add_upsampled(
    image: np.ndarray, hole: np.ndarray, spans: np.ndarray, change: np.ndarray, scale: int
) -> None:
    last_row, last_column = change.shape[0] - 1, change.shape[1] - 1
    for y in range(len(hole)):
        row = min(max((y + 0.5) / scale - 0.5, 0.0), last_row)
        top = int(row)
        down, bottom = row - top, min(top + 1, last_row)
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            column = min(max((x + 0.5) / scale - 0.5, 0.0), last_column)
            left = int(column)
            across, right = column - left, min(left + 1, last_column)
            for c in range(3):
                above = (1 - across) * change[top, left, c] + across * change[top, right, c]
                below = (1 - across) * change[bottom, left, c] + across * change[bottom, right, c]
                value = image[y, x, c] + (1 - down) * above + down * below
                image[y, x, c] = min(max(value, 0.0), 1.0)


@njit(cache=True, nogil=True)
def row_spans(hole: np.ndarray) -> np.ndarray:
    """Of each row, the first column with a hole and the one after the last: (H, 2) int32."""
    spans = np.zeros((len(hole), 2), np.int32)
    for y in range(len(hole)):
        for x in range(hole.shape[1]):
            if hole[y, x]:
                if spans[y, 1] == 0:
                    spans[y, 0] = x
                spans[y, 1] = x + 1
    return spans


@njit(cache=True, nogil=True)
def _double(coarse: np.ndarray, hole: np.ndarray, spans: np.ndarray, offsets: np.ndarray) -> None:
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                offsets[y, x, 0] = 2 * coarse[y // 2, x // 2, 0]
                offsets[y, x, 1] = 2 * coarse[y // 2, x // 2, 1]


@njit(cache=True, nogil=True)
def _refine(
    image: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    source: np.ndarray,
    spans: np.ndarray,
    colours: np.ndarray,
    texture: np.ndarray,
    halvings: int,
    offsets: np.ndarray,
) -> None:
    height = len(hole)
    tried = np.zeros((9, 2), np.int64)
    settled = np.zeros(hole.shape, np.bool_)  # would choose as before
    for sweep in range(_SWEEPS):
        for i in range(height):
            y = i if sweep % 2 == 0 else height - 1 - i
            for j in range(spans[y, 0], spans[y, 1]):
                x = j if sweep % 2 == 0 else spans[y, 0] + spans[y, 1] - 1 - j
                if settled[y, x] or not hole[y, x]:
                    continue
                settled[y, x] = True
                count = _candidates(offsets, hole, known, source, y, x, tried)
                if count == 0:
                    continue
                best, best_cost = -1, 1e30
                coarse_y, coarse_x = y >> halvings, x >> halvings
                row = column = -1
                for k in range(count):
                    dy, dx = tried[k]
                    if not is_source(source, y + dy, x + dx):
                        continue
                    v, u = (y + dy) >> halvings, (x + dx) >> halvings
                    if v != row or u != column:  # else the data cost is the last one
                        row, column = v, u
                        squares = feature_distance(colours, texture, coarse_y, coarse_x, v, u)
                        data = min(math.sqrt(squares), MAX_DATA_COST)
                    cost = _cost(image, hole, known, offsets, y, x, dy, dx, data, best_cost)
                    if cost < best_cost - 1e-7:
                        best, best_cost = k, cost
                if best > 0:
                    offsets[y, x, 0] = tried[best, 0]
                    offsets[y, x, 1] = tried[best, 1]
                    settled[y, max(x - 1, 0) : x + 2] = False
                    settled[max(y - 1, 0) : y + 2, x] = False
    for y in range(height):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x] and not is_source(source, y + offsets[y, x, 0], x + offsets[y, x, 1]):
                offsets[y, x] = 0


@njit(cache=True, nogil=True)
def _candidates(
    offsets: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    source: np.ndarray,
    y: int,
    x: int,
    tried: np.ndarray,
) -> int:
    """Write the offsets to try for a pixel, its own first; how many, 0 inside a piece."""
    height, width = hole.shape
    dy, dx = int(offsets[y, x, 0]), int(offsets[y, x, 1])
    tried[0, 0], tried[0, 1] = dy, dx
    count = 1
    inside = is_source(source, y + dy, x + dx)
    for side in range(4):
        v, u = y + (-1, 0, 1, 0)[side], x + (0, -1, 0, 1)[side]
        if v < 0 or u < 0 or v >= height or u >= width:
            continue
        if not hole[v, u]:
            inside = inside and not known[v, u]
        elif offsets[v, u, 0] != dy or offsets[v, u, 1] != dx:
            inside = False
            tried[count, 0], tried[count, 1] = offsets[v, u, 0], offsets[v, u, 1]
            count += 1
    if inside:
        return 0
    for side in range(4):
        tried[count, 0] = dy + (-1, 0, 1, 0)[side]
        tried[count, 1] = dx + (0, -1, 0, 1)[side]
        count += 1
    return count


@njit(cache=True, nogil=True)
def _cost(
    image: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    offsets: np.ndarray,
    y: int,
    x: int,
    dy: int,
    dx: int,
    cost: float,
    limit: float,
) -> float:
    """A data cost and the seams of one pixel with an offset; any sum from `limit` on is as good."""
    height, width = hole.shape
    if cost >= limit:
        return cost
    cost += BOUNDARY * boundary_seam(image, known, y, x, dy, dx)
    for side in range(4):
        if cost >= limit:
            return cost
        v, u = y + (-1, 0, 1, 0)[side], x + (0, -1, 0, 1)[side]
        if v >= 0 and u >= 0 and v < height and u < width and hole[v, u]:
            cost += seam(image, y, x, dy, dx, v, u, offsets[v, u, 0], offsets[v, u, 1])
    return cost

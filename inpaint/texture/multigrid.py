"""The screened Poisson equation of a hole, by multigrid that is fine only where it needs to be.

At each pixel p of the hole

    sum over its neighbours q in the hole of (c_p - c_q)  +  screening_p c_p  =  rhs_p

A solution is smooth except beside what makes the right side rough. So the grid of a scale is
solved at its active pixels only; around them it has the values of the next coarser grid, whose
active pixels reach farther: the full approximation scheme on grids of different extents (Brandt,
"Multi-level adaptive solutions to boundary-value problems", 1977).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from inpaint.texture.features import dilate
from inpaint.texture.upsampling import row_spans

_CYCLES = 3
_SMOOTHING = 3  # sweeps at each scale
_PIXELS = 100  # most of the hole at the coarsest scale
_COARSEST = 40  # most sweeps there
_SMALL = 1e-4  # change of a value at which these end
_REACH = 3  # pixels of the next grid around the rough ones up to which a grid is active
_HOLE, ACTIVE, _SURROUNDED = 1, 2, 4  # bits of a pixel's kind
_EDGES = 3  # the bit from which on it holds the number of its known neighbours


@dataclass(frozen=True)
class Grid:
    """The equation at one scale.

    All but `screening` and `spans` have an even size, one more than the hole where that is odd.

    Attributes:
        spans: (H, 2) int32, see row_spans.
        kind: (H, W) uint8, bits: hole, active, all four neighbours are hole; 8 times the number of
            its known neighbours.
        runs: (N, 3) int32, row, first column and the one after the last, of active pixels and
            those beside them.
        blocks: (N, 3) int32, the same of the next grid's pixels that have active ones below them.
        screening: (H / 2^halvings, W / 2^halvings) float32, without the known neighbours.
        halvings: Of the screening.
        rhs: (H, W) float32, where active.
        c: (H, W) float32; of the finest grid, where it is active.
        correction: (H, W) float32, of c since the finer grid gave it; empty for the finest.
    """

    spans: np.ndarray
    kind: np.ndarray
    runs: np.ndarray
    blocks: np.ndarray
    screening: np.ndarray
    halvings: int
    rhs: np.ndarray
    c: np.ndarray
    correction: np.ndarray

    def clear(self) -> None:
        """Start anew, for another right side."""
        _clear(self.spans, self.rhs)
        if self.correction.size:
            _clear(self.spans, self.c)
            _clear(self.spans, self.correction)
        else:  # of the finest, what is never written to takes no memory
            _clear_runs(self.runs, self.c)


def make_grids(
    hole: np.ndarray,
    known: np.ndarray,
    rough: np.ndarray,
    screening: np.ndarray,
    halvings: int,
) -> list[Grid]:
    """The grids of a hole, the finest first.

    Args:
        hole: (H, W) bool.
        known: (H, W) bool: where c is 0. What is neither has no part.
        rough: (H / 2, W / 2) bool, rounded up: where c may be rough.
        screening: (H / 2^halvings, W / 2^halvings) float32.
        halvings: Of the screening, for the finest.
    """
    grids: list[Grid] = []
    while True:
        last = np.count_nonzero(hole) <= _PIXELS
        active = np.ones_like(rough) if last else dilate(rough, _REACH)
        kind = _kinds(hole, known, active)
        sizes = kind.shape, kind.shape, kind.shape if grids else (0, 0)
        values = [np.zeros(size, np.float32) for size in sizes]
        runs, blocks = _runs(_with_neighbours(kind)), _runs(_active_blocks(kind))
        grids.append(Grid(row_spans(hole), kind, runs, blocks, screening, halvings, *values))
        if last:
            return grids
        hole, rough = _halved(hole), _halved(rough)
        known = np.zeros_like(hole)  # its edges are part of the screening from here on
        screening, halvings = _coarser_screening(grids[-1], hole.shape), 0


def solve(grids: list[Grid]) -> None:
    """Solve for each grid's c, from the right side in the finest one's `rhs`; on cleared grids.

    Where the finest is not active, the next one's c holds all there is to know.
    """
    for finer, coarser in pairwise(grids):
        _add_up(finer.spans, finer.rhs, coarser.rhs)
    for cycle in range(_CYCLES if len(grids) > 1 else 1):
        _cycle(grids, first=cycle == 0)
    for coarser, finer in pairwise(grids[:0:-1]):
        _fill_inactive(finer.spans, finer.kind, coarser.c, finer.c)


def _cycle(grids: list[Grid], *, first: bool) -> None:
    grid = grids[0]
    equation = grid.kind, grid.runs, grid.screening, grid.halvings, grid.rhs, grid.c
    if len(grids) == 1:
        for _ in range(_COARSEST):
            if _smooth(*equation) < _SMALL:
                break
        return
    coarser = grids[1]
    if not first:
        _restrict(grid.kind, grid.blocks, grid.c, coarser.c)
        _copy(coarser.spans, coarser.c, coarser.correction)
        _restrict_rhs(
            grid.kind, grid.blocks, *equation[2:], coarser.kind, coarser.screening, coarser.c,
            coarser.rhs,
        )  # fmt: skip
    _cycle(grids[1:], first=first)
    _subtract_from(coarser.spans, coarser.c, coarser.correction)
    _correct(grid.runs, coarser.correction, grid.c)
    for _ in range(_SMOOTHING):
        _smooth(*equation)


@njit(cache=True, nogil=True)
def _kinds(hole: np.ndarray, known: np.ndarray, active: np.ndarray) -> np.ndarray:
    height, width = hole.shape
    kind = np.zeros((height + (height & 1), width + (width & 1)), np.uint8)
    for y in range(height):
        for x in range(width):
            if not hole[y, x]:
                continue
            around = edges = 0
            for side in range(4):
                v, u = y + (-1, 0, 0, 1)[side], x + (0, -1, 1, 0)[side]
                if v >= 0 and u >= 0 and v < height and u < width:
                    around += hole[v, u]
                    edges += known[v, u]
            bits = _HOLE + (edges << _EDGES)
            if around == 4:
                bits += _SURROUNDED
            if active[y >> 1, x >> 1]:
                bits += ACTIVE
            kind[y, x] = bits
    return kind


@njit(cache=True, nogil=True)
def _with_neighbours(kind: np.ndarray) -> np.ndarray:
    """Pixels of the hole that are active or beside one that is: (H, W) bool."""
    height, width = kind.shape
    found = np.zeros(kind.shape, np.bool_)
    for y in range(height):
        for x in range(width):
            bits = kind[y, x]
            if x > 0:
                bits |= kind[y, x - 1]
            if y > 0:
                bits |= kind[y - 1, x]
            if x + 1 < width:
                bits |= kind[y, x + 1]
            if y + 1 < height:
                bits |= kind[y + 1, x]
            found[y, x] = kind[y, x] > 0 and bits & ACTIVE > 0
    return found


@njit(cache=True, nogil=True)
def _active_blocks(kind: np.ndarray) -> np.ndarray:
    """Whether any of four pixels is active: (H / 2, W / 2) bool."""
    found = np.zeros((kind.shape[0] // 2, kind.shape[1] // 2), np.bool_)
    for y in range(kind.shape[0]):
        for x in range(kind.shape[1]):
            found[y >> 1, x >> 1] |= kind[y, x] & ACTIVE > 0
    return found


@njit(cache=True, nogil=True)
def _runs(used: np.ndarray) -> np.ndarray:
    """Of the runs of True in rows: row, first column and the one after the last: (N, 3) int32."""
    found = []
    for y in range(used.shape[0]):
        start = -1
        for x in range(used.shape[1]):
            if used[y, x] and start < 0:
                start = x
            elif not used[y, x] and start >= 0:
                found.append((y, start, x))
                start = -1
        if start >= 0:
            found.append((y, start, used.shape[1]))
    runs = np.empty((len(found), 3), np.int32)
    for n in range(len(found)):
        runs[n, 0], runs[n, 1], runs[n, 2] = found[n]
    return runs


@njit(cache=True, nogil=True)
def _halved(values: np.ndarray) -> np.ndarray:
    """Whether any of the four pixels below one of half the size is True."""
    half = np.zeros(((values.shape[0] + 1) // 2, (values.shape[1] + 1) // 2), np.bool_)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            half[y >> 1, x >> 1] |= values[y, x]
    return half


def _coarser_screening(grid: Grid, size: tuple[int, ...]) -> np.ndarray:
    screening = np.zeros(size, np.float32)
    _add_screening(grid.kind, grid.screening, grid.halvings, screening)
    return screening


@njit(cache=True, nogil=True)
def _add_screening(
    kind: np.ndarray, screening: np.ndarray, halvings: int, coarse: np.ndarray
) -> None:
    for y in range(kind.shape[0]):
        for x in range(kind.shape[1]):
            if kind[y, x]:
                own = (kind[y, x] >> _EDGES) + screening[y >> halvings, x >> halvings]
                coarse[y >> 1, x >> 1] += own


@njit(cache=True, nogil=True)
def _add_up(spans: np.ndarray, fine: np.ndarray, coarse: np.ndarray) -> None:
    for y in range(len(spans)):
        for x in range(spans[y, 0], spans[y, 1]):
            coarse[y >> 1, x >> 1] += fine[y, x]


@njit(cache=True, nogil=True)
def _clear(spans: np.ndarray, values: np.ndarray) -> None:
    for y in range(len(spans)):
        values[y, spans[y, 0] : spans[y, 1]] = 0


@njit(cache=True, nogil=True)
def _clear_runs(runs: np.ndarray, values: np.ndarray) -> None:
    for n in range(len(runs)):
        values[runs[n, 0], runs[n, 1] : runs[n, 2]] = 0


@njit(cache=True, nogil=True)
def _copy(spans: np.ndarray, source: np.ndarray, target: np.ndarray) -> None:
    for y in range(len(spans)):
        for x in range(spans[y, 0], spans[y, 1]):
            target[y, x] = source[y, x]


@njit(cache=True, nogil=True)
def _subtract_from(spans: np.ndarray, source: np.ndarray, target: np.ndarray) -> None:
    """target = source - target."""
    for y in range(len(spans)):
        for x in range(spans[y, 0], spans[y, 1]):
            target[y, x] = source[y, x] - target[y, x]


@njit(cache=True, nogil=True)
def _around(kind: np.ndarray, c: np.ndarray, y: int, x: int) -> tuple[float, int]:
    """The sum of c over the neighbours in the hole, and their number."""
    total, count = np.float32(0.0), 0
    for side in range(4):
        v, u = y + (-1, 0, 0, 1)[side], x + (0, -1, 1, 0)[side]
        if v >= 0 and u >= 0 and v < kind.shape[0] and u < kind.shape[1] and kind[v, u]:
            total += c[v, u]
            count += 1
    return total, count


@njit(cache=True, nogil=True)
def _smooth(
    kind: np.ndarray,
    runs: np.ndarray,
    screening: np.ndarray,
    halvings: int,
    rhs: np.ndarray,
    c: np.ndarray,
) -> float:
    """One red-black Gauss-Seidel sweep; the largest change."""
    largest = np.float32(0.0)
    for colour in range(2):
        for n in range(len(runs)):
            y, first, end = runs[n]
            for x in range(first + (first + y + colour) % 2, end, 2):
                bits = kind[y, x]
                if not bits & ACTIVE:
                    continue
                own = screening[y >> halvings, x >> halvings]
                if bits & _SURROUNDED:
                    total = c[y - 1, x] + c[y, x - 1] + c[y + 1, x] + c[y, x + 1]
                    value = (rhs[y, x] + total) / (np.float32(4.0) + own)
                else:
                    total, count = _around(kind, c, y, x)
                    count += bits >> _EDGES
                    value = np.float32((rhs[y, x] + total) / (count + own))
                largest = max(largest, abs(value - c[y, x]))
                c[y, x] = value
    return largest


@njit(cache=True, nogil=True)
def _applied(
    kind: np.ndarray, screening: np.ndarray, halvings: int, c: np.ndarray, y: int, x: int
) -> float:
    """The left side at a pixel."""
    total, count = _around(kind, c, y, x)
    count += kind[y, x] >> _EDGES
    return np.float32((count + screening[y >> halvings, x >> halvings]) * c[y, x] - total)


@njit(cache=True, nogil=True)
def _restrict(kind: np.ndarray, blocks: np.ndarray, c: np.ndarray, coarse: np.ndarray) -> None:
    """Give the coarser grid the mean of c where the grid is active."""
    for n in range(len(blocks)):
        v, first, end = blocks[n]
        for u in range(first, end):
            y, x = 2 * v, 2 * u
            count = (kind[y, x] > 0) + (kind[y, x + 1] > 0)
            count += (kind[y + 1, x] > 0) + (kind[y + 1, x + 1] > 0)
            total = c[y, x] + c[y, x + 1] + c[y + 1, x] + c[y + 1, x + 1]
            coarse[v, u] = total / np.float32(count)


@njit(cache=True, nogil=True)
def _restrict_rhs(
    kind: np.ndarray,
    blocks: np.ndarray,
    screening: np.ndarray,
    halvings: int,
    rhs: np.ndarray,
    c: np.ndarray,
    coarse_kind: np.ndarray,
    coarse_screening: np.ndarray,
    coarse: np.ndarray,
    coarse_rhs: np.ndarray,
) -> None:
    """Where the grid is active: the coarser grid's left side for c, and the sum of residuals."""
    for n in range(len(blocks)):
        v, first, end = blocks[n]
        for u in range(first, end):
            total = np.float32(_applied(coarse_kind, coarse_screening, 0, coarse, v, u))
            for y in range(2 * v, 2 * v + 2):
                for x in range(2 * u, 2 * u + 2):
                    if kind[y, x] & _SURROUNDED:  # nearly all; a call would take longer
                        around = c[y - 1, x] + c[y, x - 1] + c[y + 1, x] + c[y, x + 1]
                        own = np.float32(4.0) + screening[y >> halvings, x >> halvings]
                        total += rhs[y, x] - own * c[y, x] + around
                    elif kind[y, x]:
                        total += rhs[y, x] - _applied(kind, screening, halvings, c, y, x)
            coarse_rhs[v, u] = total


@njit(cache=True, nogil=True)
def interpolate(coarse: np.ndarray, y: int, x: int) -> float:
    """The coarser grid's values, (H / 2, W / 2), at a pixel of the finer one, bilinearly."""
    v, u = y >> 1, x >> 1
    w = min(max(v - 1 + 2 * (y & 1), 0), coarse.shape[0] - 1)
    s = min(max(u - 1 + 2 * (x & 1), 0), coarse.shape[1] - 1)
    beside = coarse[v, s] + coarse[w, u]
    return np.float32(0.0625) * (
        np.float32(9.0) * coarse[v, u] + np.float32(3.0) * beside + coarse[w, s]
    )


@njit(cache=True, nogil=True)
def _correct(runs: np.ndarray, correction: np.ndarray, c: np.ndarray) -> None:
    for n in range(len(runs)):
        y, first, end = runs[n]
        for x in range(first, end):
            c[y, x] += interpolate(correction, y, x)


@njit(cache=True, nogil=True)
def _fill_inactive(spans: np.ndarray, kind: np.ndarray, coarse: np.ndarray, c: np.ndarray) -> None:
    for y in range(len(spans)):
        for x in range(spans[y, 0], spans[y, 1]):
            if kind[y, x] and not kind[y, x] & ACTIVE:
                c[y, x] = interpolate(coarse, y, x)

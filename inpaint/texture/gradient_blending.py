"""Pieces of an image joined without seams, at the colours of a soft fill.

The copied pixels C have the right texture and wrong brightness here and there; the soft fill N has
the right colours and no texture. The result u = C + c takes gradients from the first and, over more
than a distance L, colours from the second:

    minimise  sum over neighbours (u_p - u_q - g_pq)^2 + sum over p of (u_p - N_p)^2 / L_p^2

with u as known beside the hole and g_pq the difference of the two pixels in their source; between
two pieces, the mean of what both sources say. Without the second sum this is Poisson blending
(Perez, Gangnet and Blake, "Poisson image editing", SIGGRAPH 2003); with it, detail that is finer
than L is kept and the rest goes to N (screened Poisson: Bhat et al., ECCV 2008). L grows with the
depth of the hole, as the softness of N does. Solved for c by multigrid, one colour at a time, which
needs 20 bytes for a hole pixel. A coarser grid knows the hole's boundary only roughly, so its
correction can be too long; it is taken as far as it makes the sum above smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from inpaint.texture.upsampling import row_spans

_CYCLES = 3
_SMOOTHING = 3  # sweeps at each scale
_COARSEST = 40  # most sweeps at the coarsest scale
_SMALL = 1e-4  # change of a colour at which these end


def blend(
    image: np.ndarray,
    offsets: np.ndarray,
    masks: list[tuple[np.ndarray, np.ndarray]],
    length: np.ndarray,
    halvings: int = 0,
    gain: float = 1.0,
    on_progress: Callable[[float], object] | None = None,
) -> None:
    """Give the hole of the image the pixels that the shift map copies, blended.

    Args:
        image: (H, W, 3) float32, with the soft fill N. Its hole is written to.
        offsets: (H, W, 2) int16, the shift map; 0 = keep N.
        masks: (H, W) bool each, hole and known, of the image and of halves of it.
        length: (H / 2^n, W / 2^n) float32, L in pixels of the image.
        halvings: n.
        gain: Of the copied gradients.
        on_progress: Called after each colour with the share that is done.
    """
    grids = _grids(masks, length, halvings)
    finest = grids[0]
    for channel in range(3):
        _seams(
            image, offsets, channel, gain, finest.hole, finest.known, finest.spans,
            finest.screening, finest.rhs,
        )  # fmt: skip
        _clear(finest.hole, finest.spans, finest.c)
        for _ in range(_CYCLES if len(grids) > 1 else 1):
            _cycle(grids)
        _apply(image, offsets, channel, finest.hole, finest.spans, finest.c)
        if on_progress is not None:
            on_progress((channel + 1) / 3)


@dataclass(frozen=True)
class _Grid:
    """The equations at one scale: the sum over neighbours of c_p - c_q, and screening * c, is rhs.

    c is 0 where known; what is neither hole nor known has no part.
    """

    hole: np.ndarray
    known: np.ndarray
    spans: np.ndarray
    screening: np.ndarray  # (H, W) float32, 1 / L^2
    rhs: np.ndarray  # (H, W) float32
    c: np.ndarray  # (H, W) float32
    correction: np.ndarray  # (H, W) float32


def _grids(
    masks: list[tuple[np.ndarray, np.ndarray]], length: np.ndarray, halvings: int
) -> list[_Grid]:
    # Zeros that are never written take no memory, so large images with small holes are cheap.
    grids: list[_Grid] = []
    for hole, known in masks:
        spans = row_spans(hole)
        screening, rhs, c, correction = (np.zeros(hole.shape, np.float32) for _ in range(4))
        if grids:
            finer = grids[-1]
            _add_up(finer.screening, finer.hole, finer.spans, screening)
        else:
            _screen(hole, spans, length, halvings, screening)
        grids.append(_Grid(hole, known, spans, screening, rhs, c, correction))
    return grids


def _cycle(grids: list[_Grid]) -> None:
    """One multigrid cycle from the first grid's c, of which the others' are corrections."""
    grid = grids[0]
    arrays = grid.hole, grid.known, grid.spans, grid.screening, grid.rhs, grid.c
    if len(grids) == 1:
        for _ in range(_COARSEST):
            if _smooth(*arrays) < _SMALL:
                break
        return
    coarser = grids[1]
    _clear(coarser.hole, coarser.spans, coarser.rhs)
    _clear(coarser.hole, coarser.spans, coarser.c)
    _add_residual(*arrays, coarser.rhs)
    _cycle(grids[1:])
    _interpolate(grid.hole, grid.spans, coarser.hole, coarser.known, coarser.c, grid.correction)
    _correct(*arrays, grid.correction)
    for _ in range(_SMOOTHING):
        _smooth(*arrays)


@njit(cache=True, nogil=True)
def _clear(hole: np.ndarray, spans: np.ndarray, values: np.ndarray) -> None:
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                values[y, x] = 0


@njit(cache=True, nogil=True)
def _screen(
    hole: np.ndarray,
    spans: np.ndarray,
    length: np.ndarray,
    halvings: int,
    screening: np.ndarray,
) -> None:
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                screening[y, x] = 1 / length[y >> halvings, x >> halvings] ** 2


@njit(cache=True, nogil=True)
def _seams(
    image: np.ndarray,
    offsets: np.ndarray,
    channel: int,
    gain: float,
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    screening: np.ndarray,
    rhs: np.ndarray,
) -> None:
    """The right side: what c has to make up for between pieces, and to N."""
    height, width = hole.shape
    for y in range(height):
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            dy, dx = int(offsets[y, x, 0]), int(offsets[y, x, 1])
            copied = image[y + dy, x + dx, channel]
            total = screening[y, x] * (image[y, x, channel] - copied)
            for side in range(4):
                v, u = y + (-1, 0, 1, 0)[side], x + (0, -1, 0, 1)[side]
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                beside = image[_inside(v + dy, height), _inside(u + dx, width), channel]
                wanted = gain * (copied - beside)
                if known[v, u]:
                    total += image[v, u, channel] + wanted - copied
                elif hole[v, u]:
                    ey, ex = int(offsets[v, u, 0]), int(offsets[v, u, 1])
                    other = image[v + ey, u + ex, channel]
                    if ey != dy or ex != dx:
                        here = image[_inside(y + ey, height), _inside(x + ex, width), channel]
                        wanted = 0.5 * (wanted + gain * (here - other))
                    total += wanted - (copied - other)
            rhs[y, x] = total


@njit(cache=True, nogil=True)
def _inside(index: int, length: int) -> int:
    return min(max(index, 0), length - 1)


@njit(cache=True, nogil=True)
def _apply(
    image: np.ndarray,
    offsets: np.ndarray,
    channel: int,
    hole: np.ndarray,
    spans: np.ndarray,
    c: np.ndarray,
) -> None:
    # Sources are known pixels and are not written to; a pixel with the offset 0 is its own.
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                copied = image[y + offsets[y, x, 0], x + offsets[y, x, 1], channel]
                image[y, x, channel] = min(max(copied + c[y, x], 0.0), 1.0)


@njit(cache=True, nogil=True)
def _beside(
    hole: np.ndarray, known: np.ndarray, c: np.ndarray, y: int, x: int
) -> tuple[float, int]:
    """The sum of c over the neighbours that take part, and their number."""
    total, count = 0.0, 0
    if y > 0:
        if hole[y - 1, x]:
            total += c[y - 1, x]
            count += 1
        elif known[y - 1, x]:
            count += 1
    if x > 0:
        if hole[y, x - 1]:
            total += c[y, x - 1]
            count += 1
        elif known[y, x - 1]:
            count += 1
    if y + 1 < hole.shape[0]:
        if hole[y + 1, x]:
            total += c[y + 1, x]
            count += 1
        elif known[y + 1, x]:
            count += 1
    if x + 1 < hole.shape[1]:
        if hole[y, x + 1]:
            total += c[y, x + 1]
            count += 1
        elif known[y, x + 1]:
            count += 1
    return total, count


@njit(cache=True, nogil=True)
def _surrounded(hole: np.ndarray, y: int, x: int) -> bool:
    """Whether all four neighbours are hole pixels, as those of nearly all are."""
    if y < 1 or x < 1 or y + 1 >= hole.shape[0] or x + 1 >= hole.shape[1]:
        return False
    return bool(hole[y - 1, x] and hole[y, x - 1] and hole[y + 1, x] and hole[y, x + 1])


@njit(cache=True, nogil=True)
def _smooth(
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    screening: np.ndarray,
    rhs: np.ndarray,
    c: np.ndarray,
) -> float:
    """One red-black Gauss-Seidel sweep; the largest change."""
    largest = np.float32(0.0)
    for colour in range(2):
        for y in range(len(hole)):
            first = spans[y, 0] + (spans[y, 0] + y + colour) % 2
            for x in range(first, spans[y, 1], 2):
                if not hole[y, x]:
                    continue
                if _surrounded(hole, y, x):
                    total = c[y - 1, x] + c[y, x - 1] + c[y + 1, x] + c[y, x + 1]
                    value = (rhs[y, x] + total) / (np.float32(4.0) + screening[y, x])
                else:
                    around, count = _beside(hole, known, c, y, x)
                    value = np.float32((rhs[y, x] + around) / (count + screening[y, x]))
                largest = max(largest, abs(value - c[y, x]))
                c[y, x] = value
    return largest


@njit(cache=True, nogil=True)
def _add_up(fine: np.ndarray, hole: np.ndarray, spans: np.ndarray, coarse: np.ndarray) -> None:
    """Add the values of hole pixels to those of the pixels twice as large."""
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                coarse[y // 2, x // 2] += fine[y, x]


@njit(cache=True, nogil=True)
def _add_residual(
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    screening: np.ndarray,
    rhs: np.ndarray,
    c: np.ndarray,
    coarse: np.ndarray,
) -> None:
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            if _surrounded(hole, y, x):
                total = c[y - 1, x] + c[y, x - 1] + c[y + 1, x] + c[y, x + 1]
                left = (np.float32(4.0) + screening[y, x]) * c[y, x] - total
            else:
                around, count = _beside(hole, known, c, y, x)
                left = np.float32((count + screening[y, x]) * c[y, x] - around)
            coarse[y // 2, x // 2] += rhs[y, x] - left


@njit(cache=True, nogil=True)
def _interpolate(
    hole: np.ndarray,
    spans: np.ndarray,
    coarse_hole: np.ndarray,
    coarse_known: np.ndarray,
    coarse: np.ndarray,
    fine: np.ndarray,
) -> None:
    """The coarser grid's c at the pixels of a finer one."""
    height, width = coarse_hole.shape
    for y in range(len(hole)):
        v = y // 2
        w = v + 1 if y % 2 else v - 1
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            u = x // 2
            s = u + 1 if x % 2 else u - 1
            own = coarse[v, u]
            total = 9 * own
            for a, b, weight in ((v, s, 3), (w, u, 3), (w, s, 1)):
                value = own
                if a >= 0 and b >= 0 and a < height and b < width:
                    if coarse_hole[a, b]:
                        value = coarse[a, b]
                    elif coarse_known[a, b]:
                        value = np.float32(0.0)
                total += weight * value
            fine[y, x] = total / 16


@njit(cache=True, nogil=True)
def _correct(
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    screening: np.ndarray,
    rhs: np.ndarray,
    c: np.ndarray,
    correction: np.ndarray,
) -> None:
    """Add the correction e, as far as it helps most: a = e^T (rhs - A c) / e^T A e times."""
    along, length = 0.0, 0.0
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                e = correction[y, x]
                around, count = _beside(hole, known, c, y, x)
                around_e, _ = _beside(hole, known, correction, y, x)
                diagonal = count + screening[y, x]
                along += e * (rhs[y, x] - diagonal * c[y, x] + around)
                length += e * (diagonal * e - around_e)
    if length <= 0:
        return
    step = np.float32(along / length)
    for y in range(len(hole)):
        for x in range(spans[y, 0], spans[y, 1]):
            if hole[y, x]:
                c[y, x] += step * correction[y, x]

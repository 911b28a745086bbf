"""Pieces of an image joined without seams, at the colours of a soft fill.

The copied pixels C have the right texture and wrong brightness here and there; the soft fill N has
the right colours and no texture. The result u = gain * C + c takes gradients from the first and,
over more than a distance L, colours from the second:

    minimise  sum over neighbours (u_p - u_q - g_pq)^2 + sum over p of (u_p - N_p)^2 / L_p^2

with u as known beside the hole and g_pq the difference of the two pixels in their source, times
the gain. Between two pieces it is the mean of what both sources say, as long as they agree; what
they disagree about more than shading does is an edge of an object, and stays one where the sources
are sharp: g_pq goes over to the difference of the copied pixels. A known pixel beside the hole that
belongs to what is left of an object (`_remnants`) gives it the colour of what is behind that.
Without the second sum this is Poisson blending (Perez, Gangnet and Blake, "Poisson image editing",
SIGGRAPH 2003); with it, detail that is finer than L is kept and the rest goes to N (screened
Poisson: Bhat et al., ECCV 2008). L grows with the depth of the hole, as the softness of N does.
Inside a piece and away from the hole's boundary c is smooth, so that a coarse grid suffices there
(as in Agarwala, "Efficient gradient-domain compositing using quadtrees", SIGGRAPH 2007); one colour
is solved at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from inpaint.texture.multigrid import ACTIVE, interpolate, make_grids, solve
from inpaint.texture.pyramid import is_source
from inpaint.texture.upsampling import row_spans

_EDGE = np.float32(0.3)  # disagreement of two sources at which half of it is an edge
_FAINT = 0.01  # share of an edge that is not worth a look at how sharp it may be
_SHARP = 0.25  # share of the disagreement that the sources' own contrast over _TAP px must have
_TAP = 2
_BLOCK, _OUTSIDE = 4, 8  # px
_REMNANT = np.float32(0.16)  # RMS difference over RGB at which half of it is left of an object
_TINY = np.float32(1e-9)
_SHORT = 6.0  # px; where L is shorter, c follows the fill's own detail


def blend(
    image: np.ndarray,
    offsets: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    length: np.ndarray,
    halvings: int = 0,
    gain: float = 1.0,
    on_progress: Callable[[float], object] | None = None,
) -> None:
    """Give the hole of the image the pixels that the shift map copies, blended.

    Args:
        image: (H, W, 3) float32, with the soft fill N. Its hole is written to.
        offsets: (H, W, 2) int16, the shift map; 0 = keep N.
        hole, known: (H, W) bool each.
        length: (H / 2^n, W / 2^n) float32, L in pixels of the image.
        halvings: n.
        gain: Of the copied gradients.
        on_progress: Called after each colour with the share that is done.
    """
    spans = row_spans(hole)
    screening = np.float32(1) / np.square(length)
    rough = _rough(offsets, hole, known, spans, length, halvings)
    steps = _remnants(_boundary_colours(image, offsets, hole, known, spans, np.float32(gain)))
    grids = make_grids(hole, known, rough, screening, halvings)
    finest, next_finest = grids[0], grids[min(1, len(grids) - 1)]
    for channel in range(3):
        for grid in grids:
            grid.clear()
        _right_side(
            image, offsets, channel, np.float32(gain), hole, known, spans, screening, halvings,
            finest.kind, steps, finest.rhs,
        )  # fmt: skip
        solve(grids)
        _apply(
            image, offsets, channel, np.float32(gain), spans, finest.kind, finest.c,
            next_finest.c,
        )  # fmt: skip
        if on_progress is not None:
            on_progress((channel + 1) / 3)


@njit(cache=True, nogil=True)
def _rough(
    offsets: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    length: np.ndarray,
    halvings: int,
) -> np.ndarray:
    """Blocks of 2x2 pixels at seams, at the hole's boundary or where L is short."""
    height, width = hole.shape
    found = np.zeros(((height + 1) // 2, (width + 1) // 2), np.bool_)
    for y in range(height):
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x] or found[y // 2, x // 2]:
                continue
            rough = length[y >> halvings, x >> halvings] < _SHORT
            for side in range(4):
                v, u = y + (-1, 0, 0, 1)[side], x + (0, -1, 1, 0)[side]
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                if hole[v, u]:
                    rough |= offsets[v, u, 0] != offsets[y, x, 0]
                    rough |= offsets[v, u, 1] != offsets[y, x, 1]
                else:
                    rough = True
            found[y // 2, x // 2] = rough
    return found


@njit(cache=True, nogil=True)
def _right_side(
    image: np.ndarray,
    offsets: np.ndarray,
    channel: int,
    gain: float,
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    screening: np.ndarray,
    halvings: int,
    kind: np.ndarray,
    steps: np.ndarray,
    rhs: np.ndarray,
) -> None:
    """What c has to make up for between pieces, and to N."""
    height, width = hole.shape
    for y in range(height):
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            dy, dx = int(offsets[y, x, 0]), int(offsets[y, x, 1])
            copied = gain * image[y + dy, x + dx, channel]
            total = screening[y >> halvings, x >> halvings] * (image[y, x, channel] - copied)
            if not kind[y, x] & ACTIVE:  # no seam is near
                rhs[y, x] = total
                continue
            for side in range(4):
                v, u = y + (-1, 0, 0, 1)[side], x + (0, -1, 1, 0)[side]
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                if known[v, u]:
                    beside = gain * _clamped(image, v + dy, u + dx, channel)
                    apart = image[v, u, channel] - beside
                    step = steps[y // _BLOCK, x // _BLOCK, channel]
                    total += apart - min(max(step, min(apart, 0)), max(apart, 0))
                elif hole[v, u]:
                    ey, ex = int(offsets[v, u, 0]), int(offsets[v, u, 1])
                    if ey == dy and ex == dx:
                        continue
                    total += _seam_step(image, y, x, dy, dx, v, u, ey, ex, channel, gain)
            rhs[y, x] = total


@njit(cache=True, nogil=True)
def _boundary_colours(
    image: np.ndarray,
    offsets: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    spans: np.ndarray,
    gain: float,
) -> np.ndarray:
    """Sums along the hole's boundary, of blocks of _BLOCK px: (H / 4, W / 4, 10) float32.

    RGB of the known pixels beside the hole, of those _OUTSIDE px farther away and of what the
    pieces have in place of the former, and the number of pixels.
    """
    height, width = hole.shape
    sums = np.zeros(((height - 1) // _BLOCK + 1, (width - 1) // _BLOCK + 1, 10), np.float32)
    for y in range(height):
        for x in range(spans[y, 0], spans[y, 1]):
            if not hole[y, x]:
                continue
            for side in range(4):
                down, right = (-1, 0, 0, 1)[side], (0, -1, 1, 0)[side]
                v, u = y + down, x + right
                a, b = v + _OUTSIDE * down, u + _OUTSIDE * right
                if not is_source(known, v, u) or not is_source(known, a, b):
                    continue
                block = sums[y // _BLOCK, x // _BLOCK]
                for c in range(3):
                    beside = _clamped(image, v + offsets[y, x, 0], u + offsets[y, x, 1], c)
                    block[c] += image[v, u, c]
                    block[3 + c] += image[a, b, c]
                    block[6 + c] += gain * beside
                block[9] += 1
    return sums


@njit(cache=True, nogil=True)
def _remnants(sums: np.ndarray) -> np.ndarray:
    """What is left of an object along the hole's boundary: its colours less those behind it.

    Pieces are not to have them where they are like the image _OUTSIDE px from the hole, and both
    unlike its boundary.

    Args:
        sums: See _boundary_colours.

    Returns:
        (H / 4, W / 4, 3) float32.
    """
    height, width = sums.shape[:2]
    steps = np.zeros((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            if sums[y, x, 9] == 0:
                continue
            mean = np.zeros(10, np.float32)
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    mean += sums[v, u]
            mean /= mean[9]
            boundary, outside, beside = mean[:3], mean[3:6], mean[6:9]
            step = np.square(boundary - outside).sum()
            apart = np.square(beside - boundary).sum()
            share = max(np.float32(0), 1 - np.square(beside - outside).sum() / max(apart, _TINY))
            steps[y, x] = share * step / (step + 3 * _REMNANT**2) * (boundary - outside)
    return steps


@njit(cache=True, nogil=True)
def _seam_step(
    image: np.ndarray,
    y: int,
    x: int,
    dy: int,
    dx: int,
    v: int,
    u: int,
    ey: int,
    ex: int,
    channel: int,
    gain: float,
) -> float:
    """What c_p - c_q is to be for neighbours of two pieces.

    p = (y, x) has the offset (dy, dx), q = (v, u) has (ey, ex).
    """
    # Each source says what the other pixel is to this one.
    copied = gain * image[y + dy, x + dx, channel]
    other = gain * image[v + ey, u + ex, channel]
    beside = gain * _clamped(image, v + dy, u + dx, channel)
    here = gain * _clamped(image, y + ey, x + ex, channel)
    apart = np.float32(0.5) * (here - copied + other - beside)
    edge = apart**2 / (apart**2 + (gain * _EDGE) ** 2)
    if edge > _FAINT:
        contrast = max(
            _contrast(image, y + dy, x + dx, channel), _contrast(image, v + ey, u + ex, channel)
        )
        edge *= min(gain * contrast / (_SHARP * abs(apart)), 1.0)
    step = (1 - gain) / gain * (copied - other)
    return apart + edge * (step - apart)


@njit(cache=True, nogil=True)
def _contrast(image: np.ndarray, y: int, x: int, channel: int) -> float:
    """The largest difference of a pixel from four that are _TAP px away."""
    largest = 0.0
    for side in range(4):
        v, u = y + (-_TAP, 0, 0, _TAP)[side], x + (0, -_TAP, _TAP, 0)[side]
        difference = abs(_clamped(image, v, u, channel) - image[y, x, channel])
        largest = max(largest, difference)
    return largest


@njit(cache=True, nogil=True)
def _clamped(image: np.ndarray, y: int, x: int, channel: int) -> float:
    """The pixel of the image that is nearest to a place."""
    row, column = min(max(y, 0), image.shape[0] - 1), min(max(x, 0), image.shape[1] - 1)
    return image[row, column, channel]


@njit(cache=True, nogil=True)
def _apply(
    image: np.ndarray,
    offsets: np.ndarray,
    channel: int,
    gain: float,
    spans: np.ndarray,
    kind: np.ndarray,
    c: np.ndarray,
    coarse: np.ndarray,
) -> None:
    # Sources are known pixels and are not written to; a pixel with the offset 0 is its own.
    for y in range(len(spans)):
        for x in range(spans[y, 0], spans[y, 1]):
            if not kind[y, x]:
                continue
            value = gain * image[y + offsets[y, x, 0], x + offsets[y, x, 1], channel]
            if kind[y, x] & ACTIVE:
                value += c[y, x]
            else:
                value += interpolate(coarse, y, x)
            image[y, x, channel] = min(max(value, np.float32(0.0)), np.float32(1.0))

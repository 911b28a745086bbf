"""Edges that enter a hole on both sides, joined across it.

A network gives a large hole no sharp edges, and texture alone does not know that the edge which
ends on one side goes on at the other. So two ends that lie on one smooth curve and have the same
colours on their sides are joined, as level lines are in Masnou and Morel, "Level lines based
disocclusion" (ICIP 1998), and the fill along the curve gets their colours. Wide edges are joined
first, at a coarse scale, and finer ones do not cross them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from inpaint.texture.curves import (
    angles_between,
    fit_arc,
    fit_polynomial,
    signed_area,
    values_along,
)
from inpaint.texture.edges import RADIUS, EdgeEnd, find_edge_ends
from inpaint.texture.pyramid import Level
from inpaint.utils.distance import hole_depth

_DEEPEST, _SHALLOWEST = 48.0, 7.0  # px, depth of the hole at the scales at which edges are joined
_MOST_ANGLE = math.radians(115)  # between an edge and the straight line to the other
_MOST_ASYMMETRY = math.radians(75)  # of both such angles: 0 for a circular arc
_MOST_PROFILE, _MOST_MEAN = 0.6, 0.15  # differences of profiles, of their contrast and of 1
_SIDE, _MOST_SIDE = 0.06, 0.15  # difference of colours of the more similar sides
_ALIGNED, _MOST_RATIO = 0.7, 2.0  # of the steps between both sides: least cosine, most ratio
_ONE_SIDED = 0.6
_INNER = 3.0  # sigma, px: the middle of a profile counts most
# Cost of a pair: that of its curve, and squares of differences over these. Of an arc the shape says
# more, and the difference counts less.
_PROFILE, _MEAN, _BESIDE_ARC = 0.5, 0.12, 0.33
_MOST_COST = 1.7
_LONGEST = 9.0  # length of a curve in depths of the hole: longer ones run along it
_CROSSING = 0.3  # sine of the least angle at which curves cross; finer ones follow coarser ones
_INSIDE = 0.3  # least depth in the middle half of a curve, of its largest
_CONFIDENCE = 6.0  # cost at which the painted colours count 1/e
_CLEAR, _TAPER = 0.5, 2.5  # px at a hole's boundary that stay as they are, and change gradually
_DETAIL = 2.0  # px at an edge's scale: finer detail comes from the texture
DETERMINED = 0.5  # share from which on the colours of an edge are a pixel's own


@dataclass(frozen=True)
class Joined:
    """What edges painted across a hole determine; zero away from them.

    Attributes:
        share: (H, W) float32 in [0, 1], of a pixel's colours that come from edges.
        detail: (H, W) float32, px: detail that is finer is not in these colours.
        offsets: (H, W, 2) int16, (rows, columns) to a known position of the same edge.
    """

    share: np.ndarray
    detail: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class _Pair:
    first: EdgeEnd
    second: EdgeEnd
    curve: np.ndarray  # (N, 2) float64, (row, column), half a pixel apart
    cost: float


def join_edges(image: np.ndarray, levels: Sequence[Level], depth: float) -> Joined | None:
    """Paint the edges that meet again behind the hole, in place; None if there are none.

    Args:
        image: (H, W, 3) float32 RGB in [0, 1], with a soft fill. Its hole is written to.
        levels: Of the image at its own scale and at halves of it.
        depth: Of the hole, px.
    """
    hole = levels[0].hole
    share, detail = (np.zeros(hole.shape, np.float32) for _ in range(2))
    joined = Joined(share, detail, np.zeros((*hole.shape, 2), np.int16))
    curves: list[np.ndarray] = []
    inside = None
    for halvings in range(len(levels) - 1, -1, -1):
        scale = 2**halvings
        if not _SHALLOWEST <= depth / scale <= _DEEPEST:
            continue
        pairs = _join(levels[halvings], [_scaled(curve, 1 / scale) for curve in curves])
        for pair in pairs:
            inside = hole_depth(hole) if inside is None else inside
            curves.append(_scaled(pair.curve, scale))
            step = max(1, len(pair.curve) // 40)
            _paint(
                image, hole, inside, curves[-1][::step], pair.first.profile,
                pair.second.profile[::-1].copy(), float(scale),
                math.exp(-pair.cost / _CONFIDENCE), joined.share, joined.detail,
                _offsets_along(pair, scale)[::step], joined.offsets,
            )  # fmt: skip
    return joined if curves else None


def _offsets_along(pair: _Pair, scale: int) -> np.ndarray:
    """Offsets from each point of a pair's curve to the edge's nearer trace, (N, 2) int16.

    Pieces as long as the trace keep one offset, so that what they copy is whole.
    """
    offsets = np.zeros((len(pair.curve), 2))
    half = len(pair.curve) // 2
    for points, trace in (
        (np.arange(half), pair.first.trace),
        (np.arange(len(pair.curve) - 1, half - 1, -1), pair.second.trace),
    ):
        for piece in np.array_split(points, math.ceil(len(points) / (2 * len(trace)))):
            # The deepest point of a piece copies the trace's point nearest to the hole.
            middle = len(piece) // 2
            offsets[piece] = trace[(len(piece) - 1 - middle) // 2] - pair.curve[piece[middle]]
    return np.rint(offsets * scale).astype(np.int16)


def _scaled(positions: np.ndarray, scale: float) -> np.ndarray:
    """Places in an image that is `scale` times as large."""
    return (positions + 0.5) * scale - 0.5


def _join(level: Level, crossed_by: Sequence[np.ndarray]) -> list[_Pair]:
    """Pairs of ends, each in one of them, whose curves cross neither each other nor the given."""
    ends = find_edge_ends(level)
    depth = hole_depth(level.hole)
    pairs = []
    for i, j, difference in _candidate_pairs(ends, _LONGEST * max(float(depth.max()), 1.0)):
        pair = _pair(ends[i], ends[j], difference, level, depth)
        if pair is not None:
            pairs.append(pair)
    chosen: list[_Pair] = []
    used: set[int] = set()
    curves = list(crossed_by)
    for pair in sorted(pairs, key=lambda one: one.cost):
        own = {id(pair.first), id(pair.second)}
        if used & own or any(_cross(pair.curve, curve) for curve in curves):
            continue
        used |= own
        curves.append(pair.curve)
        chosen.append(pair)
    return chosen


def _candidate_pairs(ends: Sequence[EdgeEnd], farthest: float) -> list[tuple[int, int, float]]:
    """Numbers of two ends that may be of one edge, and the cost of their profiles' difference.

    farthest: Most px between them.
    """
    if len(ends) < 2:
        return []
    position = np.stack([end.position for end in ends])
    direction = np.stack([end.direction for end in ends])
    chord = position[None] - position[:, None]
    near = np.hypot(chord[..., 0], chord[..., 1]) <= farthest
    # Signed angles at both ends from the chord to the edge's direction along it.
    first = angles_between(chord, np.broadcast_to(direction[:, None], chord.shape))
    second = angles_between(chord, np.broadcast_to(-direction[None], chord.shape))
    smooth = (np.maximum(np.abs(first), np.abs(second)) <= _MOST_ANGLE) & (
        np.abs(first + second) <= _MOST_ASYMMETRY
    )
    profile = np.stack([end.profile for end in ends])
    cost = np.minimum(_profile_costs(profile), _side_costs(profile))
    possible = np.triu(near & smooth & np.isfinite(cost), 1)
    return [(int(i), int(j), float(cost[i, j])) for i, j in np.argwhere(possible)]


def _profile_costs(profile: np.ndarray) -> np.ndarray:
    """Costs (N, N) of the differences of profiles, (N, K, 3), the second one seen from its back."""
    weight = np.exp(-((np.arange(-RADIUS, RADIUS + 1) / _INNER) ** 2) / 2)[:, None]
    weight /= weight.sum()
    mean = (weight * profile).sum(1)
    shape = profile - mean[:, None]
    size = np.sqrt((weight * shape**2).sum((1, 2)))
    differences = np.sqrt((weight * (shape[:, None] - shape[None, :, ::-1]) ** 2).sum((2, 3)))
    differences /= np.sqrt(size[:, None] * size[None]) + 1e-6
    offset = np.abs(mean[:, None] - mean[None]).max(-1)
    cost = (differences / _PROFILE) ** 2 + (offset / _MEAN) ** 2
    return np.where((differences <= _MOST_PROFILE) & (offset <= _MOST_MEAN), cost, np.inf)


def _side_costs(profile: np.ndarray) -> np.ndarray:
    """Costs (N, N) of the differences of the more similar sides: an object before two others.

    The step to the other side must go into a similar direction, and be about as high.
    """
    one, other = (
        profile[:, RADIUS - 4 : RADIUS].mean(1),
        profile[:, RADIUS + 1 : RADIUS + 5].mean(1),
    )
    # Seen from its back, the second profile's sides are swapped.
    differences = np.minimum(
        np.abs(one[:, None] - other[None]).max(-1), np.abs(other[:, None] - one[None]).max(-1)
    )
    step = other - one
    height = np.sqrt((step**2).sum(-1)) + 1e-6
    alignment = -(step[:, None] * step[None]).sum(-1) / (height[:, None] * height[None])
    ratio = height[:, None] / height[None]
    possible = (differences <= _MOST_SIDE) & (alignment >= _ALIGNED)
    possible &= np.maximum(ratio, 1 / ratio) <= _MOST_RATIO
    return np.where(possible, (differences / _SIDE) ** 2 + 1 - alignment + _ONE_SIDED, np.inf)


def _pair(
    first: EdgeEnd, second: EdgeEnd, difference: float, level: Level, depth: np.ndarray
) -> _Pair | None:
    """Two ends and the likeliest curve between them; None if there is no likely one."""
    curve = fit_polynomial(first, second)
    if curve is not None and curve.cost + difference <= _MOST_COST:
        if not _lies_inside(curve.points, depth):
            return None
        return _Pair(first, second, curve.points, curve.cost + difference)
    arc = fit_arc(first, second, level)
    if arc is None or arc.cost + _BESIDE_ARC * difference > _MOST_COST:
        return None
    return _Pair(first, second, arc.points, arc.cost + _BESIDE_ARC * difference)


def _lies_inside(curve: np.ndarray, depth: np.ndarray) -> bool:
    """Whether a curve goes through the hole, and not along it."""
    deep = values_along(depth, curve)
    quarter = len(deep) // 4
    return bool(
        np.mean(deep > 0) >= 0.85
        and deep[quarter:-quarter].min() >= _INSIDE * deep.max()
        and len(deep) / 2 <= _LONGEST * max(deep.max(), 1.0)
    )


def _cross(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two curves cross, and are not two courses of one edge."""
    first, second = (curve[:: max(1, len(curve) // 24)] for curve in (first, second))
    start, step = first[:-1, None], np.diff(first, axis=0)[:, None]
    other, other_step = second[None, :-1], np.diff(second, axis=0)[None]
    area = signed_area(step, other_step)
    steep = np.abs(area) > _CROSSING * np.hypot(*step.T).T * np.hypot(*other_step.T).T
    area[~steep] = 1
    t = signed_area(other - start, other_step) / area
    u = signed_area(other - start, step) / area
    return bool((steep & (t > 0) & (t < 1) & (u > 0) & (u < 1)).any())


@njit(cache=True, nogil=True)
def _paint(
    image: np.ndarray,
    hole: np.ndarray,
    depth: np.ndarray,
    curve: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    scale: float,
    confidence: float,
    share: np.ndarray,
    detail: np.ndarray,
    to_trace: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Give the hole along a curve the profile at its start, which becomes that at its end."""
    reach = (RADIUS + 1) * scale
    top = max(int(curve[:, 0].min() - reach), 0)
    bottom = min(int(curve[:, 0].max() + reach) + 2, len(hole))
    left = max(int(curve[:, 1].min() - reach), 0)
    right = min(int(curve[:, 1].max() + reach) + 2, hole.shape[1])
    for y in range(top, bottom):
        for x in range(left, right):
            if not hole[y, x]:
                continue
            nearest, along, offset = reach * reach, 0.0, 0.0
            for n in range(len(curve) - 1):
                dy, dx = curve[n + 1, 0] - curve[n, 0], curve[n + 1, 1] - curve[n, 1]
                py, px = y - curve[n, 0], x - curve[n, 1]
                square = max(dy * dy + dx * dx, 1e-9)
                t = min(max((py * dy + px * dx) / square, 0.0), 1.0)
                distance = (py - t * dy) ** 2 + (px - t * dx) ** 2
                if distance < nearest:
                    nearest, along = distance, (n + t) / (len(curve) - 1)
                    offset = (py * dx - px * dy) / math.sqrt(square)
            if nearest >= reach * reach:
                continue
            inside = min(max((depth[y, x] - _CLEAR * scale) / (_TAPER * scale), 0.0), 1.0)
            weight = confidence * inside * (1 - nearest / (reach * reach)) ** 2
            position = min(max(offset / scale + RADIUS, 0.0), 2 * RADIUS - 1e-6)
            k = int(position)
            for c in range(3):
                here = start[k, c] + (position - k) * (start[k + 1, c] - start[k, c])
                there = end[k, c] + (position - k) * (end[k + 1, c] - end[k, c])
                image[y, x, c] += weight * (here + along * (there - here) - image[y, x, c])
            share[y, x] = max(share[y, x], weight)
            if weight >= DETERMINED:
                detail[y, x] = _DETAIL * scale
                offsets[y, x] = to_trace[int(along * (len(curve) - 1) + 0.5)]

"""Edges of the known image that end at a hole, and where they come from.

Each is found on a ring around the hole and followed away from it, so that two ends of one edge can
be told from two edges by their courses and by the colours on their sides: see `joining`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from inpaint.texture.pyramid import Level
from inpaint.utils.distance import hole_depth
from inpaint.utils.rectangles import bounding_box, dilate

GAP = 3.0  # px between the hole and the ring: what is smoothed there is known
_LOOKED_AT = 16  # px around the hole in which distances from it are found
RADIUS = 6  # px on either side of an edge that its profile shows
LEAST_CONTRAST = 0.06  # largest difference of a colour in the inner part of a profile
_OUTER = 2  # px at both ends of a profile that may be unknown
_SIGMA = 1.0  # px, of the smoothing before differences are taken
_LEAST_KNOWN = 0.2  # share of the smoothing that must fall on known pixels
_STEEPEST = 0.015  # least gradient of an edge on the ring, per px
_COHERENCE = 0.5  # least anisotropy of the structure tensor: 0 = no direction, 1 = one edge
_SLANT = 0.2  # sine of the least angle between an edge and the hole's contour
_APART = 3  # px between two ends on the ring
_FARTHEST, _SHORTEST = 48, 9  # px of an edge that are followed: at most, and at least
_LONGEST = 16  # px of them that tell where the edge goes on
_FADED = 0.45  # share of its first gradient below which an edge ends
_STEPS = 3  # half pixels to both sides in which the next point of an edge is searched
_MOVE = 0.6  # share of the distance to that point that is taken
_NEAREST = 8.0  # px of an edge over which its profile falls to 1/e, from the hole on
_MOST = 96  # ends, those of the highest contrast


@dataclass(frozen=True)
class EdgeEnd:
    """The end of an edge at a hole; positions are (row, column).

    Attributes:
        trace: (N, 2) float64, points of the edge a pixel apart, away from the hole; 16 at most.
        course: (M, 2) float64, the same as far as the edge can be followed.
        position: (2,) float64, where the edge enters the hole.
        direction: (2,) float64 of length 1, into the hole.
        profile: (2 * RADIUS + 1, 3) float64, mean colours across the edge, a pixel apart, from
            one side to the other as `across` says.
        contrast: Largest difference of a colour in the inner part of the profile.
    """

    trace: np.ndarray
    course: np.ndarray
    position: np.ndarray
    direction: np.ndarray
    profile: np.ndarray
    contrast: float


def across(direction: np.ndarray) -> np.ndarray:
    """Unit vectors across directions, (..., 2), towards the end of a profile."""
    return np.stack([direction[..., 1], -direction[..., 0]], -1)


@njit(cache=True, nogil=True)
def tangents(points: np.ndarray) -> np.ndarray:
    """Unit vectors along a curve of points, (N, 2)."""
    last = len(points) - 1
    units = np.empty(points.shape)
    for n in range(len(points)):
        step = points[min(n + 1, last)] - points[max(n - 1, 0)]
        units[n] = step / max(math.hypot(step[0], step[1]), 1e-9)
    return units


def find_edge_ends(level: Level) -> list[EdgeEnd]:
    """Ends of the edges of the level's sources at its hole, of the highest contrast first."""
    box = bounding_box(level.hole)
    if box is None:
        return []
    frame = dilate(box, _LOOKED_AT, level.size)
    distance = np.full(level.size, np.inf, np.float32)
    distance[frame] = hole_depth(~level.hole[frame])
    near = distance[frame]
    ring = level.source[frame] & (near > GAP - 0.5) & (near <= GAP + 0.5)
    corner = np.array([span.start for span in frame])
    positions = (np.argwhere(ring) + corner).astype(np.int32)
    angles = np.zeros(len(positions))
    strength = np.zeros(level.size, np.float32)
    _measure_edges(level.image, level.source, positions, strength, angles)
    found = []
    for position, angle in zip(*_local_maxima(positions, angles, strength), strict=True):
        course = _follow(level.image, level.source, distance, position, angle)
        if len(course) < _SHORTEST:
            continue
        profile = np.zeros((2 * RADIUS + 1, 3))
        contrast = _profile(level.image, level.source, course[:_LONGEST], profile)
        if contrast >= LEAST_CONTRAST:
            found.append((contrast, course, profile))
    found.sort(key=lambda end: -end[0])
    return [_end(*end) for end in found[:_MOST]]


def _end(contrast: float, course: np.ndarray, profile: np.ndarray) -> EdgeEnd:
    """The end of the edge that takes this course; see EdgeEnd."""
    trace = course[:_LONGEST]
    third = len(trace) // 3
    direction = trace[:third].mean(0) - trace[-third:].mean(0)
    direction /= max(float(np.hypot(*direction)), 1e-9)
    return EdgeEnd(trace, course, trace[0] + GAP * direction, direction, profile, contrast)


@njit(cache=True, nogil=True)
def _smooth(image: np.ndarray, known: np.ndarray, y: float, x: float, colour: np.ndarray) -> bool:
    """Write the Gaussian mean of the known pixels around (y, x); whether there are enough."""
    height, width = known.shape
    row, column = round(y), round(x)
    across = np.empty(5)
    for k in range(5):
        across[k] = math.exp(-((column + k - 2 - x) ** 2) / (2 * _SIGMA**2))
    weights = total = 0.0
    colour[:] = 0.0
    for v in range(row - 2, row + 3):
        down = math.exp(-((v - y) ** 2) / (2 * _SIGMA**2))
        for u in range(column - 2, column + 3):
            weight = down * across[u - column + 2]
            total += weight
            if 0 <= v < height and 0 <= u < width and known[v, u]:
                weights += weight
                for c in range(3):
                    colour[c] += weight * image[v, u, c]
    if weights < _LEAST_KNOWN * total:
        return False
    colour /= weights
    return True


@njit(cache=True, nogil=True)
def _measure_edges(
    image: np.ndarray,
    known: np.ndarray,
    positions: np.ndarray,
    strength: np.ndarray,
    angles: np.ndarray,
) -> None:
    """Write the gradient at each position, 0 where there is no clear edge, and the edge's angle.

    The angle is that of the direction of strongest change, turned by a right angle.
    """
    smoothed = np.zeros((5, 5, 3))
    for n in range(len(positions)):
        y, x = positions[n]
        valid = True
        for v, u in ((1, 2), (2, 1), (2, 3), (3, 2)):  # most positions have no edge
            valid &= _smooth(image, known, y + v - 2.0, x + u - 2.0, smoothed[v, u])
        rows, columns, _ = _tensor(smoothed, 2, 2)
        here = rows + columns
        if not valid or here < _STEEPEST**2:
            continue
        for v in range(5):
            for u in range(5):
                valid &= _smooth(image, known, y + v - 2.0, x + u - 2.0, smoothed[v, u])
        if not valid:
            continue
        rows = columns = both = 0.0
        for v in range(1, 4):
            for u in range(1, 4):
                one = _tensor(smoothed, v, u)
                rows, columns, both = rows + one[0], columns + one[1], both + one[2]
        spread = math.sqrt((columns - rows) ** 2 + 4 * both * both)
        if spread < _COHERENCE * (rows + columns):
            continue
        strength[y, x] = math.sqrt(here)
        angles[n] = 0.5 * math.atan2(2 * both, columns - rows) + math.pi / 2


@njit(cache=True, nogil=True)
def _tensor(colours: np.ndarray, y: int, x: int) -> tuple[float, float, float]:
    """The structure tensor at a pixel of (H, W, 3): of rows, of columns and of both."""
    rows = columns = both = 0.0
    for c in range(3):
        down = (colours[y + 1, x, c] - colours[y - 1, x, c]) / 2
        right = (colours[y, x + 1, c] - colours[y, x - 1, c]) / 2
        rows += down * down
        columns += right * right
        both += down * right
    return rows, columns, both


@njit(cache=True, nogil=True)
def _local_maxima(
    positions: np.ndarray, angles: np.ndarray, strength: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The positions where the strength is highest within _APART pixels, and their angles."""
    height, width = strength.shape
    kept = np.zeros(len(positions), np.bool_)
    for n in range(len(positions)):
        y, x = positions[n]
        best = strength[y, x] > 0
        for v in range(max(y - _APART, 0), min(y + _APART + 1, height)):
            for u in range(max(x - _APART, 0), min(x + _APART + 1, width)):
                before = v < y or (v == y and u < x)
                if strength[v, u] > strength[y, x] or (before and strength[v, u] == strength[y, x]):
                    best = False
        kept[n] = best
    return positions[kept], angles[kept]


@njit(cache=True, nogil=True)
def _follow(
    image: np.ndarray, known: np.ndarray, distance: np.ndarray, position: np.ndarray, angle: float
) -> np.ndarray:
    """Points of the edge at a position of the ring, away from the hole: (N, 2) float64."""
    height, width = known.shape
    y, x = float(position[0]), float(position[1])
    dy, dx = math.sin(angle), math.cos(angle)
    trace = np.zeros((_FARTHEST, 2))
    ahead = _nearest(distance, y + 4 * dy, x + 4 * dx)
    behind = _nearest(distance, y - 4 * dy, x - 4 * dx)
    if abs(ahead - behind) < 8 * _SLANT:
        return trace[:0]
    if behind > ahead:
        dy, dx = -dy, -dx
    around = np.zeros((2 * _STEPS + 5, 3))
    first = 0.0
    count = 0
    while count < _FARTHEST:
        for k in range(len(around)):
            offset = (k - _STEPS - 2) / 2
            if not _smooth(image, known, y - offset * dx, x + offset * dy, around[k]):
                return trace[:count]
        best, best_score, gradient = 0, -1.0, 0.0
        for k in range(2, 2 * _STEPS + 3):
            squares = 0.0
            for c in range(3):
                squares += ((around[k + 2, c] - around[k - 2, c]) / 2) ** 2
            score = math.sqrt(squares) * (1 - 0.01 * abs(k - _STEPS - 2))
            if score > best_score:
                best, best_score, gradient = k, score, math.sqrt(squares)
        if count == 0:
            first = gradient
        if gradient < max(_FADED * first, _STEEPEST * 0.8):
            break
        offset = _MOVE * (best - _STEPS - 2) / 2
        y -= offset * dx
        x += offset * dy
        trace[count] = y, x
        count += 1
        if count >= 3:
            since = min(count, 5)
            vy, vx = y - trace[count - since, 0], x - trace[count - since, 1]
            length = max(math.hypot(vy, vx), 1e-9)
            dy, dx = dy + vy / length, dx + vx / length
            length = max(math.hypot(dy, dx), 1e-9)
            dy, dx = dy / length, dx / length
        y += dy
        x += dx
        row, column = round(y), round(x)
        if row < 0 or column < 0 or row >= height or column >= width or not known[row, column]:
            break
    return trace[:count]


@njit(cache=True, nogil=True)
def _nearest(values: np.ndarray, y: float, x: float) -> float:
    """The value at the pixel of the array that is nearest to a position."""
    row = min(max(round(y), 0), values.shape[0] - 1)
    return values[row, min(max(round(x), 0), values.shape[1] - 1)]


@njit(cache=True, nogil=True)
def _profile(image: np.ndarray, known: np.ndarray, trace: np.ndarray, profile: np.ndarray) -> float:
    """Write the mean colours across a trace, nearer points counting more; returns the contrast.

    The contrast is 0 where too little is known. Outer pixels that are not known get the colours of
    the last known one.
    """
    height, width = known.shape
    along = tangents(trace)
    found = np.zeros(len(profile), np.bool_)
    for k in range(len(profile)):
        offset = RADIUS - k  # as `across` goes
        weights = 0.0
        for n in range(len(trace)):
            y, x = trace[n, 0] + offset * along[n, 1], trace[n, 1] - offset * along[n, 0]
            top, left = math.floor(y), math.floor(x)
            if top < 0 or left < 0 or top + 1 >= height or left + 1 >= width:
                continue
            if not (known[top, left] and known[top, left + 1]):
                continue
            if not (known[top + 1, left] and known[top + 1, left + 1]):
                continue
            down, right = y - top, x - left
            weight = math.exp(-n / _NEAREST)
            weights += weight
            for c in range(3):
                above = (1 - right) * image[top, left, c] + right * image[top, left + 1, c]
                below = (1 - right) * image[top + 1, left, c] + right * image[top + 1, left + 1, c]
                profile[k, c] += weight * ((1 - down) * above + down * below)
        if weights > 0.5:
            profile[k] /= weights
            found[k] = True
        elif _OUTER <= k < len(profile) - _OUTER:
            return 0.0
    for k in range(_OUTER - 1, -1, -1):
        if not found[k]:
            profile[k] = profile[k + 1]
        if not found[-1 - k]:
            profile[-1 - k] = profile[-2 - k]
    contrast = 0.0
    for c in range(3):
        inner = profile[_OUTER : len(profile) - _OUTER, c]
        contrast = max(contrast, inner.max() - inner.min())
    return contrast

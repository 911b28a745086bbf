"""Curves on which two ends of an edge lie: nearly straight ones, and arcs of round things."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inpaint.texture.edges import RADIUS, EdgeEnd, across, tangents
from inpaint.texture.ellipses import fit_ellipse
from inpaint.texture.pyramid import Level

_MOST_ANGLE = math.radians(50)  # between an edge and the straight line to the other
_MOST_ASYMMETRY = math.radians(35)  # of both such angles: 0 for a circular arc
_MOST_RESIDUAL = 1.2  # px, RMS, of both ends to one curve
_STRAIGHT, _ARC, _WORTH = 0.4, 0.7, 0.6  # px; above them a curve of the next degree is fitted
# Cost of a curve: squares of its turn and residual over these, and of a cubic one.
_TURN, _RESIDUAL, _CUBIC = math.radians(50), 0.6, 1.0
# Of ellipses: least of one that is known, px; least half axis, px, and largest ratio of both;
# longest arc for each known pixel; least cosine at the second end; fits; most RMS residual, px;
# cost.
_LEAST_KNOWN, _SMALLEST, _FLATTEST, _LONGEST_ARC = 48, 12.0, 4.0, 1.5
_ARRIVAL, _FITS, _MOST_UNEVEN, _ROUND = 0.8, 3, 0.3, 0.3
# Where they leave the hole: px to both sides that are searched, and compared, and most difference.
_SEARCHED, _COMPARED, _MAX_DIFFERENCE = 6, 3, 0.12


@dataclass(frozen=True)
class Curve:
    """A curve from one end of an edge to another.

    Attributes:
        points: (N, 2) float64, (row, column), half a pixel apart.
        cost: How unlikely its shape is; 0 for a straight line.
    """

    points: np.ndarray
    cost: float


def angles_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Signed angles between vectors, (..., 2) to (...), radians."""
    return np.asarray(np.arctan2(signed_area(start, end), (start * end).sum(-1)))


def signed_area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of the parallelograms of vectors, (..., 2) to (...)."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def values_along(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The values of (H, W, ...) at the pixels nearest to positions, (..., 2)."""
    rows, columns = np.moveaxis(np.rint(positions).astype(int), -1, 0)
    return values[rows.clip(0, len(values) - 1), columns.clip(0, values.shape[1] - 1)]


def fit_polynomial(first: EdgeEnd, second: EdgeEnd) -> Curve | None:
    """The polynomial of the lowest degree through both traces; None if there is no likely one."""
    chord = second.position - first.position
    length = float(np.hypot(*chord))
    if length < 3:
        return None
    angles = [float(angles_between(chord, way)) for way in (first.direction, -second.direction)]
    if max(map(abs, angles)) > _MOST_ANGLE or abs(sum(angles)) > _MOST_ASYMMETRY:
        return None
    along = chord / length
    points = np.concatenate([first.trace, second.trace]) - first.position
    x, y = points @ along / length, points @ across(along)
    coefficients, residual = _polynomial(x, y, 1)
    cubic = 0.0
    if residual > _STRAIGHT:
        coefficients, residual = _polynomial(x, y, 2)
        if residual > _ARC:
            better, remaining = _polynomial(x, y, 3)
            if remaining < _WORTH * residual:
                coefficients, residual, cubic = better, remaining, _CUBIC
    if residual > _MOST_RESIDUAL or abs(coefficients[0]) > 3:
        return None
    t = np.linspace(0, 1, max(int(2 * length), 8))
    powers = t[:, None] ** np.arange(len(coefficients))
    slopes = np.polynomial.Polynomial(coefficients).deriv()(np.array([0.0, 1.0])) / length
    turn = abs(float(np.subtract(*np.arctan(slopes))))
    offset = (powers @ coefficients)[:, None] * across(along)
    cost = (turn / _TURN) ** 2 + (residual / _RESIDUAL) ** 2 + cubic
    return Curve(first.position + t[:, None] * chord + offset, cost)


def _polynomial(x: np.ndarray, y: np.ndarray, degree: int) -> tuple[np.ndarray, float]:
    """Coefficients of the least-squares polynomial, lowest first, and the RMS residual."""
    powers = x[:, None] ** np.arange(degree + 1)
    coefficients = np.linalg.lstsq(powers, y, rcond=None)[0]
    return coefficients, float(np.sqrt(np.mean((powers @ coefficients - y) ** 2)))


def fit_arc(first: EdgeEnd, second: EdgeEnd, level: Level) -> Curve | None:
    """The arc of an ellipse through both courses; None where they show too little of one.

    Where it leaves the hole for a while the edge must be there, and takes part in the fit.
    """
    courses = np.concatenate([first.course, second.course])
    if len(courses) < _LEAST_KNOWN:
        return None
    known, residual = courses, 0.0
    points = courses[:0]
    for _ in range(_FITS):
        ellipse = fit_ellipse(known)
        if ellipse is None:
            return None
        residual = float(np.sqrt(np.mean(ellipse.distances(known) ** 2)))
        longer, shorter = ellipse.half_axes
        if residual > _MOST_UNEVEN or shorter < max(_SMALLEST, longer / _FLATTEST):
            return None
        points = ellipse.arc(first.position, second.position, first.direction)
        if not _goes_straight_on(points, second.direction):
            return None
        seen = _seen_again(points, first.profile, second.profile[::-1], level)
        if seen is None:
            return None
        known = np.concatenate([courses, seen])
        if len(points) / 2 > _LONGEST_ARC * len(known):
            return None
    return Curve(points, _ROUND + (residual / _RESIDUAL) ** 2)


def _goes_straight_on(points: np.ndarray, direction: np.ndarray) -> bool:
    """Whether a curve ends nearly against the direction of the edge there."""
    arrival = points[-1] - points[-3]
    return bool(-(arrival @ direction) >= _ARRIVAL * np.hypot(*arrival))


def _seen_again(
    points: np.ndarray, start: np.ndarray, end: np.ndarray, level: Level
) -> np.ndarray | None:
    """Places of an edge near a curve where that leaves the hole; None if it is not there.

    Args:
        points: (N, 2), of the curve.
        start, end: Profiles of the edge at its ends, along the curve; see EdgeEnd.
        level: Whose sources are looked at.

    Returns:
        (M, 2) float64, a pixel apart; none if the curve stays in the hole.
    """
    reach = _SEARCHED + _COMPARED
    normals = across(tangents(points))
    positions = points[:, None] + np.arange(-reach, reach + 1)[:, None] * normals[:, None]
    seen = np.flatnonzero(values_along(level.source, positions).all(1))[::2]
    if not len(seen):
        return points[:0]
    positions = positions[seen]
    colours = values_along(level.image, positions)
    share = seen[:, None, None] / (len(points) - 1)
    inner = slice(RADIUS - _COMPARED, RADIUS + _COMPARED + 1)
    profile = (start + share * (end - start))[:, inner]
    windows = np.lib.stride_tricks.sliding_window_view(colours, profile.shape[1], axis=1)
    differences = np.abs(windows - profile.swapaxes(1, 2)[:, None]).max(2).mean(2)
    if np.median(differences.min(1)) > _MAX_DIFFERENCE:
        return None
    return positions[np.arange(len(seen)), differences.argmin(1) + _COMPARED]

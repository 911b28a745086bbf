"""Ellipses through points of an edge: what a round thing looks like from any side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in the plane of (row, column), px.

    Attributes:
        centre: (2,) float64.
        axes: (2, 2) float64, the half axes as columns; the first one is the longer one.
    """

    centre: np.ndarray
    axes: np.ndarray

    @property
    def half_axes(self) -> tuple[float, float]:
        """Lengths of the longer and of the shorter one, px."""
        longer, shorter = np.hypot(*self.axes)
        return float(longer), float(shorter)

    def points(self, angles: np.ndarray) -> np.ndarray:
        """Places at parameters (N,) in radians: (N, 2)."""
        return self.centre + np.stack([np.cos(angles), np.sin(angles)], -1) @ self.axes.T

    def tangents(self, angles: np.ndarray) -> np.ndarray:
        """Derivatives of `points` by the angle: (N, 2)."""
        return np.stack([-np.sin(angles), np.cos(angles)], -1) @ self.axes.T

    def angles(self, positions: np.ndarray) -> np.ndarray:
        """Parameters of the points in the directions of positions, (N, 2) to (N,), radians."""
        unit = np.linalg.solve(self.axes, (positions - self.centre).T)
        return np.asarray(np.arctan2(unit[1], unit[0]))

    def distances(self, positions: np.ndarray) -> np.ndarray:
        """First-order distances of positions, (N, 2) to (N,), px (Sampson, 1982)."""
        unit = np.linalg.solve(self.axes, (positions - self.centre).T)
        gradient = 2 * np.linalg.solve(self.axes.T, unit)
        return np.abs((unit**2).sum(0) - 1) / np.maximum(np.hypot(*gradient), 1e-9)

    def arc(self, start: np.ndarray, end: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Points from start to end, (N, 2), half a px apart, of the arc along `direction`."""
        first, last = self.angles(np.stack([start, end]))
        sign = 1.0 if float(self.tangents(np.array([first]))[0] @ direction) > 0 else -1.0
        sweep = (sign * (last - first)) % (2 * math.pi)
        fine = self.points(first + sign * np.linspace(0, sweep, 256))
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(fine, axis=0).T))])
        along = np.linspace(0, lengths[-1], max(int(2 * lengths[-1]), 8))
        return np.stack([np.interp(along, lengths, fine[:, axis]) for axis in range(2)], -1)


def fit_ellipse(positions: np.ndarray) -> Ellipse | None:
    """The ellipse of least algebraic distance to positions, (N, 2); None if there is none.

    Direct least squares (Fitzgibbon, Pilu and Fisher, PAMI 1999) in the stable form of Halir and
    Flusser (WSCG 1998).
    """
    middle = positions.mean(0)
    spread = float(np.abs(positions - middle).max())
    if len(positions) < 6 or spread <= 0:
        return None
    y, x = ((positions - middle) / spread).T
    quadratic, linear = np.stack([x * x, x * y, y * y], 1), np.stack([x, y, np.ones_like(x)], 1)
    try:
        linear_part = -np.linalg.solve(linear.T @ linear, linear.T @ quadratic)
    except np.linalg.LinAlgError:
        return None
    reduced = quadratic.T @ quadratic + quadratic.T @ linear @ linear_part
    # 4 a c - b^2 = 1 makes the conic an ellipse.
    system = np.stack([reduced[2] / 2, -reduced[1], reduced[0] / 2])
    values, vectors = np.linalg.eig(system)
    vectors = vectors.real[:, np.abs(values.imag) < 1e-12]
    elliptic = 4 * vectors[0] * vectors[2] - vectors[1] ** 2 > 0
    if not elliptic.any():
        return None
    a, b, c = vectors[:, elliptic][:, 0]
    return _from_conic(np.array([a, b, c]), linear_part @ [a, b, c], middle, spread)


def _from_conic(
    quadratic: np.ndarray, linear: np.ndarray, middle: np.ndarray, spread: float
) -> Ellipse | None:
    """The ellipse a xx + b xy + c yy + d x + e y + f = 0 of positions (y, x) scaled by `spread`."""
    a, b, c = quadratic
    d, e, f = linear
    matrix = np.array([[c, b / 2], [b / 2, a]])  # of (row, column)
    centre = np.linalg.solve(-2 * matrix, np.array([e, d]))
    level = centre @ matrix @ centre - f
    values, vectors = np.linalg.eigh(matrix / level if level else matrix)
    if not level or values[0] <= 0:
        return None
    return Ellipse(middle + spread * centre, spread * vectors / np.sqrt(values))

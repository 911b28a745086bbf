"""Anti-aliased drawing, random walks and fields of noise, which all kinds of damage are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

SCALE = 3  # a canvas is drawn at so many times the size, then averaged
_SHIFT = 4  # fractional bits of coordinates
_FIELD = 1024  # side of the fields of noise, px

Size = tuple[int, int]  # (height, width), px


class Canvas:
    """Opacities drawn at `SCALE` times the size: thin lines keep their width and place."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._pixels = np.zeros((size[0] * SCALE, size[1] * SCALE), np.uint8)

    def line(self, points: np.ndarray, width: float, opacity: float = 1.0) -> None:
        """A polyline through (N, 2) points (x, y), px; its width is an odd number of 1 / SCALE px,
        as OpenCV draws a thickness of 2k as 2k + 1 pixels."""
        thickness = max(1, 2 * round((width * SCALE - 1) / 2))
        value = round(255 * opacity)
        cv2.polylines(
            self._pixels, [_fixed(points)], False, value, thickness, cv2.LINE_8, shift=_SHIFT
        )

    def polygon(self, points: np.ndarray, opacity: float = 1.0) -> None:
        """A filled polygon of (N, 2) corners (x, y), px."""
        cv2.fillPoly(self._pixels, [_fixed(points)], round(255 * opacity), cv2.LINE_8, shift=_SHIFT)

    def opacity(self) -> np.ndarray:
        """(H, W) float32 in [0, 1], what has been drawn."""
        height, width = self.size
        small = cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32) * np.float32(1 / 255)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * (SCALE << _SHIFT)).astype(np.int32)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from low to high, uniform on a logarithmic scale; low is above 0."""
    return float(low * (high / low) ** rng.random())


def random_walk(
    rng: np.random.Generator,
    start: Sequence[float],
    angle: float,
    length: float,
    *,
    step: float = 4.0,
    turn: float = 0.0,
    bend: float = 0.0,
) -> np.ndarray:
    """(N, 2) points (x, y) of a line that wanders.

    Args:
        rng: Draws the turns.
        start: (x, y), px.
        angle: Direction of the first step, radians.
        length: Of the whole line, px.
        step: Distance of the points, px.
        turn: Standard deviation of the direction around the line's own, radians; makes it jagged.
        bend: Standard deviation by which the line's direction changes a step, radians.
    """
    count = max(2, int(length / step))
    angles = np.full(count, angle)
    if bend:
        angles += np.cumsum(rng.normal(0, bend, count))
    if turn:
        angles += rng.normal(0, turn, count)
    steps = step * np.stack([np.cos(angles), np.sin(angles)], 1)
    return np.concatenate([[start], np.asarray(start) + np.cumsum(steps, 0)])


def blob(
    rng: np.random.Generator, center: Sequence[float], radius: float, *, rough: float = 0.25
) -> np.ndarray:
    """(N, 2) corners (x, y) of an irregular ellipse.

    Args:
        rng: Draws its axes and corners.
        center: (x, y), px.
        radius: Geometric mean of its half axes, px.
        rough: Standard deviation of its radius, relative.
    """
    count = 8 if radius < 3 else 14
    around = np.arange(count) * (2 * np.pi / count)
    radii = radius * np.exp(rng.normal(0, rough, count))
    stretch, turned = np.exp(rng.normal(0, 0.3)), rng.uniform(0, np.pi)
    x, y = radii * np.cos(around) * stretch, radii * np.sin(around) / stretch
    cos, sin = np.cos(turned), np.sin(turned)
    return np.stack([x * cos - y * sin + center[0], x * sin + y * cos + center[1]], 1)


@cache
def _field(softness: float) -> np.ndarray:
    """A fixed field of noise with mean 0 and standard deviation 1, (1024, 1024) float32."""
    white = np.random.default_rng(7).standard_normal((_FIELD, _FIELD), np.float32)
    if softness == 0:
        return white
    small = max(1, int(softness / 2))  # a blur of a large radius is made at a smaller size
    side = _FIELD // small
    soft = cv2.GaussianBlur(np.ascontiguousarray(white[:side, :side]), (0, 0), softness / small)
    field = np.asarray(cv2.resize(soft, (_FIELD, _FIELD), interpolation=cv2.INTER_LINEAR))
    return (field - field.mean()) / field.std()


def noise(rng: np.random.Generator, size: Size, softness: float = 0.0) -> np.ndarray:
    """(H, W) float32 noise with mean 0 and standard deviation 1, to be read only.

    A random piece of a field that is computed once, turned over by chance: drawing new noise takes
    ten times as long. Softness is the radius of its Gaussian blur, px; few values should be used.

    Raises:
        ValueError: The size is above 1,024 px.
    """
    height, width = size
    if max(size) > _FIELD:
        raise ValueError(f"size must be at most {_FIELD} px, got {size}")
    top = int(rng.integers(_FIELD - height + 1))
    left = int(rng.integers(_FIELD - width + 1))
    piece = _field(softness)[top : top + height, left : left + width]
    flips = int(rng.integers(4))
    return piece[:: -1 if flips & 1 else 1, :: -1 if flips & 2 else 1]

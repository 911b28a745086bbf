"""The shapes holes are made of, each drawn to a wanted area so that it looks alike at any size.

A shape takes `(canvas, frame, start, area, rng)`: a uint8 image (H, W) to draw 255 into, the
rectangle it should stay in, its first or middle point (x, y), the pixels it should cover (roughly:
it may overlap what is there or leave the canvas), and the generator of all its randomness.
Points are (x, y) here, as OpenCV has them. Thick OpenCV lines have round ends, hence round joints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np

Point = tuple[float, float]

_SHIFT = 4  # OpenCV's fixed point: coordinates in 1/16 px keep small images smooth


@dataclass(frozen=True)
class Frame:
    """A rectangle in pixels; it may reach beyond the canvas so that shapes are cut by its edge."""

    left: float
    top: float
    right: float
    bottom: float

    def draw_point(self, rng: np.random.Generator) -> Point:
        """A uniformly drawn point (x, y) of the rectangle."""
        u, v = rng.random(2)
        return self.left + u * (self.right - self.left), self.top + v * (self.bottom - self.top)

    def fold(self, points: np.ndarray, margin: float) -> np.ndarray:
        """Points (n, 2) mirrored at the edges until all lie `margin` px inside the rectangle."""
        low = np.array([self.left, self.top])
        side = np.array([self.right, self.bottom]) - low
        margins = np.minimum(margin, 0.45 * side)
        span = np.maximum(side - 2 * margins, 1e-6)  # of an image of one pixel: 0
        phase = np.mod(points - low - margins, 2 * span)
        return low + margins + span - np.abs(phase - span)


Shape = Callable[[np.ndarray, Frame, Point, float, np.random.Generator], None]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low * (high / low) ** rng.random()


def _fixed(points: np.ndarray) -> np.ndarray:
    """Points in OpenCV's fixed-point integers, int32."""
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _rotate(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (n, 2) turned about the origin by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def _place(points: np.ndarray, frame: Frame, centre: Point, angle: float) -> np.ndarray:
    """Points around the origin, turned and moved to `centre` or as near as `frame` lets them."""
    turned = _rotate(points, angle)
    reach = float(np.abs(turned).max())
    return turned + frame.fold(np.array([centre]), reach)


def _draw_stroke(
    canvas: np.ndarray,
    frame: Frame,
    start: Point,
    area: float,
    rng: np.random.Generator,
    *,
    bend: float,  # standard deviation of the turn per step, radians
    corners: float,  # probability of a sharp turn at a step
    taper: float,  # how far the width may fall below or rise above its mean, in [0, 1)
) -> None:
    """A walk with momentum whose width drifts: a brush stroke or an occlusion streak."""
    aspect = _log_uniform(rng, 4, 36)
    width, length = math.sqrt(area / aspect), math.sqrt(area * aspect)
    steps = min(max(round(length / (0.8 * width)), 4), 28)
    turns = rng.normal(0, bend, steps)
    sharp = rng.random(steps) < corners
    turns += sharp * rng.uniform(-2.4, 2.4, steps)
    heading = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
    strides = rng.uniform(0.6, 1.4, steps) * (length / steps)
    points = np.zeros((steps + 1, 2))
    np.cumsum(strides * np.cos(heading), out=points[1:, 0])
    np.cumsum(strides * np.sin(heading), out=points[1:, 1])
    points += start
    path = _fixed(frame.fold(points, 0.5 * width * (1 + taper)))
    if not taper:
        cv2.polylines(canvas, [path], False, 255, max(1, round(width)), cv2.LINE_8, _SHIFT)
        return
    drift = np.sin(rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, 0.7, steps)))
    widths = np.maximum(1, np.rint(width * (1 + taper * drift))).astype(int).tolist()
    ends = path.tolist()
    for a, b, thickness in zip(ends[:-1], ends[1:], widths, strict=True):
        cv2.line(canvas, a, b, 255, thickness, cv2.LINE_8, _SHIFT)


def _draw_scribble(
    canvas: np.ndarray, frame: Frame, start: Point, area: float, rng: np.random.Generator
) -> None:
    """An object crossed out to and fro with one brush, as people mark what must go."""
    aspect = _log_uniform(rng, 1, 3)
    half_length = math.sqrt(area * aspect / math.pi)
    half_height = half_length / aspect
    passes = int(rng.integers(4, 11))
    along = np.linspace(-1, 1, passes + 1)
    along += rng.normal(0, 0.35 / passes, passes + 1)
    across = np.sqrt(np.maximum(0.08, 1 - along**2)) * np.where(np.arange(passes + 1) % 2, 1, -1)
    across *= rng.uniform(0.75, 1.1, passes + 1)
    points = np.stack([along * half_length, across * half_height], axis=1)
    path = _place(points, frame, start, rng.uniform(0, 2 * math.pi))
    width = 2 * half_length / passes * rng.uniform(0.8, 1.5)
    cv2.polylines(canvas, [_fixed(path)], False, 255, max(1, round(width)), cv2.LINE_8, _SHIFT)


def _draw_blob(
    canvas: np.ndarray, frame: Frame, start: Point, area: float, rng: np.random.Generator
) -> None:
    """A closed curve with a wavy radius: the outline of some thing."""
    aspect = _log_uniform(rng, 1, 3)
    angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    harmonics = np.arange(2, 8)
    waves = np.cos(harmonics * angles[:, None] + rng.uniform(0, 2 * math.pi, harmonics.size))
    radius = np.maximum(0.2, 1 + waves @ (rng.normal(0, 0.45, harmonics.size) / harmonics**0.7))
    radius *= math.sqrt(area / (math.pi * np.mean(radius**2)))
    stretch = np.array([math.sqrt(aspect), 1 / math.sqrt(aspect)])
    points = radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1) * stretch
    path = _place(points, frame, start, rng.uniform(0, 2 * math.pi))
    cv2.fillPoly(canvas, [_fixed(path)], 255, cv2.LINE_8, _SHIFT)


def _draw_polygon(
    canvas: np.ndarray,
    frame: Frame,
    start: Point,
    area: float,
    rng: np.random.Generator,
    *,
    corners: int,  # 4: a rectangle; many: an ellipse
) -> None:
    """A rectangle or an ellipse, stretched and turned at random."""
    aspect = _log_uniform(rng, 1, 4)
    angles = (np.arange(corners) + 0.5) * (2 * math.pi / corners)
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    unit_area = 0.5 * corners * math.sin(2 * math.pi / corners)
    points = unit * math.sqrt(area / unit_area) * np.array([aspect**0.5, aspect**-0.5])
    path = _place(points, frame, start, rng.uniform(0, 2 * math.pi))
    cv2.fillConvexPoly(canvas, _fixed(path), 255, cv2.LINE_8, _SHIFT)


draw_streak: Shape = partial(_draw_stroke, bend=0.35, corners=0.12, taper=0.5)
draw_brush: Shape = partial(_draw_stroke, bend=0.25, corners=0.04, taper=0.0)
draw_scribble: Shape = _draw_scribble
draw_blob: Shape = _draw_blob
draw_ellipse: Shape = partial(_draw_polygon, corners=40)
draw_rectangle: Shape = partial(_draw_polygon, corners=4)


@lru_cache(maxsize=4)
def _pixel_places(height: int, width: int) -> np.ndarray:
    """(x, y) of each pixel, (H, W, 2) float32."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def warp(canvas: np.ndarray, rng: np.random.Generator, *, together: bool = False) -> np.ndarray:
    """`canvas` (H, W) bent by a smooth random field, so that no outline stays a textbook shape.

    Coarse fields bend whole shapes, fine ones fray their edges. The field is drawn on a small grid
    whose cells are square, and its height keeps it from folding over itself.

    together: enlarge both components in one call. That rounds differently by 1e-5 px and takes a
    tenth of the time: OpenCV gives one channel to IPP, and two to its own code.
    """
    height, width = canvas.shape
    cell = min(height, width) / _log_uniform(rng, 3, 24)
    grid = (2, max(2, round(height / cell)), max(2, round(width / cell)))
    offsets = rng.normal(0, 0.25 * rng.random() * cell, grid).astype(np.float32)
    if together:
        field = np.ascontiguousarray(offsets.transpose(1, 2, 0))  # (grid, grid, 2), x before y
        places = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
        places += _pixel_places(height, width)
        maps: tuple[Any, Any] = places, None  # OpenCV's types know no map of two channels
        return cv2.remap(canvas, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    map_x, map_y = (cv2.resize(o, (width, height), interpolation=cv2.INTER_CUBIC) for o in offsets)
    map_x += np.arange(width, dtype=np.float32)
    map_y += np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(canvas, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)

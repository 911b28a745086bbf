"""Irregular holes with a wanted size, for training and for tests (arXiv:1804.07723, section 4.1).

The paper takes its holes from occlusion masks between video frames: streaks and patches with
frayed edges. Those masks are not free to ship, so holes are drawn here, half of them like these
and half as people paint them.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.masks import shapes
from inpaint.masks.adjust import HALVED, TOLERANCE, adjust, adjust_fast
from inpaint.masks.shapes import Frame, Shape

# Of the holes that a seed gives. It rises when they change: reports, test sets and training runs
# keep it, so that holes of two versions are not taken for the same. Holes of version 2 are drawn
# twice as fast, with some outlines a pixel or two elsewhere. Evaluation keeps version 1, and so do
# training runs that began with it.
GENERATOR_VERSION = 1
TRAINING_VERSION = 2

HOLE_BUCKETS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))

_MAX_SHAPES = 40  # what is still missing after these is grown at the edges
_INSIDE_SHARE = 0.3  # of the small holes that may lie anywhere keep away from the edge


@dataclass(frozen=True)
class _Recipe:
    """One way holes look: which shapes, and how much of the hole each of them may take."""

    weight: float  # probability of this recipe
    shapes: tuple[Shape, ...]  # drawn from with equal probability
    share: tuple[float, float]  # of the hole's area


_RECIPES = (
    _Recipe(0.30, (shapes.draw_streak,), (0.08, 0.35)),
    _Recipe(0.20, (shapes.draw_streak, shapes.draw_streak, shapes.draw_blob), (0.05, 0.4)),
    _Recipe(0.15, (shapes.draw_brush,), (0.4, 1.0)),
    _Recipe(0.15, (shapes.draw_scribble, shapes.draw_scribble, shapes.draw_brush), (0.4, 1.0)),
    _Recipe(0.10, (shapes.draw_blob, shapes.draw_ellipse, shapes.draw_rectangle), (0.2, 1.0)),
    _Recipe(
        0.10,
        (shapes.draw_streak, shapes.draw_brush, shapes.draw_scribble, shapes.draw_blob,
         shapes.draw_ellipse, shapes.draw_rectangle),
        (0.1, 0.5),
    ),
)  # fmt: skip
_RECIPE_STEPS = np.cumsum([recipe.weight for recipe in _RECIPES])


def hole_bucket(ratio: float) -> int:
    """Index into `HOLE_BUCKETS` of a hole ratio; a bucket holds its upper bound, not its lower.

    Raises ValueError for a ratio outside (0.01, 0.6].
    """
    for index, (low, high) in enumerate(HOLE_BUCKETS):
        if low < ratio <= high:
            return index
    raise ValueError(f"hole ratio must lie in (0.01, 0.6], got {ratio:g}")


def border_width(size: tuple[int, int]) -> int:
    """Width in pixels of the border band of an image (height, width): 50 at 512, at least 1."""
    return max(1, round(50 * min(size) / 512))


def random_hole(
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    ratio: tuple[float, float] = (0.01, 0.6),
    border: bool | None = None,
    version: int = GENERATOR_VERSION,
) -> np.ndarray:
    """A random irregular hole: bool, shape `size` = (height, width), True = fill.

    Half of the holes are like the paper's: many streaks of varying width with turns, and patches.
    A third is as people paint: one or a few brush strokes, or a scribbled-out object. The others
    are blobs, ellipses, rectangles and mixtures. Shapes have any direction and may be cut by the
    image's edge; two thirds of the holes are bent or frayed, and many are grown at the edges.
    All lengths follow the image's size, so holes look alike from 32 to 2048 px.

    - `ratio`: (low, high) in [0, 1]; the share of True pixels lies in (low, high]. It is drawn
      uniformly, and the drawn shapes are then grown or shrunk to it along their edges.
    - `border`: False keeps the band of `border_width(size)` pixels along the image's edge free,
      True puts at least one hole pixel into it, None mixes both kinds.
    - `version`: 1, or TRAINING_VERSION for the same kind of holes in half the time.

    The same version and state of `rng` give the same bytes. Raises ValueError for a range that no
    number of pixels can meet, and for another version.
    """
    if version not in (GENERATOR_VERSION, TRAINING_VERSION):
        raise ValueError(f"version must be 1 or 2, got {version}")
    low, high = _count_range(size, ratio, border)
    target = int(rng.integers(low, high + 1))
    canvas = _draw_shapes(size, target, border, rng, version)
    if border is False:
        _clear_band(canvas)
    count = cv2.countNonZero(canvas)
    near = abs(count - target) <= TOLERANCE * canvas.size
    if near and low <= count <= high:
        hole = canvas > 0
    else:
        inside = _inside(size) if border is False else (slice(None), slice(None))
        if version == GENERATOR_VERSION or min(size) < HALVED:
            hole = adjust(canvas, target, inside, rng)
        else:
            hole = adjust_fast(canvas, target, (low, high), inside, rng)
    if border and not _touches_band(hole):
        hole = _shift_into_band(hole, rng)
    return hole


def fixed_hole(
    size: tuple[int, int],
    index: int,
    *,
    seed: int,
    bucket: int | None = None,
    border: bool | None = None,
) -> np.ndarray:
    """The hole of image number `index`, bool (height, width): depends on the arguments only.

    `bucket` is an index into `HOLE_BUCKETS`; None draws from the whole range (0.01, 0.6]. For
    evaluation: every run and every model sees the same holes. Raises ValueError as `random_hole`.
    """
    if bucket is not None and not 0 <= bucket < len(HOLE_BUCKETS):
        raise ValueError(f"bucket must be None or 0 to {len(HOLE_BUCKETS) - 1}, got {bucket}")
    ratio = (HOLE_BUCKETS[0][0], HOLE_BUCKETS[-1][1]) if bucket is None else HOLE_BUCKETS[bucket]
    return random_hole(size, np.random.default_rng([seed, index]), ratio=ratio, border=border)


def _count_range(
    size: tuple[int, int], ratio: tuple[float, float], border: bool | None
) -> tuple[int, int]:
    """The least and the greatest number of hole pixels that meet the request."""
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"size must be (height, width) of at least 1 px, got {size}")
    if not 0 <= ratio[0] < ratio[1] <= 1:
        raise ValueError(f"ratio must be (low, high) with 0 <= low < high <= 1, got {ratio}")
    total = height * width
    low, high = (_floor_count(bound, total) for bound in ratio)
    low += 1
    if border is False:
        band = border_width(size)
        high = min(high, max(0, height - 2 * band) * max(0, width - 2 * band))
    if low > high:
        raise ValueError(
            f"no hole with ratio in ({ratio[0]:g}, {ratio[1]:g}] and border={border} fits into "
            f"{height}x{width} px: widen the range or enlarge the picture"
        )
    return low, high


def _floor_count(ratio: float, total: int) -> int:
    """The greatest count with `count / total <= ratio` in floats, as a caller will test it."""
    count = math.floor(ratio * total) + 1
    while count / total > ratio:
        count -= 1
    return count


def _draw_shapes(
    size: tuple[int, int],
    target: int,
    border: bool | None,
    rng: np.random.Generator,
    version: int,
) -> np.ndarray:
    """Shapes of about `target` pixels in all: uint8 (H, W), 255 = hole."""
    canvas = np.zeros(size, np.uint8)
    # Strokes that may leave the image mostly do, but people mark things in its middle too. Small
    # things: large holes in the middle would leave the corners known nearly always.
    small = target < 0.3 * canvas.size
    inside = border is None and small and rng.random() < _INSIDE_SHARE
    frame = _drawing_frame(size, inside or border is False)
    recipe = _RECIPES[int(np.searchsorted(_RECIPE_STEPS[:-1], rng.random(), side="right"))]
    # Two in five are drawn too small on purpose: growing them rounds and merges their parts.
    wanted = target * (rng.uniform(0.5, 0.95) if rng.random() < 0.4 else 1.0)
    start = _edge_point(size, rng) if border else frame.draw_point(rng)
    count = 0
    for _ in range(_MAX_SHAPES):
        area = min(target * rng.uniform(*recipe.share), 1.1 * (wanted - count))
        draw = recipe.shapes[int(rng.integers(len(recipe.shapes)))]
        draw(canvas, frame, start, max(area, 0.1 * wanted, 1.0), rng)
        count = cv2.countNonZero(canvas)
        if count >= 0.97 * wanted:
            break
        start = frame.draw_point(rng)
    if rng.random() < 0.67:
        return shapes.warp(canvas, rng, together=version > GENERATOR_VERSION)
    return canvas


def _drawing_frame(size: tuple[int, int], inside: bool) -> Frame:
    """Where shapes go: the inside of the band, or the image and a fifth of its side beyond.

    The fifth evens out the image: without it corners are holes a quarter as often as the middle.
    """
    height, width = size
    inset = border_width(size) if inside else -0.2 * min(size)
    return Frame(inset, inset, width - 1 - inset, height - 1 - inset)


def _edge_point(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """A point (x, y) on one of the image's four edges, each as likely as the others."""
    last_y, last_x = size[0] - 1.0, size[1] - 1.0
    u = rng.random()
    points = ((u * last_x, 0.0), (u * last_x, last_y), (0.0, u * last_y), (last_x, u * last_y))
    return points[int(rng.integers(4))]


def _inside(size: tuple[int, int]) -> tuple[slice, slice]:
    """Index of the part of an image that the border band leaves."""
    band = border_width(size)
    return slice(band, size[0] - band), slice(band, size[1] - band)


def _clear_band(canvas: np.ndarray) -> None:
    inside = _inside(canvas.shape)
    kept = canvas[inside].copy()
    canvas[:] = 0
    canvas[inside] = kept


def _touches_band(hole: np.ndarray) -> bool:
    return bool(np.count_nonzero(hole) > np.count_nonzero(hole[_inside(hole.shape)]))


def _shift_into_band(hole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hole that lies wholly inside, moved to a random side until it reaches into the band."""
    axis = int(rng.integers(2))
    lines = np.flatnonzero(hole.any(axis=1 - axis))
    depth = int(rng.integers(border_width(hole.shape)))
    if rng.random() < 0.5:
        return np.roll(hole, depth - lines[0], axis=axis)
    return np.roll(hole, hole.shape[axis] - 1 - depth - lines[-1], axis=axis)

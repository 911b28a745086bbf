"""Exemplar-based texture for a soft fill: coherent pieces of the known image at the fill's colours.

1. Edges that enter the hole on both sides are joined across it (`joining`).
2. A shift map at a coarse scale gives the source of each hole pixel (`shift_map`). Deep in a hole
   the network's fill is too vague to guide it: a patch-based completion of the image is a second
   guide there (`completion`).
3. The shift map is upsampled to the image's own scale, and its seams refined (`upsampling`).
4. The sources' gradients are blended with the fill's colours by a screened Poisson equation
   (`gradient_blending`), with a robust weight of the fill (`robust_screening`).

In thin holes each pixel has its own nearest neighbour instead. Single-threaded compiled code
without reordered sums: the same image, hole and seed give the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from inpaint.texture.completion import complete
from inpaint.texture.features import Features, prefers_first
from inpaint.texture.gradient_blending import blend
from inpaint.texture.joining import DETERMINED, Joined, join_edges
from inpaint.texture.nearest_neighbours import Search, nearest_neighbour_field, random_state
from inpaint.texture.pyramid import Level, is_source
from inpaint.texture.robust_screening import screening_scale
from inpaint.texture.shift_map import find_shift_map
from inpaint.texture.upsampling import add_upsampled, refine, upsample
from inpaint.utils.distance import hole_depth

OnProgress = Callable[[float], object]  # takes the share that is done, 0 to 1

_BEFORE_BLENDING = 0.7  # share of the time, in holes of 1 to 10 million pixels
_PIXELS = 2500  # of the hole at the scale of the shift map
_MOST_PIXELS = 10_000  # with more, as of long strokes, graph cuts would take too long
_THIN = 3.0  # px, depth of a hole that gets no shift map
_LEAST_DEPTH = 1.5  # px, of the hole at the scale of the shift map
_LEAST_SIDE = 24  # px, of the image at that scale
_LEAST_SOURCES = 200
_SOURCES, _SOURCES_PER_PIXEL = 32_000, 8  # most of them at the scale of the shift map
_FILL_BLUR = 1.5  # sigma, px: leaves known part and fill alike
_KNOWN_BLUR = 0.7
_MOST_GAIN = 1.5
_DEPTH_PIXELS = 2**22
# Screening length: px, and px for each px of depth; grows faster from _DEEP px on. Deep in a large
# hole the fill is vague, and its colours count over longer distances only.
_SOFT, _SOFTER, _DEEP = np.float32(0.5), np.float32(0.7), np.float32(30.0)
_COMPLETED = 20.0  # px, depth of a hole from which a completion guides the shift map, too
_DEEPER = 64.0  # px, depth from which it has more random starts
_STARTS, _MORE_STARTS = 2, 4
_FIXED = 0.45  # share of a joined edge in a pixel from which the completion keeps it
_MAX_RMS = 0.12  # RMS difference of patches above which a source does not continue a joined edge
_RADIUS = 2  # px, of these patches
_NO_EDGE, _FOLLOWED_NOWHERE = np.empty((0, 0), np.float32), np.empty((0, 0), np.bool_)


def synthesize(
    image: np.ndarray,
    hole: np.ndarray,
    ignore: np.ndarray,
    exclude: np.ndarray | None = None,
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The image with texture in its hole.

    Args:
        image: (H, W, 3) float32 in [0, 1], with a soft fill in the hole.
        hole: (H, W) bool, True = gets texture.
        ignore: (H, W) bool, True = neither known nor hole.
        exclude: (H, W) bool, True = is not copied. None: all that is known may be.
        seed: Of the random part of the search.
        on_progress: Called with the share of the work that is done.
        out: `image` itself, to write to it and save a copy's memory.

    Returns:
        (H, W, 3) float32 in [0, 1], which differs from `image` only in the hole. The fill stays
        as it is where too little is known.
    """
    known = ~(hole | ignore)
    source = known if exclude is None else known & ~exclude
    if not hole.any() or np.count_nonzero(source) < _LEAST_SOURCES:
        return image
    result = image.copy() if out is None else image
    if _fill_flat(result, hole, source):
        return result
    report, report_blending = _parts(on_progress, _BEFORE_BLENDING)
    depth, halvings = _depth(~known)
    side = 2**halvings
    deepest = float(depth[hole[::side, ::side]].max(initial=0))
    levels = _pyramid(result, hole, known, source, deepest)
    joined = join_edges(result, levels, deepest)
    if joined is not None:
        levels = _pyramid(result, hole, known, source, deepest)
    offsets, fill, completed = _coarse_offsets(levels, joined, deepest, random_state(seed))
    scale = 2 ** (len(levels) - 1)
    if completed is not None:
        add_upsampled(result, hole, completed.change, scale)
    share, detail = (_NO_EDGE, _NO_EDGE) if joined is None else (joined.share, joined.detail)
    followed = _FOLLOWED_NOWHERE if completed is None else completed.followed
    length = _screening_length(depth, halvings, share, detail, followed, scale)
    gain = _gain(fill, levels[-1].hole, offsets)
    for done, level in enumerate(reversed(levels[:-1]), 1):
        report(done / (len(levels) + 1))
        offsets = upsample(offsets, level, fill, done)
    report(len(levels) / (len(levels) + 1))
    if joined is not None:
        _restore_edges(result, hole, source, joined.share, joined.offsets, offsets)
    del levels  # their images take a third of the image's memory
    length *= screening_scale(result, offsets, hole, halvings)
    blend(result, offsets, hole, known, length, halvings, gain, report_blending)
    return result


@dataclass(frozen=True)
class _Completion:
    """Where a completion guides the shift map instead of the fill, at the scale of both.

    Attributes:
        followed: (H, W) bool, True = the sources are nearer to the completion.
        change: (H, W, 3) float32, completion minus fill where it is followed, else 0.
    """

    followed: np.ndarray
    change: np.ndarray


def _coarse_offsets(
    levels: Sequence[Level], joined: Joined | None, deepest: float, state: np.ndarray
) -> tuple[np.ndarray, Features, _Completion | None]:
    """Offsets of the coarsest level's hole, (H, W, 2) int16, the features that guide them, and
    the completion, if there is one.

    Args:
        levels: The image at its own scale and at halves of it.
        joined: Edges that the image has across its hole.
        deepest: Depth of the hole, px of the image.
        state: See random_state; is advanced.
    """
    level = _with_near_sources(levels[-1])
    thin = len(levels) == 1 and deepest <= _THIN
    fill = Features(level, _KNOWN_BLUR if thin else _FILL_BLUR)
    fill.estimate_texture(levels[-1])
    if thin or np.count_nonzero(level.hole) > _MOST_PIXELS:
        return _pixelwise_offsets(level, fill, state), fill, None
    if deepest <= _COMPLETED:
        known = Features(level, _KNOWN_BLUR)
        return find_shift_map(level, [fill], known, state), fill, None
    starts = _STARTS if deepest <= _DEEPER else _MORE_STARTS
    completion = complete(_with_edges(level, joined, 2 ** (len(levels) - 1)), state, starts=starts)
    offsets, followed = _pieces(level, fill, completion, state)
    return offsets, fill, _Completion(followed, (completion - level.image) * followed[..., None])


def _parts(on_progress: OnProgress | None, first: float) -> tuple[OnProgress, OnProgress]:
    """Callbacks of a first part of the work, `first` of it, and of the rest."""
    if on_progress is None:
        return (lambda share: None), (lambda share: None)
    return (
        lambda share: on_progress(first * share),
        lambda share: on_progress(first + (1 - first) * share),
    )


def _depth(unknown: np.ndarray) -> tuple[np.ndarray, int]:
    """Distance to the nearest known pixel, px, for each block of 2^n x 2^n pixels, and n.

    A larger image than _DEPTH_PIXELS has blocks, for memory.
    """
    halvings = 0
    while unknown.size >> (2 * halvings) > _DEPTH_PIXELS:
        halvings += 1
    if halvings:
        side = 2**halvings
        # A block is unknown where its first pixel is; the last rows and columns have blocks, too.
        unknown = np.ascontiguousarray(unknown[::side, ::side])
    return hole_depth(unknown) * np.float32(2**halvings), halvings


@njit(cache=True, nogil=True)
def _screening_length(
    depth: np.ndarray,
    halvings: int,
    share: np.ndarray,
    detail: np.ndarray,
    followed: np.ndarray,
    scale: int,
) -> np.ndarray:
    """Distance over which the fill's colours count, px: (H, W) float32, for each block of `depth`.

    Args:
        depth, halvings: See _depth.
        share, detail: Of Joined; empty without joined edges.
        followed: Of _Completion; empty without one.
        scale: Pixels of the image in one of `followed`.
    """
    length = np.empty(depth.shape, np.float32)
    edge = np.float32(0)
    for y in range(depth.shape[0]):
        v = y << halvings
        for x in range(depth.shape[1]):
            u = x << halvings
            far = _SOFT + _SOFTER * depth[y, x] * (np.float32(1) + depth[y, x] / _DEEP)
            if share.size:
                edge = share[v, u]
                far += edge * (min(far, detail[v, u]) - far)
            if followed.size and followed[v // scale, u // scale]:
                far = np.float32(far + scale * (np.float32(1) - edge))
            length[y, x] = far
    return length


@njit(cache=True, nogil=True)
def _fill_flat(image: np.ndarray, hole: np.ndarray, source: np.ndarray) -> bool:
    """Fill the hole with the sources' colour if they all have the same, in place; whether so."""
    height, width = hole.shape
    first = -1
    for y in range(height):
        for x in range(width):
            if source[y, x]:
                if first < 0:
                    first = y * width + x
                for c in range(3):
                    if image[y, x, c] != image[first // width, first % width, c]:
                        return False
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                image[y, x] = image[first // width, first % width]
    return True


def _pyramid(
    image: np.ndarray, hole: np.ndarray, known: np.ndarray, source: np.ndarray, depth: float
) -> list[Level]:
    """The image at its own scale and at halves of it, to the one of the shift map."""
    levels = [Level(image, np.zeros(hole.shape, np.float32), hole, known, source)]
    while np.count_nonzero(levels[-1].hole) > _PIXELS:
        depth /= 2
        coarser = levels[-1].halved()
        if (
            depth < _LEAST_DEPTH
            or min(coarser.size) < _LEAST_SIDE
            or np.count_nonzero(coarser.source) < _LEAST_SOURCES
        ):
            break
        levels.append(coarser)
    return levels


def _with_near_sources(level: Level) -> Level:
    """The level with the nearest sources only, at most _SOURCES or _SOURCES_PER_PIXEL.

    So the time grows with the hole and not with the image around it.
    """
    most = max(_SOURCES, _SOURCES_PER_PIXEL * np.count_nonzero(level.hole))
    if np.count_nonzero(level.source) <= most:
        return level
    distance = hole_depth(~level.hole)
    farthest = np.partition(distance[level.source], most)[most]
    return replace(level, source=level.source & (distance < farthest))


def _gain(fill: Features, hole: np.ndarray, offsets: np.ndarray) -> float:
    """Ratio of the estimated texture in the hole to that of its sources, 1 to _MOST_GAIN.

    Sources with the colours of a soft fill are smoother than the surroundings of the hole.
    """
    rows, columns = np.nonzero(hole)
    places = rows + offsets[rows, columns, 0], columns + offsets[rows, columns, 1]
    wanted, found = (float(np.square(t).mean()) for t in (fill.texture[hole], fill.texture[places]))
    return float(np.clip(np.sqrt(wanted / max(found, 1e-12)), 1, _MOST_GAIN)) if wanted else 1.0


def _pixelwise_offsets(level: Level, fill: Features, state: np.ndarray) -> np.ndarray:
    """Offsets from each hole pixel to its own nearest neighbour: (H, W, 2) int16."""
    offsets = np.zeros((*level.size, 2), np.int16)
    offsets[level.hole] = nearest_neighbour_field(
        fill, level.hole, level.source, Search(), state
    ).offsets
    refine(offsets, level, fill, 0)
    return offsets


def _pieces(
    level: Level, fill: Features, completion: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The shift map guided by fill and completion, and where the completion is nearer.

    Args:
        level: The coarsest.
        fill: Features of the level's image; those of the completion are written where it is nearer.
        completion: (H, W, 3) float32.
        state: See random_state; is advanced.

    Returns:
        (H, W, 2) int16 and (H, W) bool.
    """
    other = Features(replace(level, image=completion), _FILL_BLUR)
    other.estimate_texture(level)
    known = Features(level, _KNOWN_BLUR)
    offsets = find_shift_map(level, [fill, other], known, state)
    followed = prefers_first(other, fill, level.hole, offsets)
    fill.colours[followed] = other.colours[followed]
    fill.texture[followed] = other.texture[followed]
    return offsets, followed


def _with_edges(level: Level, joined: Joined | None, scale: int) -> Level:
    """The level with the edges across its hole as known pixels that are not copied."""
    if joined is None:
        return level
    height, width = level.size
    share = np.zeros((height * scale, width * scale), np.float32)
    share[: joined.share.shape[0], : joined.share.shape[1]] = joined.share
    fixed = share.reshape(height, scale, width, scale).mean((1, 3)) > _FIXED
    return replace(level, hole=level.hole & ~fixed, known=level.known | (fixed & level.hole))


@njit(cache=True, nogil=True)
def _restore_edges(
    image: np.ndarray,
    hole: np.ndarray,
    source: np.ndarray,
    share: np.ndarray,
    along: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Give joined edges that the shift map does not continue the offsets along the edge, in place.

    Where those do not continue it either, as in a curve, the painted edge stays: offset 0.
    """
    height, width = hole.shape
    changed = np.zeros(hole.shape, np.uint8)
    for y in range(height):
        for x in range(width):
            if share[y, x] >= DETERMINED and _patch_differs(image, hole, source, offsets, y, x):
                changed[y, x] = 2 if _patch_differs(image, hole, source, along, y, x) else 1
    for y in range(height):
        for x in range(width):
            if changed[y, x] == 1:
                offsets[y, x] = along[y, x]
            elif changed[y, x] == 2:
                offsets[y, x] = 0


@njit(cache=True, nogil=True)
def _patch_differs(
    image: np.ndarray, hole: np.ndarray, source: np.ndarray, offsets: np.ndarray, y: int, x: int
) -> bool:
    """Whether the hole's patch at a pixel differs from the patch at its source."""
    height, width = hole.shape
    dy, dx = offsets[y, x]
    if not is_source(source, y + dy, x + dx):
        return True
    squares, count = 0.0, 0
    for v in range(max(y - _RADIUS, 0), min(y + _RADIUS + 1, height)):
        for u in range(max(x - _RADIUS, 0), min(x + _RADIUS + 1, width)):
            a, b = v + dy, u + dx
            if hole[v, u] and 0 <= a < height and 0 <= b < width:
                for c in range(3):
                    squares += (image[v, u, c] - image[a, b, c]) ** 2
                count += 1
    return squares > _MAX_RMS**2 * count

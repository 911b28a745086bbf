"""Texture for a soft fill: coherent pieces of the known image, at the colours of the fill.

1. Edges that enter the hole on both sides are joined across it (`joining`).
2. A shift map at a coarse scale says which known pixel each hole pixel copies (`shift_map`). Deep
   in a hole the network's fill is too vague to choose by: there the pieces may be like an image
   completed by its own patches instead (`completion`).
3. It is carried to the image's own scale, where seams move a little (`upsampling`).
4. The pieces' gradients are put together on the colours of the fill (`gradient_blending`), as far
   as the pieces do not tell that these are wrong (`doubt`).

Thin holes need no pieces: each pixel copies from the place most like it. Single-threaded compiled
code without reordered sums: the same image, hole and seed give the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from inpaint.texture.completion import complete
from inpaint.texture.doubt import doubt
from inpaint.texture.gradient_blending import blend
from inpaint.texture.joining import DETERMINED, Joined, join_edges
from inpaint.texture.matching import Appearance, closer
from inpaint.texture.offset_search import Search, random_state, search_offsets
from inpaint.texture.pyramid import Level
from inpaint.texture.shift_map import find_shift_map
from inpaint.texture.upsampling import add_upsampled, refine, upsample
from inpaint.utils.distance import hole_depth

OnProgress = Callable[[float], object]  # takes the share that is done, 0 to 1

_BEFORE_BLENDING = 0.7  # share of the time, in holes of 1 to 10 million pixels
_PIXELS = 2500  # of the hole at the scale of the shift map
_MOST_PIXELS = 10_000  # with more, as of long strokes, graph cuts would take too long
_THIN = 3.0  # px, depth of a hole that needs no pieces
_LEAST_DEPTH = 1.5  # px, of the hole at the scale of the shift map
_LEAST_SIDE = 24  # px, of the image at that scale
_LEAST_SOURCES = 200
_SOURCES, _SOURCES_PER_PIXEL = 32_000, 8  # most of them at the scale of the shift map
_FILL_BLUR = 1.5  # sigma, px: leaves known part and fill alike
_KNOWN_BLUR = 0.7
_MOST_GAIN = 1.5
_DEPTH_PIXELS = 2**22
# Detail of the fill is coarser than this: px, and px for each px of depth. Deep in a large hole the
# network has little to go by, and its colours count over longer distances only.
_SOFT, _SOFTER, _DEEP = 0.5, 0.7, 30.0
# px, depth of a hole from which on the network's fill is vague, or a haze of what lies at its edge.
_VAGUE = 20.0
_DEEPER = 64.0  # px, and from which on a completion is worth more starts
_STARTS, _MORE_STARTS = 2, 4
_FIXED = 0.45  # share of a joined edge in a pixel's colours from which on a completion keeps them
_UNLIKE = 0.12  # RMS difference of a piece from a joined edge at which the edge stays without it
_PATCH = 2  # px to all sides in which they are compared


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
    if _flatten(result, hole, source):
        return result
    report, report_blending = _parts(on_progress, _BEFORE_BLENDING)
    depth, halvings = _depth(~known)
    side = 2**halvings
    deepest = float(depth[hole[::side, ::side]].max(initial=0))
    levels = _pyramid(result, hole, known, source, deepest)
    length = _SOFT + _SOFTER * depth * (1 + depth / _DEEP)
    joined = join_edges(result, levels, deepest)
    if joined is not None:
        levels = _pyramid(result, hole, known, source, deepest)
        share, detail = (part[::side, ::side] for part in (joined.share, joined.detail))
        length += share * (np.minimum(length, detail) - length)
    offsets, fill, vague = _coarse_offsets(levels, joined, deepest, random_state(seed))
    if vague is not None:
        scale = 2 ** (len(levels) - 1)
        add_upsampled(result, hole, vague.change, scale)
        farther = scale * _nearest(vague.followed, length.shape, scale / side)
        length += farther if joined is None else farther * (1 - joined.share[::side, ::side])
    gain = _gain(fill, levels[-1].hole, offsets)
    for done, level in enumerate(reversed(levels[:-1]), 1):
        report(done / (len(levels) + 1))
        offsets = upsample(offsets, level, fill, done)
    report(len(levels) / (len(levels) + 1))
    if joined is not None:
        _keep_edges(result, hole, source, joined.share, joined.offsets, offsets)
    del levels  # their images take a third of the image's memory
    length *= doubt(result, offsets, hole, halvings)
    blend(result, offsets, hole, known, length, halvings, gain, report_blending)
    return result


@dataclass(frozen=True)
class _Vague:
    """Where a fill is too vague to choose pieces by, at the scale of the shift map.

    Attributes:
        followed: (H, W) bool, True = the pieces follow a completion.
        change: (H, W, 3) float32, from the fill to the completion, where that is followed.
    """

    followed: np.ndarray
    change: np.ndarray


def _coarse_offsets(
    levels: Sequence[Level], joined: Joined | None, deepest: float, state: np.ndarray
) -> tuple[np.ndarray, Appearance, _Vague | None]:
    """Offsets of the coarsest level's hole, (H, W, 2) int16, and what they were chosen by.

    Args:
        levels: The image at its own scale and at halves of it.
        joined: Edges that the image has across its hole.
        deepest: Depth of the hole, px of the image.
        state: See random_state; is advanced.
    """
    level = _with_near_sources(levels[-1])
    thin = len(levels) == 1 and deepest <= _THIN
    fill = Appearance(level, _KNOWN_BLUR if thin else _FILL_BLUR)
    fill.expect_texture(levels[-1])
    if thin or np.count_nonzero(level.hole) > _MOST_PIXELS:
        return _single_offsets(level, fill, state), fill, None
    if deepest <= _VAGUE:
        known = Appearance(level, _KNOWN_BLUR)
        return find_shift_map(level, [fill], known, state), fill, None
    starts = _STARTS if deepest <= _DEEPER else _MORE_STARTS
    completion = complete(_with_edges(level, joined, 2 ** (len(levels) - 1)), state, starts=starts)
    offsets, followed = _pieces(level, fill, completion, state)
    return offsets, fill, _Vague(followed, (completion - level.image) * followed[..., None])


def _parts(on_progress: OnProgress | None, first: float) -> tuple[OnProgress, OnProgress]:
    """What takes the progress of a first part of the work, of that share, and of the rest."""
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
def _flatten(image: np.ndarray, hole: np.ndarray, source: np.ndarray) -> bool:
    """Where all sources have one colour, give it to the hole, in place; whether they have."""
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
    """The level with no more sources than the work of a hole of its size allows, the nearest ones.

    So the time grows with the hole and not with the image around it.
    """
    most = max(_SOURCES, _SOURCES_PER_PIXEL * np.count_nonzero(level.hole))
    if np.count_nonzero(level.source) <= most:
        return level
    distance = hole_depth(~level.hole)
    farthest = np.partition(distance[level.source], most)[most]
    return replace(level, source=level.source & (distance < farthest))


def _gain(fill: Appearance, hole: np.ndarray, offsets: np.ndarray) -> float:
    """What makes the copied texture as strong as the expected one: 1 to _MOST_GAIN.

    Sources that have the colours of a soft fill are smoother than what is around it.
    """
    rows, columns = np.nonzero(hole)
    places = rows + offsets[rows, columns, 0], columns + offsets[rows, columns, 1]
    wanted, found = (float(np.square(t).mean()) for t in (fill.texture[hole], fill.texture[places]))
    return float(np.clip(np.sqrt(wanted / max(found, 1e-12)), 1, _MOST_GAIN)) if wanted else 1.0


def _single_offsets(level: Level, fill: Appearance, state: np.ndarray) -> np.ndarray:
    """Offsets of pixels that each copy from the place most like the fill: (H, W, 2) int16."""
    offsets = np.zeros((*level.size, 2), np.int16)
    offsets[level.hole] = search_offsets(fill, level.hole, level.source, Search(), state).offsets
    refine(offsets, level, fill, 0)
    return offsets


def _pieces(
    level: Level, fill: Appearance, completion: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of pieces that are like the fill or like the completion, and where the latter.

    Args:
        level: The coarsest.
        fill: Of the level's image; gets the appearance of the completion where that is followed.
        completion: (H, W, 3) float32.
        state: See random_state; is advanced.

    Returns:
        (H, W, 2) int16 and (H, W) bool.
    """
    other = Appearance(replace(level, image=completion), _FILL_BLUR)
    other.expect_texture(level)
    known = Appearance(level, _KNOWN_BLUR)
    offsets = find_shift_map(level, [fill, other], known, state)
    followed = closer(other, fill, level.hole, offsets)
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
def _keep_edges(
    image: np.ndarray,
    hole: np.ndarray,
    source: np.ndarray,
    share: np.ndarray,
    along: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Where pieces are not like a joined edge, copy it from where it is known, in place.

    Where that is not like it either, as in a curve, the edge stays as it is painted: offset 0.
    """
    height, width = hole.shape
    changed = np.zeros(hole.shape, np.uint8)
    for y in range(height):
        for x in range(width):
            if share[y, x] >= DETERMINED and _unlike(image, hole, source, offsets, y, x):
                changed[y, x] = 2 if _unlike(image, hole, source, along, y, x) else 1
    for y in range(height):
        for x in range(width):
            if changed[y, x] == 1:
                offsets[y, x] = along[y, x]
            elif changed[y, x] == 2:
                offsets[y, x] = 0


@njit(cache=True, nogil=True)
def _unlike(
    image: np.ndarray, hole: np.ndarray, source: np.ndarray, offsets: np.ndarray, y: int, x: int
) -> bool:
    """Whether the hole's patch at a place differs from what its offset copies there."""
    height, width = hole.shape
    dy, dx = offsets[y, x]
    if not (0 <= y + dy < height and 0 <= x + dx < width and source[y + dy, x + dx]):
        return True
    squares, count = 0.0, 0
    for v in range(max(y - _PATCH, 0), min(y + _PATCH + 1, height)):
        for u in range(max(x - _PATCH, 0), min(x + _PATCH + 1, width)):
            a, b = v + dy, u + dx
            if hole[v, u] and 0 <= a < height and 0 <= b < width:
                for c in range(3):
                    squares += (image[v, u, c] - image[a, b, c]) ** 2
                count += 1
    return squares > _UNLIKE**2 * count


def _nearest(coarse: np.ndarray, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """A map, (H, W), at another shape, whose pixels are `scale` times smaller."""
    rows, columns = (
        np.minimum((np.arange(side) / scale).astype(int), limit - 1)
        for side, limit in zip(shape, coarse.shape, strict=True)
    )
    return coarse[rows[:, None], columns]

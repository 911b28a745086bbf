"""Patch-based completion of a small image, to guide the shift map deep in a hole.

Deep in a large hole the network's fill is the mean of all that could be there, and sources like a
mean are grey, too. So it is only the initial image: from a scale at which the hole is a few pixels
deep to finer ones, nearest-neighbour search and voting alternate (Wexler, Shechtman and Irani,
"Space-time completion of video", PAMI 2007, with the search of PatchMatch, Barnes et al.,
SIGGRAPH 2009). The result has sharp edges; texture is left to the shift map.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from inpaint.texture.features import dilate
from inpaint.texture.nearest_neighbours import random_below
from inpaint.texture.pyramid import Level, is_source
from inpaint.utils.distance import hole_depth

RADIUS = 3  # px, of a patch
_DEPTH = 2.0  # px, of the hole at the coarsest scale, if the image is large enough
_LEAST_SIDE = 4 * RADIUS  # px, of the image there
_LEAST_SOURCES = 64  # patches
# Confidence of a pixel is decay^depth. At first the known pixels dominate the patch cost, so that
# edges are continued from the boundary; then neighbouring patches become coherent.
_DECAYS = (0.3, 0.6, 0.85)
# Of search and vote: for each decay at the coarsest scale, and at the finer ones.
_COARSEST_ITERATIONS, _FINER_ITERATIONS = 5, 4
_SWEEPS = 2  # of propagation and random search in an iteration
_BANDWIDTH = 0.5  # of the vote's weights exp(-cost / bandwidth), in mean costs around the pixel
_BOUNDARY, _BAND = 1.0, 2.0  # px; where the level's image stays, and until it is replaced wholly
_NO_COST = 1e30  # of a target without a source


def complete(level: Level, state: np.ndarray, *, starts: int) -> np.ndarray:
    """The level's image completed by its own patches: (H, W, 3) float32.

    Args:
        level: Of a size at which the hole has some thousand pixels.
        state: See random_state; is advanced.
        starts: Random initialisations; the result with the lowest energy is taken.

    Returns:
        An image that differs from the level's only in the hole, and not at its boundary, where the
        network's fill is right; the level's own if too few patches are known.
    """
    scales = [_Scale.of(level)]
    while scales[-1].depth.max() > _DEPTH:
        coarser = _Scale.of(scales[-1].level.halved())
        if min(coarser.level.size) < _LEAST_SIDE or not coarser.has_sources:
            break
        scales.append(coarser)
    if not scales[-1].has_sources:
        return level.image
    # Which energy is reached depends on the random search of the coarsest scale most.
    found = [_synthesize(scales, state) for _ in range(starts)]
    image, _ = min(found, key=lambda one: one[1])
    share = np.clip((scales[0].depth - _BOUNDARY) / _BAND, 0, 1)[..., None]
    return (level.image + share * (image - level.image)).astype(np.float32)


@dataclass(frozen=True)
class _Scale:
    """A level and what of it stays the same for all iterations."""

    level: Level
    depth: np.ndarray  # (H, W) float32, distance to the nearest known pixel, px
    targets: np.ndarray  # (N, 2) int32, (row, column) of the patches that touch the hole
    source: np.ndarray  # (H, W) bool, middles of patches that may be copied
    positions: np.ndarray  # (M, 2) int32, their (row, column)

    @classmethod
    def of(cls, level: Level) -> _Scale:
        inside = np.zeros(level.size, bool)
        inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
        source = inside & ~dilate(~level.source, RADIUS)
        targets, positions = (
            np.argwhere(middles).astype(np.int32)
            for middles in (dilate(level.hole, RADIUS), source)
        )
        return cls(level, hole_depth(~level.known), targets, source, positions)

    @property
    def has_sources(self) -> bool:
        """Whether there are patches enough to copy."""
        return len(self.positions) >= _LEAST_SOURCES


def _synthesize(scales: list[_Scale], state: np.ndarray) -> tuple[np.ndarray, float]:
    """The finest level's image, completed, and its energy: the mean cost of its patches."""
    coarsest = scales[-1]
    image = coarsest.level.image
    offsets = np.zeros((*coarsest.level.size, 2), np.int32)
    for decay in _DECAYS:
        image, cost = _improve(coarsest, image, offsets, decay, _COARSEST_ITERATIONS, state)
    for coarser, finer in pairwise(reversed(scales)):
        image, offsets = _upsample(image, coarser.level, offsets, finer.level)
        image, cost = _improve(finer, image, offsets, _DECAYS[-1], _FINER_ITERATIONS, state)
    return image, float(cost[cost < _NO_COST].mean())


def _improve(
    scale: _Scale,
    image: np.ndarray,
    offsets: np.ndarray,
    decay: float,
    iterations: int,
    state: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The image after iterations of search and vote, and the cost of its patches, (H, W) float64.

    offsets: (H, W, 2) int32, of the patches that touch the hole; changed in place.
    """
    level = scale.level
    weight = (decay**scale.depth).astype(np.float32)
    weight[~(level.hole | level.known)] = 0
    image, cost = image.copy(), np.full(level.size, _NO_COST)
    for _ in range(iterations):
        _search(image, weight, scale.targets, scale.source, scale.positions, state, offsets, cost)
        _vote(level.image, level.hole, weight, offsets, cost, image)
    return image, cost


def _upsample(
    image: np.ndarray, coarser: Level, offsets: np.ndarray, finer: Level
) -> tuple[np.ndarray, np.ndarray]:
    """The finer level's image, changed as that of the coarser one was, and the offsets there."""
    rows, columns = (np.arange(side) // 2 for side in finer.size)
    larger = np.ascontiguousarray(2 * offsets[rows[:, None], columns])
    change = (image - coarser.image)[rows[:, None], columns]
    return np.where(finer.hole[..., None], finer.image + change, finer.image), larger


@njit(cache=True, nogil=True)
def _search(
    image: np.ndarray,
    weight: np.ndarray,
    targets: np.ndarray,
    source: np.ndarray,
    positions: np.ndarray,
    state: np.ndarray,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    """Improve the nearest-neighbour field of the targets, (N, 2), in place."""
    height, width = source.shape
    for t in range(len(targets)):
        y, x = targets[t]
        v, u = y + offsets[y, x, 0], x + offsets[y, x, 1]
        cost[y, x] = _NO_COST
        if is_source(source, v, u):
            cost[y, x] = _patch_cost(image, weight, y, x, v, u, _NO_COST)
        else:
            v, u = positions[random_below(state, len(positions))]
            _try_source(image, weight, source, y, x, v, u, offsets, cost)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        step = -1 if forward else 1
        for k in range(len(targets)):
            y, x = targets[k if forward else len(targets) - 1 - k]
            for side in range(2):
                v, u = (y + step, x) if side == 0 else (y, x + step)
                if 0 <= v < height and 0 <= u < width and cost[v, u] < _NO_COST:
                    _try_source(
                        image, weight, source, y, x, y + offsets[v, u, 0], x + offsets[v, u, 1],
                        offsets, cost,
                    )  # fmt: skip
            radius = max(height, width)
            while radius >= 1:
                v = y + offsets[y, x, 0] + random_below(state, 2 * radius + 1) - radius
                u = x + offsets[y, x, 1] + random_below(state, 2 * radius + 1) - radius
                _try_source(image, weight, source, y, x, v, u, offsets, cost)
                radius //= 2


@njit(cache=True, nogil=True)
def _try_source(
    image: np.ndarray,
    weight: np.ndarray,
    source: np.ndarray,
    y: int,
    x: int,
    v: int,
    u: int,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    """Make (v, u) the source of the target (y, x) if it is one of lower cost."""
    if not is_source(source, v, u):
        return
    value = _patch_cost(image, weight, y, x, v, u, cost[y, x])
    if value < cost[y, x]:
        cost[y, x] = value
        offsets[y, x, 0] = v - y
        offsets[y, x, 1] = u - x


@njit(cache=True, nogil=True)
def _patch_cost(
    image: np.ndarray, weight: np.ndarray, y: int, x: int, v: int, u: int, limit: float
) -> float:
    """Weighted mean squared difference of the patches at (y, x) and (v, u), or more than limit."""
    height, width = weight.shape
    weights = 0.0
    top, bottom = max(-RADIUS, -y), min(RADIUS, height - 1 - y)
    left, right = max(-RADIUS, -x), min(RADIUS, width - 1 - x)
    for dy in range(top, bottom + 1):
        for dx in range(left, right + 1):
            weights += weight[y + dy, x + dx]
    weights = max(weights, 1e-9)
    total = 0.0
    for dy in range(top, bottom + 1):
        for dx in range(left, right + 1):
            squares = 0.0
            for c in range(3):
                difference = image[y + dy, x + dx, c] - image[v + dy, u + dx, c]
                squares += difference * difference
            total += weight[y + dy, x + dx] * squares
        if total > limit * weights:
            break
    return total / weights


@njit(cache=True, nogil=True)
def _vote(
    original: np.ndarray,
    hole: np.ndarray,
    weight: np.ndarray,
    offsets: np.ndarray,
    cost: np.ndarray,
    image: np.ndarray,
) -> None:
    """Vote: each hole pixel of `image` becomes the weighted mean over the patches that cover it."""
    height, width = hole.shape
    for y in range(height):
        for x in range(width):
            if not hole[y, x]:
                continue
            weights = red = green = blue = scale = 0.0
            for v in range(max(y - RADIUS, 0), min(y + RADIUS + 1, height)):
                for u in range(max(x - RADIUS, 0), min(x + RADIUS + 1, width)):
                    if cost[v, u] < _NO_COST:
                        weights += weight[v, u]
                        scale += weight[v, u] * cost[v, u]
            scale = _BANDWIDTH * scale / max(weights, 1e-9) + 1e-6
            weights = 0.0
            for v in range(max(y - RADIUS, 0), min(y + RADIUS + 1, height)):
                for u in range(max(x - RADIUS, 0), min(x + RADIUS + 1, width)):
                    if cost[v, u] >= _NO_COST:
                        continue
                    share = weight[v, u] * np.exp(-cost[v, u] / scale)
                    a, b = y + offsets[v, u, 0], x + offsets[v, u, 1]
                    weights += share
                    red += share * original[a, b, 0]
                    green += share * original[a, b, 1]
                    blue += share * original[a, b, 2]
            if weights > 0:
                image[y, x, 0] = red / weights
                image[y, x, 1] = green / weights
                image[y, x, 2] = blue / weights

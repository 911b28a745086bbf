"""Nearest-neighbour fields over features, by PatchMatch (Barnes et al., SIGGRAPH 2009)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from inpaint.texture.features import Features, feature_distance
from inpaint.texture.pyramid import is_source

_NO_COST = 1e30  # of a pixel without a source


@dataclass(frozen=True)
class Search:
    """Settings of a search.

    Attributes:
        min_length: Of an offset, px.
        length_penalty: Added to the cost of an offset as long as the image; grows with its square.
        iterations: Of propagation and random search.
    """

    min_length: float = 0.0
    length_penalty: float = 0.05
    iterations: int = 4


@dataclass(frozen=True)
class NearestNeighbourField:
    """The source of each of N pixels.

    Attributes:
        pixels: (N, 2) int32, (row, column) from top to bottom and left to right.
        offsets: (N, 2) int32, (rows, columns) to its source.
        cost: (N,) float64, see `feature_distance`; over 1e29 without a source.
    """

    pixels: np.ndarray
    offsets: np.ndarray
    cost: np.ndarray


def random_state(seed: int) -> np.ndarray:
    """State of the random numbers of searches: (1,) uint64, not 0."""
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
    return np.array([mixed or 1], np.uint64)


def nearest_neighbour_field(
    features: Features,
    target: np.ndarray,
    source: np.ndarray,
    search: Search,
    state: np.ndarray,
) -> NearestNeighbourField:
    """The source with the nearest features that was found for each target pixel.

    Args:
        features: Of targets and sources.
        target: (H, W) bool.
        source: (H, W) bool, with at least one True.
        search: Its settings.
        state: See random_state; is advanced.
    """
    pixels = np.argwhere(target).astype(np.int32)
    positions = np.argwhere(source).astype(np.int32)
    offsets = np.zeros_like(pixels)
    cost = np.full(len(pixels), _NO_COST)
    numbers = np.full(target.shape, -1, np.int32)
    numbers[target] = np.arange(len(pixels), dtype=np.int32)
    penalty = search.length_penalty / max(target.shape) ** 2
    _search(
        features.colours, features.texture, pixels, numbers, source, positions,
        search.min_length**2, penalty, search.iterations, state, offsets, cost,
    )  # fmt: skip
    return NearestNeighbourField(pixels, offsets, cost)


@njit(cache=True, nogil=True)
def random_below(state: np.ndarray, below: int) -> int:
    """A random whole number from 0 to below - 1, by xorshift (Marsaglia 2003)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.int64(x >> np.uint64(33)) % below


@njit(cache=True, nogil=True)
def _search(
    colours: np.ndarray,
    texture: np.ndarray,
    pixels: np.ndarray,
    numbers: np.ndarray,
    source: np.ndarray,
    positions: np.ndarray,
    min_length: float,
    penalty: float,
    iterations: int,
    state: np.ndarray,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    height, width = source.shape
    for t in range(len(pixels)):
        y, x = pixels[t]
        for _ in range(4):
            v, u = positions[random_below(state, len(positions))]
            _try_source(colours, texture, source, y, x, v, u, min_length, penalty, t, offsets, cost)
    for iteration in range(iterations):
        forward = iteration % 2 == 0
        for k in range(len(pixels)):
            t = k if forward else len(pixels) - 1 - k
            y, x = pixels[t]
            for side in range(4):
                v, u = y + (-1, 0, 1, 0)[side], x + (0, -1, 0, 1)[side]
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                n = numbers[v, u]
                if n < 0 or cost[n] >= _NO_COST:
                    continue
                dy, dx = offsets[n]
                if dy != offsets[t, 0] or dx != offsets[t, 1]:
                    _try_source(
                        colours, texture, source, y, x, y + dy, x + dx, min_length, penalty, t,
                        offsets, cost,
                    )  # fmt: skip
            radius = max(height, width)
            while radius >= 1:
                v = y + offsets[t, 0] + random_below(state, 2 * radius + 1) - radius
                u = x + offsets[t, 1] + random_below(state, 2 * radius + 1) - radius
                _try_source(
                    colours, texture, source, y, x, v, u, min_length, penalty, t, offsets, cost
                )
                radius //= 2


@njit(cache=True, nogil=True)
def _try_source(
    colours: np.ndarray,
    texture: np.ndarray,
    source: np.ndarray,
    y: int,
    x: int,
    v: int,
    u: int,
    min_length: float,
    penalty: float,
    t: int,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    """Make (v, u) the source of pixel t at (y, x) if it is a source of lower cost."""
    if not is_source(source, v, u):
        return
    length = (v - y) ** 2 + (u - x) ** 2
    if length < min_length:
        return
    value = penalty * length + feature_distance(colours, texture, y, x, v, u)
    if value < cost[t]:
        cost[t] = value
        offsets[t, 0] = v - y
        offsets[t, 1] = u - x

"""Offsets from pixels to places like them, by PatchMatch (Barnes et al., SIGGRAPH 2009)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from inpaint.texture.matching import Appearance, distance

_FAR = 1e30  # cost of no offset


@dataclass(frozen=True)
class Search:
    """How offsets are searched.

    Attributes:
        least: Length of the shortest offset, px.
        place: Added to the distance of an offset as long as the image.
        iterations: Of propagation and random search.
    """

    least: float = 0.0
    place: float = 0.05
    iterations: int = 4


@dataclass(frozen=True)
class Field:
    """Offsets of N pixels.

    Attributes:
        pixels: (N, 2) int32, (row, column) from top to bottom and left to right.
        offsets: (N, 2) int32, (rows, columns) to the place that is like it.
        cost: (N,) float64, see `distance`; over 1e29 where there is no place.
    """

    pixels: np.ndarray
    offsets: np.ndarray
    cost: np.ndarray


def random_state(seed: int) -> np.ndarray:
    """State of the random numbers of searches: (1,) uint64, not 0."""
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
    return np.array([mixed or 1], np.uint64)


def search_offsets(
    appearance: Appearance,
    wanted: np.ndarray,
    source: np.ndarray,
    search: Search,
    state: np.ndarray,
) -> Field:
    """The offset of each wanted pixel to the source pixel most like it that was found.

    Args:
        appearance: What is compared.
        wanted: (H, W) bool.
        source: (H, W) bool, with at least one True.
        search: How it is done.
        state: See random_state; is advanced.
    """
    pixels = np.argwhere(wanted).astype(np.int32)
    sources = np.argwhere(source).astype(np.int32)
    offsets = np.zeros_like(pixels)
    cost = np.full(len(pixels), _FAR)
    numbers = np.full(wanted.shape, -1, np.int32)
    numbers[wanted] = np.arange(len(pixels), dtype=np.int32)
    place = search.place / max(wanted.shape) ** 2
    _search(
        appearance.colours, appearance.texture, pixels, numbers, source, sources,
        search.least**2, place, search.iterations, state, offsets, cost,
    )  # fmt: skip
    return Field(pixels, offsets, cost)


@njit(cache=True, nogil=True)
def draw(state: np.ndarray, below: int) -> int:
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
    sources: np.ndarray,
    least: float,
    place: float,
    iterations: int,
    state: np.ndarray,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    height, width = source.shape
    for t in range(len(pixels)):
        y, x = pixels[t]
        for _ in range(4):
            v, u = sources[draw(state, len(sources))]
            _try(colours, texture, source, y, x, v, u, least, place, t, offsets, cost)
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
                if n < 0 or cost[n] >= _FAR:
                    continue
                dy, dx = offsets[n]
                if dy != offsets[t, 0] or dx != offsets[t, 1]:
                    _try(
                        colours, texture, source, y, x, y + dy, x + dx, least, place, t,
                        offsets, cost,
                    )  # fmt: skip
            radius = max(height, width)
            while radius >= 1:
                v = y + offsets[t, 0] + draw(state, 2 * radius + 1) - radius
                u = x + offsets[t, 1] + draw(state, 2 * radius + 1) - radius
                _try(colours, texture, source, y, x, v, u, least, place, t, offsets, cost)
                radius //= 2


@njit(cache=True, nogil=True)
def _try(
    colours: np.ndarray,
    texture: np.ndarray,
    source: np.ndarray,
    y: int,
    x: int,
    v: int,
    u: int,
    least: float,
    place: float,
    t: int,
    offsets: np.ndarray,
    cost: np.ndarray,
) -> None:
    """Take (v, u) for the pixel t at (y, x) if it is a source and better."""
    if v < 0 or u < 0 or v >= source.shape[0] or u >= source.shape[1] or not source[v, u]:
        return
    length = (v - y) ** 2 + (u - x) ** 2
    if length < least:
        return
    value = place * length + distance(colours, texture, y, x, v, u)
    if value < cost[t]:
        cost[t] = value
        offsets[t, 0] = v - y
        offsets[t, 1] = u - x

"""The shift map of a hole: one of few offsets for each pixel, by graph cuts.

A shift map gives each hole pixel p an offset s(p); the fill copies p + s(p) (Pritch, Kav-Venaki and
Peleg, "Shift-map image editing", ICCV 2009). The labels are few dominant offsets (He and Sun,
"Statistics of patch offsets for image completion", ECCV 2012): of the nearest-neighbour field from
the fill to the known part, and of the known part to itself. So neighbouring pixels copy
neighbouring ones, and texture stays whole. It minimises

    sum over p of  data(p, s(p)) + sum over neighbours p, q of  seam(p, q, s(p), s(q))

data: the distance of the features of p + s from those of the fill at p, see `features`; the rarity
of p + s, its distance from its own nearest neighbour, so that what occurs once is not copied; and
at the hole's boundary the seam with the known pixel beside it. seam:
||I(p + a) - I(p + b)|| + ||I(q + a) - I(q + b)||, colours of the two pixels that the two offsets
would put there. It is a metric, as alpha-expansion needs (Boykov, Veksler and Zabih, PAMI 2001).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit

from inpaint.texture.features import Features, dilate, feature_distance
from inpaint.texture.max_flow import minimum_cut
from inpaint.texture.nearest_neighbours import (
    NearestNeighbourField,
    Search,
    nearest_neighbour_field,
)
from inpaint.texture.pyramid import Level, is_source

# Labels: offsets of the fill's nearest-neighbour field, dominant ones of the known part's, and its
# own beside the hole's boundary, such as along an edge.
MAX_GUIDED, MAX_DOMINANT, MAX_BOUNDARY = 40, 10, 20
MAX_DATA_COST = 0.15  # RMS difference of colours at which the data term is truncated
RARITY = 0.15  # weight of the rarity term
BOUNDARY = 3.0  # weight of a seam with the known part
_SEARCHES = 3  # nearest-neighbour fields of the fill, with other random numbers
_MAX_CANDIDATES = 400  # of their offsets, from which MAX_GUIDED are selected
_SAMPLES = 600  # hole pixels for which they are selected
_RING = 3  # px, width of the known band beside the boundary
_SWEEPS = 2  # of expansions over all offsets
_NO_SOURCE = 1e6  # data cost of a pixel that is no source
_UNIT = 1e5  # capacities are whole numbers of 1 / _UNIT


def find_shift_map(
    level: Level, fills: Sequence[Features], known: Features, state: np.ndarray
) -> np.ndarray:
    """Offsets (rows, columns) of the level's hole: (H, W, 2) int16, 0 elsewhere.

    Args:
        level: Of a size at which the hole has a few thousand pixels.
        fills: Features of one or more fills; the nearest one counts.
        known: Features by which sources are compared with each other.
        state: See random_state; is advanced.
    """
    pixels = np.argwhere(level.hole).astype(np.int32)
    repeats = nearest_neighbour_field(
        known, level.source, level.source,
        Search(min_length=max(4, min(level.size) // 10), length_penalty=0.0), state,
    )  # fmt: skip
    rarity = np.zeros(level.size, np.float32)
    rarity[level.source] = RARITY * np.sqrt(np.minimum(repeats.cost, 1))
    chosen = pixels[:: max(1, len(pixels) // _SAMPLES)]
    guided = []
    for fill in fills:
        found = [
            nearest_neighbour_field(fill, level.hole, level.source, Search(), state)
            for _ in range(_SEARCHES)
        ]
        candidates = _most_frequent(
            np.concatenate([field.offsets for field in found]), _MAX_CANDIDATES
        )
        selected = _select(_data_costs(level, [fill], rarity, chosen, candidates, 0.0), MAX_GUIDED)
        guided.append(candidates[selected])
    offsets = _unique(
        np.concatenate(
            [
                *guided,
                _dominant(repeats, level.size),
                _boundary_offsets(level, known, repeats),
            ]
        )
    )
    data = _data_costs(level, fills, rarity, pixels, offsets, BOUNDARY)
    missing = data.min(0) >= _NO_SOURCE  # pixels that no offset leads to a source
    if missing.any():
        more = _unique(found[0].offsets[missing])
        more = more[
            _select(_data_costs(level, fills, rarity, pixels[missing], more, 0.0), len(more))
        ]
        offsets = np.concatenate([offsets, more])
        data = np.concatenate([data, _data_costs(level, fills, rarity, pixels, more, BOUNDARY)])
    labels = _minimise(level, pixels, offsets, data)
    result = np.zeros((*level.size, 2), np.int16)
    result[level.hole] = offsets[labels]
    return result


def _most_frequent(offsets: np.ndarray, most: int) -> np.ndarray:
    """The most frequent of the offsets (N, 2), most frequent first: (at most `most`, 2) int32."""
    unique, _, counts = _count(offsets)
    return unique[np.argsort(-counts, kind="stable")[:most]]


def _unique(offsets: np.ndarray) -> np.ndarray:
    """The offsets (N, 2) without repetitions, in their order."""
    _, first, _ = _count(offsets)
    return offsets[np.sort(first)]


def _count(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different ones of the offsets (N, 2), where each is first, and how often it is there."""
    codes = offsets[:, 0].astype(np.int64) * 2**32 + offsets[:, 1]
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return offsets[first].astype(np.int32), first, counts


def _dominant(repeats: NearestNeighbourField, size: tuple[int, int]) -> np.ndarray:
    """Offsets at the highest peaks of their histogram: (at most MAX_DOMINANT, 2) int32."""
    offsets, _, counts = _count(repeats.offsets[repeats.cost < 1e29])
    votes = _peak_votes(offsets, counts, size)
    best = np.argsort(-votes, kind="stable")[:MAX_DOMINANT]
    return offsets[best[votes[best] > 0]]


@njit(cache=True, nogil=True)
def _peak_votes(offsets: np.ndarray, counts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Votes for each offset and its eight neighbours, 0 where a neighbour has more: (N,)."""
    top, left = size[0] + 2, size[1] + 2
    histogram = np.zeros((2 * top + 1, 2 * left + 1), np.int64)
    for n in range(len(offsets)):
        histogram[top + offsets[n, 0], left + offsets[n, 1]] = counts[n]
    votes = np.zeros(len(offsets), np.int64)
    for n in range(len(offsets)):
        y, x = top + offsets[n, 0], left + offsets[n, 1]
        own = histogram[y - 1 : y + 2, x - 1 : x + 2].sum()
        most = own
        for v in range(y - 1, y + 2):
            for u in range(x - 1, x + 2):
                most = max(most, histogram[v - 1 : v + 2, u - 1 : u + 2].sum())
        if own == most:
            votes[n] = own
    return votes


def _boundary_offsets(level: Level, known: Features, repeats: NearestNeighbourField) -> np.ndarray:
    """Offsets of the known band beside the hole: (at most MAX_BOUNDARY, 2) int32.

    Edges that end at the hole have few votes among all pixels, and the soft fill may lack them.
    """
    rows, columns = repeats.pixels.T
    beside = dilate(level.hole, _RING)[rows, columns]
    candidates = _most_frequent(repeats.offsets[beside], _MAX_CANDIDATES)
    pixels = repeats.pixels[beside]
    chosen = pixels[:: max(1, len(pixels) // _SAMPLES)]
    if not len(chosen):
        return candidates
    costs = _data_costs(level, [known], np.zeros(level.size, np.float32), chosen, candidates, 0.0)
    return candidates[_select(costs, MAX_BOUNDARY)]


def _data_costs(
    level: Level,
    fills: Sequence[Features],
    rarity: np.ndarray,
    pixels: np.ndarray,
    offsets: np.ndarray,
    boundary: float,
) -> np.ndarray:
    """(K, N) float64, for each of K offsets and N pixels, the lowest over the fills."""
    penalty = Search().length_penalty / max(level.size) ** 2
    lowest = np.full((len(offsets), len(pixels)), np.inf)
    for fill in fills:
        costs = np.empty_like(lowest)
        _fill_data_costs(
            level.image, level.known, level.source, fill.colours, fill.texture, rarity, pixels,
            offsets, penalty, boundary, costs,
        )  # fmt: skip
        np.minimum(lowest, costs, out=lowest)
    return lowest


@njit(cache=True, nogil=True)
def _fill_data_costs(
    image: np.ndarray,
    known: np.ndarray,
    source: np.ndarray,
    colours: np.ndarray,
    texture: np.ndarray,
    rarity: np.ndarray,
    pixels: np.ndarray,
    offsets: np.ndarray,
    penalty: float,
    boundary: float,
    costs: np.ndarray,
) -> None:
    for k in range(len(offsets)):
        dy, dx = offsets[k]
        for n in range(len(pixels)):
            y, x = pixels[n]
            v, u = y + dy, x + dx
            if not is_source(source, v, u):
                costs[k, n] = _NO_SOURCE
                continue
            squares = feature_distance(colours, texture, y, x, v, u)
            squares += penalty * (dy * dy + dx * dx)
            cost = min(math.sqrt(squares), MAX_DATA_COST) + rarity[v, u]
            if boundary > 0:
                cost += boundary * boundary_seam(image, known, y, x, dy, dx)
            costs[k, n] = cost


@njit(cache=True, nogil=True)
def boundary_seam(image: np.ndarray, known: np.ndarray, y: int, x: int, dy: int, dx: int) -> float:
    """Seam of a hole pixel's offset with the known pixels beside it, which keep their colours."""
    height, width = known.shape
    total = 0.0
    for side in range(4):
        v, u = y + (-1, 0, 1, 0)[side], x + (0, -1, 0, 1)[side]
        if v >= 0 and u >= 0 and v < height and u < width and known[v, u]:
            total += _difference(image, v, u, v + dy, u + dx)
    return total


@njit(cache=True, nogil=True)
def seam(
    image: np.ndarray, y: int, x: int, dy: int, dx: int, v: int, u: int, ey: int, ex: int
) -> float:
    """Seam between the pixels (y, x) of offset (dy, dx) and (v, u) of offset (ey, ex)."""
    if dy == ey and dx == ex:
        return 0.0
    return _difference(image, y + dy, x + dx, y + ey, x + ex) + _difference(
        image, v + dy, u + dx, v + ey, u + ex
    )


@njit(cache=True, nogil=True)
def _difference(image: np.ndarray, y: int, x: int, v: int, u: int) -> float:
    """Distance of the colours of two pixels; 1 if one lies outside the image."""
    height, width = image.shape[:2]
    if min(y, x, v, u) < 0 or y >= height or v >= height or x >= width or u >= width:
        return 1.0
    total = 0.0
    for c in range(3):
        difference = image[y, x, c] - image[v, u, c]
        total += difference * difference
    return math.sqrt(total)


@njit(cache=True, nogil=True)
def _select(costs: np.ndarray, most: int) -> np.ndarray:
    """Labels for which the sum over pixels of the least cost is small, by greedy selection.

    Args:
        costs: (K, N), of each label for each pixel.
        most: Labels to select.

    Returns:
        (at most `most`,) int64, in the order of selection.
    """
    lowest = np.full(costs.shape[1], 10.0)
    used = np.zeros(len(costs), np.bool_)
    chosen: list[int] = []
    for _ in range(min(most, len(costs))):
        best, best_gain = -1, 1e-4 * costs.shape[1] if len(chosen) > 4 else 0.0
        for k in range(len(costs)):
            if used[k]:
                continue
            gain = 0.0
            for n in range(costs.shape[1]):
                gain += max(lowest[n] - costs[k, n], 0.0)
            if gain > best_gain:
                best, best_gain = k, gain
        if best < 0:
            break
        used[best] = True
        chosen.append(best)
        for n in range(costs.shape[1]):
            lowest[n] = min(lowest[n], costs[best, n])
    return np.array(chosen, np.int64)


def _minimise(
    level: Level, pixels: np.ndarray, offsets: np.ndarray, data: np.ndarray
) -> np.ndarray:
    """The index of each pixel's offset: (N,) int64."""
    neighbours = _neighbours(level.hole, pixels)
    labels = np.argmin(data, 0)
    for _ in range(_SWEEPS):
        popular = np.argsort(-np.bincount(labels, minlength=len(offsets)), kind="stable")
        changed = 0
        for label in popular:
            changed += _expand(level.image, pixels, neighbours, offsets, data, labels, label)
        if not changed:
            break
    return labels


def _neighbours(hole: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Numbers of the hole pixels on the right, on the left, below and above: (4, N) int32."""
    numbers = np.full((hole.shape[0] + 2, hole.shape[1] + 2), -1, np.int32)
    rows, columns = pixels[:, 0] + 1, pixels[:, 1] + 1
    numbers[rows, columns] = np.arange(len(pixels), dtype=np.int32)
    sides = ((0, 1), (0, -1), (1, 0), (-1, 0))
    return np.stack([numbers[rows + dy, columns + dx] for dy, dx in sides])


@njit(cache=True, nogil=True)
def _expand(
    image: np.ndarray,
    pixels: np.ndarray,
    neighbours: np.ndarray,
    offsets: np.ndarray,
    data: np.ndarray,
    labels: np.ndarray,
    label: int,
) -> int:
    """One alpha-expansion move, in place. Returns how many pixels took the label."""
    count = len(pixels)
    terminal = np.zeros(count, np.int64)  # a pixel on the side of the sink takes the label
    capacity = np.zeros((4, count), np.int64)
    dy, dx = offsets[label]
    for n in range(count):
        y, x = pixels[n]
        terminal[n] += int((data[label, n] - data[labels[n], n]) * _UNIT)
        ay, ax = offsets[labels[n]]
        for side in range(0, 4, 2):  # each pair of neighbours once
            m = neighbours[side, n]
            if m < 0:
                continue
            v, u = pixels[m]
            by, bx = offsets[labels[m]]
            both_stay = seam(image, y, x, ay, ax, v, u, by, bx)
            first_stays = seam(image, y, x, ay, ax, v, u, dy, dx)
            second_stays = seam(image, y, x, dy, dx, v, u, by, bx)
            # With t = 1 for a pixel that takes the label:
            # both + (second - both) t_n - second t_m + (first + second - both) (1 - t_n) t_m
            terminal[n] += int((second_stays - both_stay) * _UNIT)
            terminal[m] -= int(second_stays * _UNIT)
            capacity[side, n] = int(max(first_stays + second_stays - both_stay, 0.0) * _UNIT)
    takes = minimum_cut(terminal, capacity, neighbours)
    changed = 0
    for n in range(count):
        if takes[n] and labels[n] != label:
            labels[n] = label
            changed += 1
    return changed

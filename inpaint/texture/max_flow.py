"""Minimum cuts of graphs of neighbouring pixels: Dinic's algorithm, integer capacities."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def minimum_cut(terminal: np.ndarray, capacity: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """The side of each of N pixels in a minimum cut.

    Args:
        terminal: (N,) int64, capacity from the source to a pixel where positive, from the pixel to
            the sink where negative. Is changed.
        capacity: (4, N) int64, from a pixel to its neighbour on the right, on the left, below and
            above. Is changed.
        neighbours: (4, N) int32, the numbers of these neighbours, -1 for none.

    Returns:
        (N,) bool, True = on the side of the sink.
    """
    count = len(terminal)
    level = np.empty(count, np.int32)
    arc = np.empty(count, np.int8)
    queue = np.empty(count, np.int32)
    path = np.empty(count + 1, np.int32)
    while _distances(terminal, capacity, neighbours, level, queue):
        _augment(terminal, capacity, neighbours, level, arc, path)
    return level >= 0


@njit(cache=True, nogil=True)
def _distances(
    terminal: np.ndarray,
    capacity: np.ndarray,
    neighbours: np.ndarray,
    level: np.ndarray,
    queue: np.ndarray,
) -> bool:
    """Set the distance of each pixel to the sink, -1 where there is no way; whether a source
    still reaches it."""
    level[:] = -1
    first = last = 0
    for i in range(len(level)):
        if terminal[i] < 0:
            level[i] = 0
            queue[last] = i
            last += 1
    reached = False
    while first < last:
        i = queue[first]
        first += 1
        for d in range(4):
            j = neighbours[d, i]
            if j < 0 or level[j] >= 0 or capacity[d ^ 1, j] <= 0:
                continue
            level[j] = level[i] + 1
            queue[last] = j
            last += 1
            reached = reached or terminal[j] > 0
    return reached


@njit(cache=True, nogil=True)
def _augment(
    terminal: np.ndarray,
    capacity: np.ndarray,
    neighbours: np.ndarray,
    level: np.ndarray,
    arc: np.ndarray,
    path: np.ndarray,
) -> None:
    """A blocking flow along ways on which the distance to the sink falls by one each step."""
    arc[:] = 0
    for start in range(len(level)):
        if terminal[start] <= 0 or level[start] < 0:
            continue
        length = 0
        path[0] = start
        while terminal[start] > 0:
            i = path[length]
            if level[i] == 0 and terminal[i] < 0:
                amount = min(terminal[start], -terminal[i])
                for k in range(length):
                    amount = min(amount, capacity[arc[path[k]], path[k]])
                terminal[start] -= amount
                terminal[i] += amount
                keep = length
                for k in range(length - 1, -1, -1):
                    d, j = arc[path[k]], path[k]
                    capacity[d, j] -= amount
                    capacity[d ^ 1, neighbours[d, j]] += amount
                    if capacity[d, j] == 0:
                        keep = k
                length = keep
                continue
            moved = False
            while arc[i] < 4:
                d = arc[i]
                if capacity[d, i] > 0 and level[neighbours[d, i]] == level[i] - 1:
                    moved = True
                    break
                arc[i] += 1
            if moved:
                length += 1
                path[length] = neighbours[arc[i], i]
            elif length == 0:
                break
            else:
                length -= 1
                arc[path[length]] += 1

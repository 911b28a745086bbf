"""Rectangles of an image: pairs of slices, rows and columns."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

Rectangle = tuple[slice, slice]


def relative(rectangle: Rectangle, to: Rectangle) -> Rectangle:
    """A rectangle inside another, in coordinates of the other."""
    (y, x), (to_y, to_x) = rectangle, to
    return (
        slice(y.start - to_y.start, y.stop - to_y.start),
        slice(x.start - to_x.start, x.stop - to_x.start),
    )


def absolute(rectangle: Rectangle, within: Rectangle) -> Rectangle:
    """A rectangle in coordinates of another one, in those of the image: undoes `relative`."""
    (y, x), (to_y, to_x) = rectangle, within
    return (
        slice(y.start + to_y.start, y.stop + to_y.start),
        slice(x.start + to_x.start, x.stop + to_x.start),
    )


def bounding_box(mask: np.ndarray) -> Rectangle | None:
    """The smallest rectangle with all that is True; None without any. mask: (H, W) bool."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def pieces(mask: np.ndarray, gap: int) -> list[Rectangle]:
    """Rectangles that hold all of a mask, (H, W) bool, with `gap` empty rows or columns between.

    The mask is cut at empty rows, its parts at empty columns, and so on (recursive X-Y cut, Nagy
    and Seth, ICPR 1984).
    """
    found: list[Rectangle] = []
    pending = [(slice(0, mask.shape[0]), slice(0, mask.shape[1]))]
    while pending:
        rows, columns = pending.pop()
        part = mask[rows, columns]
        across = _used_spans(np.flatnonzero(part.any(1)) + rows.start, gap)
        down = _used_spans(np.flatnonzero(part.any(0)) + columns.start, gap)
        if len(across) > 1:
            pending += [(span, columns) for span in across]
        elif len(down) > 1:
            pending += [(rows, span) for span in down]
        elif across:
            found.append((across[0], down[0]))
    return found


def _used_spans(places: np.ndarray, gap: int) -> list[slice]:
    """From the first to the last of each group of places, with `gap` or more between groups."""
    groups = np.split(places, np.flatnonzero(np.diff(places) > gap) + 1)
    return [slice(int(group[0]), int(group[-1]) + 1) for group in groups if len(group)]


def dilate(rectangle: Rectangle, by: int, size: tuple[int, ...]) -> Rectangle:
    """A rectangle with a margin, inside an image of (height, width)."""
    rows, columns = (
        slice(max(span.start - by, 0), min(span.stop + by, limit))
        for span, limit in zip(rectangle, size, strict=True)
    )
    return rows, columns


def halves(rectangle: Rectangle, axis: int) -> list[Rectangle]:
    """Both halves of a rectangle along an axis."""
    span = rectangle[axis]
    middle = (span.start + span.stop) // 2
    first, second = slice(span.start, middle), slice(middle, span.stop)
    if axis == 0:
        return [(first, rectangle[1]), (second, rectangle[1])]
    return [(rectangle[0], first), (rectangle[0], second)]


def grid(rectangle: Rectangle, side: int) -> list[Rectangle]:
    """A rectangle cut into as few equal ones as have no more than `side` pixels along an axis."""
    spans = []
    for span in rectangle:
        count = math.ceil((span.stop - span.start) / side)
        ends = [span.start + (span.stop - span.start) * i // count for i in range(count + 1)]
        spans.append([slice(a, b) for a, b in pairwise(ends)])
    return [(rows, columns) for rows in spans[0] for columns in spans[1]]


def bands(rectangle: Rectangle, pixels: int) -> list[Rectangle]:
    """A rectangle in bands of about so many pixels, of 256 rows at least."""
    rows, columns = rectangle
    height = max(256, pixels // max(columns.stop - columns.start, 1))
    tops = range(rows.start, rows.stop, height)
    return [(slice(top, min(top + height, rows.stop)), columns) for top in tops]


def intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    """What two rectangles share; an empty rectangle where they share nothing."""
    rows, columns = (
        slice(max(a.start, b.start), max(min(a.stop, b.stop), a.start, b.start))
        for a, b in zip(one, other, strict=True)
    )
    return rows, columns

"""Holes brought to a wanted number of pixels, by growing or shrinking them along their edges."""

import math

import cv2
import numpy as np

Index = tuple[slice, slice]

TOLERANCE = 0.01  # of the image: a hole this near to its target may stay as it is
HALVED = 192  # px; from this side on distances at half the size are as good
_SAMPLED = 17  # one pixel in so many is looked at first; it divides no usual width of images


def adjust(canvas: np.ndarray, target: int, inside: Index, rng: np.random.Generator) -> np.ndarray:
    """`canvas` grown or shrunk along its edges to exactly `target` pixels: bool (H, W).

    Pixels are taken in the order of their distance to the edge, so one sort replaces a search for
    the right dilation or erosion, and it always ends.

    Args:
        canvas: uint8 (H, W), 255 = hole.
        target: How many pixels of hole are wanted.
        inside: Rows and columns of what may be hole.
        rng: Draws the first pixel where there is none.
    """
    part, growing = _to_adjust(canvas[inside], target, rng)
    # Growing picks the nearest pixels outside, shrinking keeps the innermost of those inside.
    distance = cv2.distanceTransform(255 - part if growing else part, cv2.DIST_L2, 5)
    hole = np.zeros(canvas.shape, bool)
    hole[inside] = _smallest(distance if growing else -distance, target)
    return hole


def adjust_fast(
    canvas: np.ndarray,
    target: int,
    counts: tuple[int, int],
    inside: Index,
    rng: np.random.Generator,
) -> np.ndarray:
    """As `adjust`, by distances at half the size; the count is about the target.

    counts: The least and the greatest that is allowed.
    """
    part, growing = _to_adjust(canvas[inside], target, rng)
    height, width = part.shape
    free = 255 - part if growing else part  # where distances are above 0
    small = cv2.resize(free, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, small = cv2.threshold(small, 254, 255, cv2.THRESH_BINARY)
    distance = cv2.distanceTransform(small, cv2.DIST_L2, 5)
    order = cv2.resize(distance, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.accumulate(free, order)  # + 255: growing takes them after all pixels of the hole, the
    if not growing:  # nearest first; shrinking keeps them before all others, the innermost first
        np.negative(order, out=order)
    sample = order.ravel()[::_SAMPLED]
    rank = min(target // _SAMPLED, len(sample) - 1)
    chosen = order <= np.partition(sample, rank)[rank]
    count = np.count_nonzero(chosen)
    if abs(count - target) > TOLERANCE * canvas.size or not counts[0] <= count <= counts[1]:
        chosen = _smallest(order, target)
    hole = np.zeros(canvas.shape, bool)
    hole[inside] = chosen
    return hole


def _to_adjust(part: np.ndarray, target: int, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """A part of a canvas, not empty any more, and whether it must grow."""
    if not cv2.countNonZero(part):
        part[tuple(rng.integers(part.shape))] = 255
    return part, cv2.countNonZero(part) < target


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Mask of the `count` smallest values; of equal ones the first in reading order."""
    flat = values.ravel()
    bound = _order_statistic(flat, count)
    chosen = flat <= bound
    if np.count_nonzero(chosen) == count:
        return chosen.reshape(values.shape)
    chosen = flat < bound
    ties = np.flatnonzero(flat == bound)
    chosen[ties[: count - np.count_nonzero(chosen)]] = True
    return chosen.reshape(values.shape)


def _order_statistic(values: np.ndarray, count: int) -> np.float32:
    """The `count`-th smallest of many values, as np.partition finds it, in a tenth of its time.

    A sample says between which values it lies; only what lies there is sorted out.
    """
    sample = values[::_SAMPLED]
    near = (count - 1) // _SAMPLED
    margin = 2 * math.isqrt(len(sample)) + 1  # four standard deviations
    first, last = max(0, near - margin), min(len(sample) - 1, near + margin)
    low, high = np.partition(sample, (first, last))[[first, last]]
    low = low if first else values.min()
    high = high if last < len(sample) - 1 else values.max()
    rank = count - 1 - np.count_nonzero(values < low)
    between = values[(values >= low) & (values <= high)]
    if not 0 <= rank < len(between):  # the sample was not like the whole
        rank, between = count - 1, values
    return np.partition(between, rank)[rank]

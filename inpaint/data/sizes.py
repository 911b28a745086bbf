"""How large the images of a source are, from some of them."""

import math
from collections.abc import Sequence

import numpy as np

from inpaint.data.sources import ImageSource
from inpaint.images import ImageError


def shorter_sides(source: ImageSource, count: int = 32) -> np.ndarray:
    """Shorter sides of up to `count` images at even distances through a source, in px, sorted.

    An unreadable image counts as 0 px.
    """
    looked_at = min(count, len(source))
    sides = []
    for number in range(looked_at):
        try:
            sides.append(min(source.load(number * len(source) // looked_at).shape[:2]))
        except (OSError, ImageError):
            sides.append(0)
    return np.sort(np.array(sides, dtype=int))


def describe_sizes(sides: np.ndarray, sizes: Sequence[int], max_upscale: float) -> str:
    """One line for a run's log: the sizes of its images, and how many are enlarged or too small.

    Args:
        sides: From `shorter_sides`.
        sizes: Sides of the run's samples, px.
        max_upscale: As of `cut_square`.

    Raises:
        ValueError: All images are too small for samples of one of the sizes.
    """
    sides = sides[sides > 0]
    if not len(sides):
        return "sizes of the pictures unknown: none of those looked at is readable"
    largest = max(sizes)
    spread = f"{sides[0]} px" if sides[0] == sides[-1] else f"{sides[0]} to {sides[-1]} px"
    found = f"shorter sides of {len(sides)} pictures looked at: {spread}"
    if sides[-1] * max_upscale < largest:
        raise ValueError(
            f"{found}; samples of {largest} px cannot be cut from them"
            + ("" if max_upscale == 1 else f", enlarged at most {max_upscale:g} times")
            + f". Take larger pictures, smaller samples (--size {int(sides[-1])}), or enlarge "
            f"them (--max-upscale {math.ceil(100 * largest / sides[-1]) / 100:g})"
        )
    small = (sides < largest).mean()
    left_out = (sides * max_upscale < largest).mean()
    text = f"{found}; samples of {', '.join(f'{size}' for size in sorted(set(sizes)))} px"
    if small > left_out:
        text += f"; {small - left_out:.0%} are enlarged for those of {largest} px"
    if left_out:
        text += f"; {left_out:.0%} are too small for those of {largest} px and left out"
    return text

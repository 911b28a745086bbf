"""A hole that was painted over the image itself, in a colour that photos do not have."""

from __future__ import annotations

import numpy as np

TOLERANCE = 64 / 255  # of the range, in each channel: JPEG changes the paint, too


def painted_hole(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where an image has the colour of the paint: (H, W) bool.

    The edge of a soft brush is a mixture with what is below and is not found: grow the hole.

    Args:
        pixels: (H, W, 3) RGB, uint8 or uint16.
        colour: RGB in 0 to 255.

    Raises:
        ValueError: A gray image, in which no colour can be seen.
    """
    if pixels.ndim != 3:
        raise ValueError("the picture is gray, so no paint can be seen in it")
    full = np.iinfo(pixels.dtype).max
    paint = np.array(colour, np.float32) * (full / 255)
    hole = np.ones(pixels.shape[:2], bool)
    for channel in range(3):
        hole &= np.abs(pixels[..., channel] - paint[channel]) <= TOLERANCE * full
    return hole

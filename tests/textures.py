"""Images, holes and levels that the tests of texture fill."""

from __future__ import annotations

import numpy as np

from inpaint.texture.pyramid import Level


def noise(size: tuple[int, int], seed: int = 0, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (*size, 3)).astype(np.float32)


def box(size: tuple[int, int], top: int, bottom: int, left: int, right: int) -> np.ndarray:
    hole = np.zeros(size, bool)
    hole[top:bottom, left:right] = True
    return hole


def level_of(
    image: np.ndarray,
    hole: np.ndarray,
    *,
    ignore: np.ndarray | None = None,
    source: np.ndarray | None = None,
) -> Level:
    """An image and its hole at full size; by default all that is known is a source."""
    known = ~(hole if ignore is None else hole | ignore)
    source = known if source is None else source
    return Level(image, np.zeros(hole.shape, np.float32), hole, known, source)

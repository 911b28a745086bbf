"""Patch-based completion: patches of the known part agree on what stands in a large hole."""

from __future__ import annotations

import numpy as np
from textures import level_of

from inpaint.texture.completion import complete
from inpaint.texture.natural import synthesize
from inpaint.texture.nearest_neighbours import random_state
from inpaint.texture.pyramid import Level


def stripes(side: int, period: int) -> np.ndarray:
    """Dark and bright columns, (side, side, 3) float32."""
    columns = np.where(np.arange(side) // (period // 2) % 2, 0.8, 0.2).astype(np.float32)
    return np.broadcast_to(columns[:, None], (side, side, 3)).copy()


def square(side: int, first: int, last: int) -> np.ndarray:
    """A square hole, (side, side) bool."""
    hole = np.zeros((side, side), bool)
    hole[first:last, first:last] = True
    return hole


def foggy(truth: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image with the mean colour in its hole."""
    return np.where(hole[..., None], truth.mean((0, 1)), truth).astype(np.float32)


def test_edges_that_end_at_a_large_hole_are_continued() -> None:
    truth, hole = stripes(96, 16), square(96, 30, 66)
    image = foggy(truth, hole)
    completed = complete(level_of(image, hole), random_state(0), starts=4)
    assert np.array_equal(completed[~hole], image[~hole])
    deep = square(96, 36, 60)
    assert np.abs(completed - truth)[deep].mean() < 0.1 * np.abs(image - truth)[deep].mean()


def test_the_boundary_keeps_the_fill() -> None:
    truth, hole = stripes(96, 16), square(96, 30, 66)
    image = foggy(truth, hole)
    completed = complete(level_of(image, hole), random_state(0), starts=4)
    boundary = hole & ~square(96, 31, 65)
    assert np.array_equal(completed[boundary], image[boundary])


def test_the_same_state_gives_the_same_bytes_and_another_one_others() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.repeat(rng.random((32, 32, 3), np.float32), 3, 0), 3, 1)
    level = level_of(foggy(truth, square(96, 30, 66)), square(96, 30, 66))
    first, again, other = (complete(level, random_state(seed), starts=4) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_image_with_few_known_patches_stays() -> None:
    truth = stripes(20, 4)
    hole = square(20, 4, 17)
    image = foggy(truth, hole)
    assert np.array_equal(complete(level_of(image, hole), random_state(0), starts=4), image)


def test_what_may_not_be_copied_is_not() -> None:
    truth, hole = stripes(96, 16), square(96, 30, 66)
    truth[:, 70:] = (1.0, 0.0, 0.0)
    image = foggy(stripes(96, 16), hole)
    image[~hole] = truth[~hole]
    source = ~hole
    source[:, 70:] = False
    level = Level(image, np.zeros(hole.shape, np.float32), hole, ~hole, source)
    completed = complete(level, random_state(0), starts=4)[hole]
    assert (completed[:, 0] - completed[:, 1]).max() < 0.05  # nothing red


def test_gray_elsewhere_is_not_copied_for_a_vague_fill() -> None:
    rng = np.random.default_rng(0)
    truth = np.full((320, 320, 3), 0.8, np.float32)
    truth[:, :160] = 0.2
    truth[:60] = 0.5  # as the fill
    truth += rng.normal(0, 0.02, (320, 320, 1)).astype(np.float32)
    hole = square(320, 90, 230)
    vague = np.where(hole[..., None], np.float32(0.5), truth)
    result = synthesize(vague, hole, np.zeros_like(hole))
    gray = result[square(320, 130, 210)].mean(1)
    between = (gray > 0.35) & (gray < 0.65)
    assert between.mean() < 0.1

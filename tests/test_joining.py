"""Edges that enter a hole on both sides are joined across it, and others are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from textures import level_of

from inpaint.texture.edges import RADIUS, across, find_edge_ends
from inpaint.texture.joining import join_edges
from inpaint.texture.natural import synthesize

SIDE = 128


def stroke(width: int, start: tuple[int, int], end: tuple[int, int]) -> np.ndarray:
    """A hole along a line between two (x, y)."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.line(drawn, start, end, 1, width)
    return drawn > 0


def split(signed: np.ndarray, first: float = 0.8, second: float = 0.2) -> np.ndarray:
    """Two colours that meet where a signed distance, px, is 0."""
    share = np.clip(signed + 0.5, 0, 1)[..., None]
    return np.broadcast_to(first + share * (second - first), (SIDE, SIDE, 3)).astype(np.float32)


def slanted() -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    return split((rows - 64 - 0.3 * (columns - 64)) / np.hypot(1, 0.3))


def disk() -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    return split(np.hypot(rows - 110, columns - 70) - 55)


def foggy(truth: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return np.where(hole[..., None], np.float32(0.5), truth)


def test_an_edge_is_followed_away_from_the_hole() -> None:
    hole = stroke(24, (64, -10), (64, 140))
    first, second = find_edge_ends(level_of(slanted(), hole))
    left, right = sorted((first, second), key=lambda end: end.position[1])
    for end, way in ((left, 1), (right, -1)):
        expected = np.array([0.3, 1.0]) / np.hypot(1, 0.3) * way
        assert end.direction @ expected > 0.999
        rows, columns = end.trace.T
        assert np.abs(rows - 64 - 0.3 * (columns - 64)).max() < 0.5
        assert np.abs(end.position[1] - (64 - 12 * way)) < 1.5
        assert end.contrast == pytest.approx(0.6, abs=0.02)
    # Rows grow downwards: a profile along a row ends below it, where this one is dark.
    assert across(np.array([0.0, 1.0])).tolist() == [1.0, 0.0]
    assert left.profile[0, 0] == pytest.approx(0.8) and left.profile[-1, 0] == pytest.approx(0.2)
    assert np.allclose(left.profile, right.profile[::-1], atol=0.2)
    assert len(left.profile) == 2 * RADIUS + 1


@pytest.mark.parametrize("truth", [slanted(), disk()], ids=["line", "arc"])
def test_an_edge_is_painted_across_the_hole(truth: np.ndarray) -> None:
    hole = stroke(24, (64, -10), (64, 140))
    image = foggy(truth, hole)
    joined = join_edges(image, [level_of(foggy(truth, hole), hole)], 12.0)
    assert joined is not None
    assert np.array_equal(image[~hole], truth[~hole])
    assert not joined.share[~hole].any() and not joined.detail[~hole].any()
    sure = joined.share > 0.7
    assert np.count_nonzero(sure) > 60
    assert np.abs(image - truth)[sure].mean() < 0.07  # it was 0.3


def test_an_object_is_completed_before_two_backgrounds() -> None:
    truth = slanted()
    truth[:, 64:][truth[:, 64:] < 0.5] = 0.35
    hole = stroke(24, (64, -10), (64, 140))
    image = foggy(truth, hole)
    joined = join_edges(image, [level_of(foggy(truth, hole), hole)], 12.0)
    assert joined is not None
    bright = (joined.share > 0.5) & (truth[..., 0] > 0.75)
    assert bright.any() and np.abs(image - truth)[bright].mean() < 0.1


def test_different_edges_are_not_joined() -> None:
    hole = stroke(24, (64, -10), (64, 140))
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    apart = np.where(columns < 64, rows - 30, rows - 98)
    turned = split(rows - 64)
    turned[:, 64:] = 1 - turned[:, 64:]  # dark above bright on the other side
    for truth in (split(apart), turned):
        image = foggy(truth, hole)
        before = image.copy()
        assert len(find_edge_ends(level_of(image, hole))) == 2
        assert join_edges(image, [level_of(image.copy(), hole)], 12.0) is None
        assert np.array_equal(image, before)


def test_nothing_is_joined_along_a_hole() -> None:
    hole = stroke(24, (64, 10), (64, 118))
    _rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    truth = split(columns - 64)  # the edge enters at one end and leaves at the other
    image = foggy(truth, hole)
    assert join_edges(image, [level_of(image.copy(), hole)], 12.0) is None


def test_noise_has_no_edges() -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.03, (SIDE, SIDE, 3)).astype(np.float32)
    hole = stroke(24, (64, -10), (64, 140))
    assert not find_edge_ends(level_of(noise, hole))


def test_edges_of_what_may_not_be_copied_are_not_joined() -> None:
    hole = stroke(24, (64, -10), (64, 140))
    source = ~hole
    source[:, 64:] = False
    image = foggy(slanted(), hole)
    assert len(find_edge_ends(level_of(image, hole, source=source))) == 1
    assert join_edges(image, [level_of(image.copy(), hole, source=source)], 12.0) is None


def test_a_fill_keeps_the_edge_that_its_fog_lacked() -> None:
    truth = disk() + np.random.default_rng(0).normal(0, 0.02, (SIDE, SIDE, 1)).astype(np.float32)
    hole = stroke(24, (64, -10), (64, 140))
    image = foggy(truth, hole)
    joined = join_edges(image.copy(), [level_of(image, hole)], 12.0)
    assert joined is not None
    filled = synthesize(image, hole, np.zeros_like(hole))
    sure = joined.share > 0.7
    assert np.abs(filled - disk())[sure].mean() < 0.12  # 0.3 is the fog
    assert np.array_equal(filled, synthesize(image, hole, np.zeros_like(hole)))

"""Ellipses are found from parts of them, and round things completed by them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from textures import level_of

from inpaint.texture.curves import fit_arc
from inpaint.texture.edges import across, find_edge_ends
from inpaint.texture.ellipses import Ellipse, fit_ellipse
from inpaint.texture.joining import join_edges

SIDE = 192
TURNED = np.array([[0.8, -0.6], [0.6, 0.8]])
SLANTED = Ellipse(np.array([100.0, 90.0]), TURNED * (70.0, 40.0))


def plate(ellipse: Ellipse = SLANTED) -> np.ndarray:
    """A bright ellipse on a dark ground, (SIDE, SIDE, 3)."""
    pixels = np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1).reshape(-1, 2).astype(float)
    inside = (np.linalg.solve(ellipse.axes, (pixels - ellipse.centre).T) ** 2).sum(0) < 1
    outside = np.where(inside, -1.0, 1.0) * ellipse.distances(pixels)
    gray = 0.8 - 0.6 * np.clip(outside + 0.5, 0, 1)
    return np.repeat(gray.reshape(SIDE, SIDE, 1), 3, 2).astype(np.float32)


def hidden(line: list[tuple[int, int]], width: int) -> np.ndarray:
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.polylines(drawn, [np.array(line)], False, 1, width)
    return drawn > 0


def joined(truth: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image with edges painted into gray fog, and where they are sure."""
    image = np.where(hole[..., None], np.float32(0.5), truth)
    found = join_edges(image, [level_of(image.copy(), hole)], 14.0)
    return image, np.zeros_like(hole) if found is None else found.share > 0.7


@pytest.mark.parametrize("half_axes", [(70.0, 40.0), (50.0, 50.0), (90.0, 20.0)])
def test_two_arcs_tell_the_ellipse(half_axes: tuple[float, float]) -> None:
    truth = Ellipse(np.array([100.0, 90.0]), TURNED * half_axes)
    places = truth.points(np.concatenate([np.linspace(0, 0.6, 40), np.linspace(2.2, 2.8, 40)]))
    noisy = places + np.random.default_rng(0).normal(0, 0.05, places.shape)
    found = fit_ellipse(noisy)
    assert found is not None
    assert found.centre == pytest.approx(truth.centre, abs=1)
    assert found.half_axes == pytest.approx(truth.half_axes, abs=1)
    assert found.distances(noisy).max() < 0.3


def test_distances_are_those_to_the_nearest_point() -> None:
    outward = across(SLANTED.tangents(np.linspace(0, 6, 20)))
    outward /= np.hypot(*outward.T)[:, None]
    for offset in (-1.0, 0.0, 1.0):
        places = SLANTED.points(np.linspace(0, 6, 20)) + offset * outward
        assert SLANTED.distances(places) == pytest.approx(abs(offset), abs=0.05)


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_an_arc_leaves_in_the_wanted_direction(way: float) -> None:
    start, end = SLANTED.points(np.array([0.3, 2.0]))
    points = SLANTED.arc(start, end, way * SLANTED.tangents(np.array([0.3]))[0])
    assert points[0] == pytest.approx(start) and points[-1] == pytest.approx(end)
    assert SLANTED.distances(points).max() < 0.05
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert np.allclose(steps, steps.mean(), rtol=0.02) and 0.4 < steps.mean() < 0.6
    middle = SLANTED.points(np.array([1.15 if way > 0 else 1.15 + np.pi]))[0]
    assert np.hypot(*(points - middle).T).min() < 1


def test_no_ellipse_goes_through_a_line_or_a_few_points() -> None:
    t = np.linspace(0, 50, 30)
    assert fit_ellipse(np.stack([t, 2 * t], 1)) is None
    assert fit_ellipse(np.full((8, 2), 3.0)) is None
    assert fit_ellipse(SLANTED.points(np.arange(5.0))) is None


def test_the_end_of_a_plate_is_completed() -> None:
    truth, hole = plate(), hidden([(120, 191), (150, 120)], 40)
    image, sure = joined(truth, hole)
    assert np.array_equal(image[~hole], truth[~hole])
    assert np.count_nonzero(sure) > 200
    assert np.abs(image - truth)[sure].mean() < 0.1  # it was 0.3


def test_a_rim_that_shows_in_between_must_be_there() -> None:
    top, along = SLANTED.points(np.array([1.2]))[0], SLANTED.tangents(np.array([1.2]))[0]
    along /= np.hypot(*along)
    middle = top - 22 * across(along) * np.sign(across(along) @ (top - SLANTED.centre))
    ends = [middle + way * 80 * along for way in (-1, 1)]
    line = [(int(column), int(row)) for row, column in ends]
    truth, hole = plate(), hidden(line, 14)
    first, *_rest, second = sorted(
        find_edge_ends(level_of(truth, hole)), key=lambda end: float(end.position @ along)
    )
    arc = fit_arc(first, second, level_of(truth, hole))
    assert arc is not None and arc.cost < 0.4
    assert SLANTED.distances(arc.points).max() < 0.5
    assert np.hypot(*(arc.points - top).T).min() < 1  # on the far side of the hole
    beyond = (np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1) - middle) @ (top - middle) > 0
    without = np.where((beyond & ~hole)[..., None], np.float32(0.2), truth)
    assert fit_arc(first, second, level_of(without, hole)) is None

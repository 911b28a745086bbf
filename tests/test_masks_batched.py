"""Holes drawn by the batch are like those drawn one by one."""

import cv2
import numpy as np
import pytest
import torch

from inpaint.masks import HOLE_BUCKETS, border_width, hole_bucket, random_hole
from inpaint.masks.batched import BatchedHoles

SIDE, COUNT = 64, 200
EVEN = (1.0,) * 6


@pytest.fixture(scope="module")
def batched() -> np.ndarray:
    """(COUNT, SIDE, SIDE) bool."""
    generator = torch.Generator().manual_seed(0)
    holes = BatchedHoles(EVEN)
    batches = [holes.draw(40, SIDE, generator) for _ in range(COUNT // 40)]
    return torch.cat(batches)[:, 0].numpy()


@pytest.fixture(scope="module")
def single() -> np.ndarray:
    rng = np.random.default_rng(0)
    buckets = rng.integers(6, size=COUNT)
    return np.stack([random_hole((SIDE, SIDE), rng, ratio=HOLE_BUCKETS[b]) for b in buckets])


def outline(holes: np.ndarray) -> float:
    """Mean length of the outline, in sides of the image."""
    steps = np.diff(holes, axis=1).sum((1, 2)) + np.diff(holes, axis=2).sum((1, 2))
    return float(steps.mean() / holes.shape[1])


def parts(hole: np.ndarray) -> np.ndarray:
    """Areas of the connected parts, px."""
    return cv2.connectedComponentsWithStats(hole.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]


def thickness(hole: np.ndarray) -> float:
    """Greatest distance to a known pixel, px."""
    return float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5).max())


def touching(holes: np.ndarray) -> float:
    """Share of holes that reach into the band along the edge."""
    band = border_width((SIDE, SIDE))
    inner = holes[:, band:-band, band:-band]
    return float((holes.sum((1, 2)) > inner.sum((1, 2))).mean())


def test_every_hole_is_of_a_bucket_and_buckets_are_even(batched: np.ndarray) -> None:
    shares = np.bincount([hole_bucket(h.mean()) for h in batched], minlength=6) / COUNT
    assert shares.min() > 0.08
    assert shares.max() < 0.26


def test_outlines_parts_and_thickness_are_those_of_single_holes(
    batched: np.ndarray, single: np.ndarray
) -> None:
    assert outline(batched) == pytest.approx(outline(single), rel=0.15)
    count, expected = (np.mean([len(parts(h)) for h in holes]) for holes in (batched, single))
    assert count == pytest.approx(expected, rel=0.25)
    depth, expected = (np.mean([thickness(h) for h in holes]) for holes in (batched, single))
    assert depth == pytest.approx(expected, rel=0.2)
    specks = sum(area[area < 8].sum() for area in map(parts, batched))
    assert specks < 0.01 * batched.sum()


def test_holes_lie_where_single_ones_lie(batched: np.ndarray, single: np.ndarray) -> None:
    assert touching(batched) == pytest.approx(touching(single), abs=0.12)
    mean = cv2.blur(batched.mean(0).astype(np.float32), (9, 9))
    expected = cv2.blur(single.mean(0).astype(np.float32), (9, 9))
    assert np.abs(mean - expected).mean() < 0.06
    assert mean.min() > 0.4 * mean.max()


def test_weights_and_sides_are_kept() -> None:
    generator = torch.Generator().manual_seed(1)
    holes = BatchedHoles((0, 0, 0, 0, 0, 1), sides=0.5).draw(60, 32, generator)[:, 0]
    assert all(0.46 < hole.float().mean() <= 0.6 for hole in holes)
    straight = [bool((h == h[:1]).all() or (h == h[:, :1]).all()) for h in holes]
    assert 0.3 < np.mean(straight) < 0.7


def test_the_generator_alone_decides() -> None:
    holes = BatchedHoles(EVEN, sides=0.2)
    first, second = (holes.draw(4, 48, torch.Generator().manual_seed(7)) for _ in range(2))
    assert first.shape == (4, 1, 48, 48)
    assert first.dtype == torch.bool
    assert torch.equal(first, second)
    assert not torch.equal(first, holes.draw(4, 48, torch.Generator().manual_seed(8)))


def test_holes_look_alike_at_any_size() -> None:
    generator = torch.Generator().manual_seed(3)
    small, large = (
        BatchedHoles((0, 0, 1, 1, 0, 0)).draw(24, side, generator)[:, 0].numpy()
        for side in (48, 160)
    )
    assert outline(small) == pytest.approx(outline(large), rel=0.25)

"""Fréchet distance, gradient energy and seams of fills against hand-computed values."""

import numpy as np
import pytest
import torch

from inpaint.evaluate.frechet import FeatureStatistics, frechet_distance
from inpaint.evaluate.gradients import HoleGradients, gradient_energy, hole_gradients
from inpaint.evaluate.realism import Realism, hole_features, hole_positions, measure_hole


def gray_rows(*rows):
    """A picture (1, 3, H, W) of gray values."""
    return torch.tensor(rows, dtype=torch.float64)[None, None].expand(1, 3, -1, -1)


def mask(*rows):
    return torch.tensor(rows, dtype=torch.bool)[None, None]


def test_frechet_distance_of_one_channel_is_that_of_two_gaussians():
    # Means 1 and 4, unbiased variances 2 and 8: (1 - 4)^2 + (sqrt 2 - sqrt 8)^2 = 9 + 2.
    a = FeatureStatistics.of(torch.tensor([[0.0], [2.0]]))
    b = FeatureStatistics.of(torch.tensor([[2.0], [6.0]]))
    assert frechet_distance(a, b) == pytest.approx(11)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)


def test_frechet_distance_of_two_channels_matches_its_formula():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 4))
    b = rng.normal(size=(150, 4)) @ rng.normal(size=(4, 4)) + 1
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = linalg.sqrtm(cov_a @ cov_b).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * root)
    found = frechet_distance(*(FeatureStatistics.of(torch.from_numpy(x)) for x in (a, b)))
    assert found == pytest.approx(expected, rel=1e-9)


def test_statistics_added_in_parts_equal_those_of_all():
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) + 5
    parts = FeatureStatistics(3)
    parts.add(x[:20])
    parts.add(x[:0])
    parts.merge(FeatureStatistics.of(x[20:]))
    again = FeatureStatistics.from_arrays(parts.to_arrays())
    for found in (parts, again):
        assert found.count == 50
        torch.testing.assert_close(found.mean(), x.double().mean(0))
        torch.testing.assert_close(found.covariance(), torch.cov(x.double().T))


def test_statistics_say_what_does_not_fit():
    statistics = FeatureStatistics(3)
    with pytest.raises(ValueError, match=r"features must be \(N, 3\), got \(2, 4\)"):
        statistics.add(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="of 2 channels do not add to 3"):
        statistics.merge(FeatureStatistics(2))
    with pytest.raises(ValueError, match="at least two feature vectors, got 0"):
        frechet_distance(statistics, statistics)
    with pytest.raises(ValueError, match="features of 3 and 2 channels"):
        frechet_distance(statistics, FeatureStatistics(2))


def test_a_position_counts_when_half_of_its_pixels_are_hole():
    hole = mask(
        [1, 1, 0, 0, 1],
        [0, 0, 0, 1, 1],
    )
    assert hole_positions(hole, (1, 2)).tolist() == [[[[True, False]]]]
    assert torch.equal(hole_positions(hole, (2, 5)), hole)
    with pytest.raises(ValueError, match=r"size \(1, 3\) is none of \(2, 5\)"):
        hole_positions(hole, (1, 3))


def test_hole_features_are_those_of_its_positions_over_the_scale():
    full = torch.arange(2 * 2 * 4.0).view(1, 2, 2, 4)
    half = torch.tensor([[[[10.0, 20.0]]]])
    features = hole_features([full, half], mask([0, 0, 0, 1], [0, 0, 1, 1]), (2.0, 10.0))
    assert features[0].tolist() == [[1.5, 5.5], [3.0, 7.0], [3.5, 7.5]]
    assert features[1].tolist() == [[2.0]]


def test_gradients_count_pairs_in_across_and_beside():
    image = gray_rows([0.0, 0.1, 0.5, 0.9, 0.7, 0.4])
    found = hole_gradients(image, mask([0, 0, 1, 1, 1, 0]))
    # In the hole: .5-.9, .9-.7. Across: .1-.5, .7-.4. Beside these: 0-.1, .5-.9, .9-.7.
    assert found.energy == pytest.approx(0.4**2 + 0.2**2)
    assert (found.across, found.across_count) == (pytest.approx(0.7), 2)
    assert (found.beside, found.beside_count) == (pytest.approx(0.7), 3)
    assert found.seam == pytest.approx((0.7 / 2) / (0.7 / 3))


def test_gradients_are_the_same_of_a_turned_picture():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 8, 9, generator=generator)
    hole = torch.rand(2, 1, 8, 9, generator=generator) < 0.4
    one, turned = hole_gradients(image, hole), hole_gradients(image.mT, hole.mT)
    assert one.energy == pytest.approx(turned.energy)
    assert one.seam == pytest.approx(turned.seam)
    parts = hole_gradients(image[:1], hole[:1]) + hole_gradients(image[1:], hole[1:])
    assert parts.energy == pytest.approx(one.energy)


def test_gradient_energy_is_a_ratio_of_sums_and_unknown_of_flat_originals():
    assert gradient_energy(HoleGradients(energy=1), HoleGradients(energy=4)) == 0.25
    assert np.isnan(gradient_energy(HoleGradients(energy=1), HoleGradients()))
    assert np.isnan(hole_gradients(gray_rows([0.0, 1.0]), mask([1, 1])).seam)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 48, 40, 3), dtype=np.uint8)
    holes = np.zeros((2, 48, 40), bool)
    holes[0, 8:30, 8:30] = holes[1, 20:, :24] = True
    return pictures, holes


def test_realism_of_the_originals_is_perfect_and_of_gray_is_not(pictures):
    exact, gray = Realism(), Realism()
    for picture, hole in zip(*pictures, strict=True):
        exact.add_arrays(picture, picture, hole)
        gray.add_arrays(picture, np.where(hole[..., None], np.uint8(127), picture), hole)
    found = exact.figures()
    assert (found["fd2"], found["fd3"]) == (pytest.approx(0, abs=1e-6),) * 2
    assert found["gradient"] == 1
    assert found["seam"] == found["original_seam"] == pytest.approx(1, abs=0.1)
    assert found["fd2_positions"] == 11 * 11 + 14 * 12
    assert found["fd3_positions"] == 6 * 6 - 1 + 7 * 6  # of the last a quarter
    blank = gray.figures()
    assert blank["fd2"] > 1 and blank["fd3"] > 1 and blank["gradient"] == 0


def test_realism_of_a_batch_equals_that_of_its_pictures(pictures):
    batch, single = Realism(), Realism()
    images = torch.from_numpy(pictures[0]).permute(0, 3, 1, 2).float() / 255
    fills = images.roll(5, -1)
    holes = torch.from_numpy(pictures[1])[:, None]
    batch.add(images, fills, holes)
    for i in range(2):
        single.add(images[i : i + 1], fills[i : i + 1], holes[i : i + 1])
    assert batch.figures() == pytest.approx(single.figures(), rel=1e-4)


def test_realism_without_fills_is_unknown():
    found = Realism().figures()
    assert found.pop("fd2_positions") == found.pop("fd3_positions") == 0
    assert np.isnan(list(found.values())).all()


def test_the_smallest_hole_has_pooled_features_but_no_position():
    full, half = torch.ones(1, 1, 4, 4), torch.arange(4.0).view(1, 1, 2, 2)
    hole = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    hole[..., 0, 3] = True
    found = measure_hole([full, half, half], torch.zeros(1, 3, 4, 4), hole, (1, 10, 100))
    assert found.pooled.tolist() == pytest.approx([1, 0.1, 0.01])
    assert found.statistics["fd2"].count == 0


def test_pools_merged_equal_one_of_all(pictures):
    images, holes = pictures
    whole, first, second = Realism(), Realism(), Realism()
    for part, picture, hole in zip((first, second), images, holes, strict=True):
        fill = np.where(hole[..., None], picture[::-1], picture)
        whole.add_arrays(picture, fill, hole)
        part.add_arrays(picture, fill, hole)
    first.pool.merge(second.pool)
    assert first.figures() == pytest.approx(whole.figures(), rel=1e-9)
    assert len(first.pool) == 2


def test_discriminative_scores_need_two_pictures(pictures):
    realism = Realism()
    realism.add_arrays(pictures[0][0], pictures[0][0], pictures[1][0])
    assert np.isnan(realism.pool.discriminative_scores()["p_ids"])
    realism.add_arrays(pictures[0][1], pictures[0][1], pictures[1][1])
    assert realism.pool.discriminative_scores() == {"p_ids": 50, "u_ids": 50}

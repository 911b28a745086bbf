"""Bands of a natural fill: coarse ones from the network, fine ones from the patches."""

import numpy as np
import pytest

from inpaint.texture.bands import combine_bands
from inpaint.utils.crop import Crop


def crop_of(image, hole, ignore=None):
    return Crop(image, hole, np.zeros_like(hole) if ignore is None else ignore)


def box(size=(160, 160)):
    hole = np.zeros(size, bool)
    hole[50:110, 50:110] = True
    return hole


def noise(size=(160, 160), strength=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (0.5 + strength * rng.standard_normal((*size, 3))).clip(0, 1).astype(np.float32)


def test_known_and_ignored_pixels_stay():
    hole, ignore = box(), np.zeros((160, 160), bool)
    ignore[:, :20] = True
    image = noise()
    result = combine_bands(crop_of(image, hole, ignore), noise(seed=1))
    assert result.dtype == np.float32 and (result[~hole] == image[~hole]).all()
    assert (result[hole] != image[hole]).any()


def test_coarse_colours_are_the_networks():
    hole = box()
    image = np.where(hole[..., None], np.float32(0.6), noise())
    textured = np.where(hole[..., None], noise(seed=1) - np.float32(0.2), image)
    result = combine_bands(crop_of(image, hole), textured)
    inner = result[70:90, 70:90]
    assert abs(inner.mean() - 0.6) < 0.02
    assert inner.std() > 0.08


@pytest.mark.parametrize(("strength", "gain"), [(0.08, 1.25), (0.05, 1.5), (0.2, 1.0)])
def test_the_contrast_is_that_around_the_hole_within_limits(strength, gain):
    hole = box()
    image = np.where(hole[..., None], np.float32(0.5), noise(strength=0.1))
    textured = np.where(hole[..., None], noise(strength=strength, seed=1), image)
    inner = combine_bands(crop_of(image, hole), textured)[65:95, 65:95]
    assert inner.std() == pytest.approx(gain * strength, rel=0.1)


def test_the_fill_meets_the_boundary_as_the_networks_does():
    hole = box()
    image = np.full((160, 160, 3), 0.5, np.float32)
    textured = np.where(hole[..., None], noise(strength=0.2), image)
    result = combine_bands(crop_of(image, hole), textured)
    step = [np.abs(result[50 + depth] - 0.5)[60:100].mean() for depth in (0, 10)]
    assert step[0] < 0.3 * step[1]


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (6, 7)])
def test_flat_images_of_any_size_stay_flat(size):
    hole = np.zeros(size, bool)
    hole[size[0] // 2, size[1] // 2] = True
    flat = np.full((*size, 3), 0.3, np.float32)
    np.testing.assert_allclose(combine_bands(crop_of(flat, hole), flat), flat, atol=1e-6)


def test_a_hole_without_surroundings_is_no_error():
    image = noise()
    everything = np.ones((160, 160), bool)
    result = combine_bands(crop_of(image, everything), noise(seed=1))
    assert np.isfinite(result).all()

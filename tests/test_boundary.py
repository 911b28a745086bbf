import numpy as np
import pytest

from inpaint.inference.boundary import INVENTED, BoundaryConfig, blend_boundary
from inpaint.utils.crop import Crop


def blend(image, mask, fill, config=None):
    """The fill blended; mask: 0 = known, 1 = hole, 2 = ignore."""
    hole = mask == 1
    return blend_boundary(Crop(np.where(hole[..., None], fill, image), hole, mask == 2), config)


def stripes_with_hole(size=64, thickness=3):
    """A ramp, its hole mask, and a fill that is flat and wrong."""
    ramp = np.linspace(0, 1, size, dtype=np.float32)[None, :, None]
    image = np.broadcast_to(ramp, (size, size, 3)).copy()
    mask = np.zeros((size, size), np.uint8)
    mask[size // 2 : size // 2 + thickness] = 1
    return image, mask, np.full_like(image, 0.5)


def test_a_thin_scratch_is_continued_from_its_sides():
    image, mask, fill = stripes_with_hole()
    result = blend(image, mask, fill)
    hole = mask == 1
    assert np.abs(result - image)[hole].mean() < 0.4 * np.abs(fill - image)[hole].mean()


@pytest.mark.parametrize("config", [BoundaryConfig(), INVENTED])
def test_far_from_anything_known_the_network_stays(config):
    band = config.band
    image, mask, fill = stripes_with_hole(size=4 * band + 40, thickness=2 * band + 10)
    result = blend(image, mask, fill, config)
    hole = np.flatnonzero(mask[:, 0])
    changed = hole[(result != fill)[hole].any((1, 2))]
    assert {hole[0], hole[-1]} <= set(changed)
    assert set(changed) <= {*hole[:band], *hole[-band:]}


def test_a_firmer_band_stays_nearer_to_the_network():
    image, mask, fill = stripes_with_hole(thickness=40)
    hole = mask == 1
    changes = [
        np.abs(blend(image, mask, fill, BoundaryConfig(data_weight=weight)) - fill)[hole].mean()
        for weight in (0.02, 1.0)
    ]
    assert 0 < changes[1] < 0.5 * changes[0]


@pytest.mark.parametrize("setting", [{"band": 0}, {"data_weight": 0.0}, {"data_weight": np.inf}])
def test_a_boundary_that_makes_no_sense_is_refused(setting):
    with pytest.raises(ValueError, match="boundary needs band >= 1 and data_weight > 0"):
        BoundaryConfig(**setting)


def test_a_fill_that_is_right_stays_right():
    image, mask, _ = stripes_with_hole(thickness=20)
    result = blend(np.where(mask[..., None] == 1, 0, image), mask, image)
    assert np.abs(result - image).max() < 0.02


def test_pixels_of_other_holes_are_not_taken_for_known():
    image, mask, fill = stripes_with_hole(thickness=4)
    mask[20:29] = 2
    other = image.copy()
    other[mask == 2] = 9
    assert (blend(image, mask, fill) == blend(other, mask, fill))[mask == 1].all()


@pytest.mark.parametrize("value", [1, 2])
def test_without_known_pixels_nothing_changes(value):
    image, _, fill = stripes_with_hole()
    mask = np.full(image.shape[:2], value, np.uint8)
    assert (blend(image, mask, fill) == (fill if value == 1 else image)).all()


@pytest.mark.parametrize("size", [(1, 30), (30, 1)])
def test_pictures_one_pixel_wide_are_led_on_along_their_line(size):
    ramp = np.linspace(0, 1, 30, dtype=np.float32)
    image = np.repeat(ramp[:, None], 3, 1).reshape(*size, 3)
    mask = np.zeros(size, np.uint8)
    mask.flat[10:14] = 1
    result = blend(image, mask, np.full_like(image, 0.5))
    assert np.abs(result - image)[mask == 1].max() < 0.05


def test_a_ramp_is_continued_with_its_slope_where_the_fill_only_has_its_mean():
    image, mask, fill = stripes_with_hole(thickness=2)
    mask[:, 30:33] = 1
    result = blend(image, mask, fill)
    assert np.abs(result - image)[10:20, 30:33].max() < 0.03


def test_pixels_outside_the_hole_stay():
    image, mask, fill = stripes_with_hole(thickness=9)
    result = blend(image, mask, fill)
    assert (result == image)[mask == 0].all()


def test_more_than_eight_bits_survive():
    image, mask, _ = stripes_with_hole(thickness=6)
    flat = np.full_like(image, 1000.4 / 65535)
    result = blend(flat, mask, flat)
    assert np.abs(result - flat).max() < 1e-6

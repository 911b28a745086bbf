"""Robust weight of the fill in the blending."""

import numpy as np
import pytest
from textures import box

from inpaint.texture.robust_screening import screening_scale


def test_scale_grows_with_the_distance_from_the_copied_pixels():
    size = (40, 60)
    image, hole = np.full((*size, 3), 0.5, np.float32), box(size, 10, 30, 20, 50)
    image[10:30, 35:50] = (0.5, 0.5, 0.75)  # 0.25 from what is copied
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole, 0] = 20 - np.indices(size)[0][hole] + 15
    found = screening_scale(image, offsets, hole, 0)
    assert found[20, 25] == 1 and found[0, 0] == 1
    assert found[20, 44] == pytest.approx(np.sqrt(2))
    assert 1 < found[20, 35] < np.sqrt(2)
    assert 1 < screening_scale(image, offsets, hole, 2)[5, 10] < found[20, 44]  # a square of 36 px

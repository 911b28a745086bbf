import numpy as np
import pytest

from inpaint.utils.rectangles import pieces


def boxes_of(mask, gap):
    return sorted((r.start, c.start, r.stop, c.stop) for r, c in pieces(mask, gap))


def test_nothing_has_no_piece():
    assert pieces(np.zeros((5, 7), bool), 1) == []


def test_empty_rows_and_columns_divide_pieces():
    mask = np.zeros((10, 12), bool)
    mask[1, 2:5] = mask[1, 9] = mask[6:9, 3] = True
    assert boxes_of(mask, 3) == [(1, 2, 2, 5), (1, 9, 2, 10), (6, 3, 9, 4)]


def test_a_smaller_gap_divides_nothing():
    mask = np.zeros((10, 12), bool)
    mask[1, 2:5] = mask[1, 9] = mask[6:9, 3] = True
    assert boxes_of(mask, 5) == [(1, 2, 9, 10)]


@pytest.mark.parametrize("seed", range(4))
def test_pieces_hold_all_of_a_mask_and_keep_the_gap(seed):
    mask = np.random.default_rng(seed).random((80, 90)) < 0.004
    found = boxes_of(mask, 6)
    count = np.zeros(mask.shape, int)
    for top, left, bottom, right in found:
        count[top:bottom, left:right] += 1
        near = mask[max(top - 6, 0) : bottom + 6, max(left - 6, 0) : right + 6]
        assert near.sum() == mask[top:bottom, left:right].sum()
    assert (count[mask] == 1).all() and len(found) > 1

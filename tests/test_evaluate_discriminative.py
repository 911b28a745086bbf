"""P-IDS, U-IDS and their linear SVM."""

import numpy as np
import pytest

from inpaint.evaluate.discriminative import discriminative_scores, fit_linear_svm


def test_svm_of_two_points_matches_the_hand_computed_minimum():
    # w^2 / 2 + 2 (1 - w)^2 is least at w = 4 / 5; by symmetry there is no bias.
    weights, bias = fit_linear_svm(np.array([[1.0], [-1.0]]), np.array([1.0, -1.0]))
    assert weights == pytest.approx([0.8])
    assert bias == pytest.approx(0)


def test_svm_is_at_a_stationary_point():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), np.repeat([1.0, -1.0], 30)
    x[:30] += 0.5
    weights, bias = fit_linear_svm(x, y, c=0.3)
    loss = np.maximum(0, 1 - y * (x @ weights + bias))
    assert (loss > 0).sum() > 10  # so that the loss has a say
    assert weights == pytest.approx(0.6 * (loss * y) @ x, abs=1e-6)
    assert bias == pytest.approx(0.6 * loss @ y, abs=1e-6)


def test_fills_that_stand_out_score_0():
    rng = np.random.default_rng(0)
    originals = rng.normal(size=(40, 6))
    assert discriminative_scores(originals, originals + 20, range(40)) == (0, 0)


def test_exact_fills_score_50():
    originals = np.random.default_rng(0).normal(size=(40, 6))
    assert discriminative_scores(originals, originals, range(40)) == (50, 50)


def test_fills_of_the_same_kind_score_about_50():
    rng = np.random.default_rng(1)
    p_ids, u_ids = discriminative_scores(*rng.normal(size=(2, 400, 6)), range(400))
    assert p_ids == pytest.approx(50, abs=8)
    assert u_ids == pytest.approx(50, abs=8)


def test_holes_of_one_picture_do_not_judge_each_other():
    # Each picture has a mark of its own that tells fill and original apart in it, and nowhere
    # else: an SVM that saw another hole of the picture would find it.
    marks = np.repeat(np.eye(12), 5, axis=0) * np.repeat([1, -1] * 6, 5)[:, None]
    p_ids, u_ids = discriminative_scores(marks, -marks, np.repeat(np.arange(12), 5))
    assert (p_ids, u_ids) == (50, 50)


def test_one_picture_is_too_few():
    with pytest.raises(ValueError, match="at least two pictures, got 1"):
        discriminative_scores(np.zeros((2, 3)), np.zeros((2, 3)), [4, 4])

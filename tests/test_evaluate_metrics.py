"""The metrics of `inpaint.evaluate` against hand-computed values and second implementations."""

import numpy as np
import pytest
import torch

from inpaint.evaluate.metrics import Metrics, feature_distance, pixel_metrics, ssim
from inpaint.evaluate.protocol import Case, CaseId


def pair(size=32):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    y = np.clip(x.astype(int) + rng.integers(-60, 60, x.shape), 0, 255).astype(np.uint8)
    return x, y


def half_hole(size=32):
    hole = np.zeros((size, size), bool)
    hole[:, : size // 2] = True
    return hole


def test_pixel_metrics_match_hand_computed_values():
    original = np.zeros((32, 32, 3), np.uint8)
    composite = original.copy()
    composite[:, :16] = 51  # 0.2 in half of the picture
    values = pixel_metrics(original, composite, half_hole())
    assert values["l1"] == pytest.approx(10.0)
    assert values["mae"] == pytest.approx(20.0)
    assert values["psnr"] == pytest.approx(-10 * np.log10(0.02))


def test_an_exact_result_has_100_db_and_no_distance():
    x, _ = pair()
    case = Case(CaseId(0, 0, "any"), "x", x, half_hole())
    (values,) = Metrics()(case, [x])
    assert values == {"l1": 0, "psnr": 100, "ssim": pytest.approx(1), "mae": 0, "vgg": 0}


def test_ssim_of_two_flat_pictures_is_the_luminance_term():
    x, y = np.full((16, 16, 3), 0.2), np.full((16, 16, 3), 0.6)
    expected = (2 * 0.2 * 0.6 + 0.01**2) / (0.2**2 + 0.6**2 + 0.01**2)
    assert ssim(x, y) == pytest.approx(expected, abs=1e-9)


def test_ssim_and_psnr_agree_with_torchmetrics():
    functional = pytest.importorskip("torchmetrics.functional.image")
    x, y = pair(48)
    a, b = (torch.from_numpy(p / 255.0).permute(2, 0, 1)[None] for p in (x, y))
    _, theirs = functional.structural_similarity_index_measure(
        a, b, sigma=1.5, kernel_size=11, data_range=1.0, return_full_image=True
    )
    theirs = theirs[..., 5:-5, 5:-5].mean()  # without the windows that its padding fills
    assert ssim(x / 255.0, y / 255.0) == pytest.approx(theirs.item(), abs=1e-6)
    theirs = functional.peak_signal_noise_ratio(a, b, data_range=1.0)
    assert pixel_metrics(x, y, half_hole(48))["psnr"] == pytest.approx(theirs.item(), abs=1e-4)


def test_feature_distance_matches_a_hand_computed_value():
    # Two positions: (3, 4) against (4, 3), lengths 5, differ by 2 * 0.2^2; (1, 0) against (0, 2),
    # at right angles, by 2. The mean is 1.04; the second layer differs nowhere but in length.
    a = torch.tensor([[[[3.0, 1.0]], [[4.0, 0.0]]]])
    b = torch.tensor([[[[4.0, 0.0]], [[3.0, 2.0]]]])
    found = feature_distance([a, a], [b, 7 * a])
    torch.testing.assert_close(found, torch.tensor([1.04]))


def test_feature_distance_of_dark_features_is_finite():
    dark = torch.zeros(1, 4, 2, 2)
    assert feature_distance([dark], [dark]).item() == 0


def test_metrics_of_a_batch_equal_those_one_by_one():
    x, y = pair()
    case = Case(CaseId(0, 0, "any"), "x", x, half_hole())
    metrics = Metrics()
    both = metrics(case, [y, x])
    assert both[0]["vgg"] == pytest.approx(metrics(case, [y])[0]["vgg"], rel=1e-5)
    assert both[1]["vgg"] == pytest.approx(0, abs=1e-6)

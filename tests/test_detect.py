"""Finding damage in images of any size and kind, and what repeats over a folder."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.damage.drawing import noise
from inpaint.detect import DamageDetector, DetectSettings, repeated_overlay
from inpaint.detect import detector as module
from inpaint.detect.marking import mark, threshold_at
from inpaint.detect.repeated import corner_overlays, placed
from inpaint.inference.progress import Share
from inpaint.models.detector import Detector, DetectorConfig, fold_norms

EXAMPLES = Path(__file__).parents[1] / "examples"
UNSEEN = Share(None, 1)  # whose progress nobody watches
SMALL = DetectorConfig(widths=(8, 8, 8, 8, 8), blocks=(0, 0, 0, 0, 0))


def random_network(seed: int = 0) -> Detector:
    """An untrained network whose answers vary over the image, with norms that do something."""
    torch.manual_seed(seed)
    network = Detector(SMALL).train()
    with torch.no_grad():
        network(torch.rand(4, 3, 64, 64))
        torch.nn.init.normal_(network.last.weight, std=0.5)
        network.last.bias.zero_()
    return network.eval()


@pytest.fixture
def detector() -> DamageDetector:
    made = DamageDetector(random_network())
    made.half = False
    return made


def photo() -> np.ndarray:
    return np.array(Image.open(EXAMPLES / "astronaut.jpg").convert("RGB"))


def test_folded_norms_change_nothing() -> None:
    network = random_network()
    x = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        expected = network(x)
        torch.testing.assert_close(fold_norms(network)(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (37, 91), (64, 64), (130, 33)])
def test_any_size_gives_scores_of_that_size(detector: DamageDetector, size: tuple) -> None:
    found = detector.detect(np.zeros((*size, 3), np.uint8))
    assert found.mask.shape == size and found.mask.dtype == bool
    assert found.scores.shape == (*size, 3) and found.scores.dtype == np.uint8
    assert set(found.shares) == {"scratch", "dust", "stamp"}


def test_kinds_of_images_of_the_same_content_give_the_same_scores(
    detector: DamageDetector,
) -> None:
    image = photo()[:96, :128]
    scores = detector.detect(image).scores
    assert np.ptp(scores) > 50
    for other in (image.astype(np.uint16) * 257, Image.fromarray(image)):
        assert np.array_equal(detector.detect(other).scores, scores)
    close = detector.detect(image / np.float64(255)).scores.astype(int) - scores
    assert abs(close).max() <= 1
    gray = image[..., 0]
    three = detector.detect(np.dstack([gray] * 3)).scores
    assert np.array_equal(detector.detect(gray).scores, three)


def test_exif_orientation_is_applied(detector: DamageDetector, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo()[:40, :96]).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as turned:
        assert detector.detect(turned).mask.shape == (96, 40)


def test_transparent_pixels_are_never_damage(detector: DamageDetector) -> None:
    rgba = np.dstack([photo()[:64, :64], np.full((64, 64), 255, np.uint8)])
    assert detector.detect(rgba, sensitivity=1.0).mask[:, :32].any()
    rgba[:, :32, 3] = 0
    found = detector.detect(rgba, sensitivity=1.0).mask
    assert not found[:, :32].any() and found[:, 32:].any()


def test_tiles_give_what_one_piece_gives(
    detector: DamageDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photo()[:200, :320]
    whole = detector._scores_of_size(image, UNSEEN).astype(int)
    monkeypatch.setattr(module, "TILE", 96)
    monkeypatch.setattr(module, "MARGIN", 256)
    assert abs(detector._scores_of_size(image, UNSEEN).astype(int) - whole).max() <= 1
    monkeypatch.setattr(module, "MARGIN", 64)
    assert abs(detector._scores_of_size(image, UNSEEN).astype(int) - whole).mean() < 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float64])
def test_large_images_are_looked_at_in_half_their_size_too(
    detector: DamageDetector, monkeypatch: pytest.MonkeyPatch, dtype: type
) -> None:
    image = photo()[:129, :160]
    if np.dtype(dtype).kind == "f":
        image = (image / 255).astype(dtype)
    small = detector._scores_of_size(image, UNSEEN)
    monkeypatch.setattr(module, "SMALL", 70)
    both = detector.scores(image)
    assert both.shape == small.shape
    assert (both >= small).all() and (both > small).any()


@pytest.mark.parametrize("size", [(129, 100), (90, 210)])
def test_progress_goes_up_to_one(
    detector: DamageDetector, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(module, "SMALL", 150)
    monkeypatch.setattr(module, "TILE", 64)
    shares: list[float] = []
    detector.scores(photo()[: size[0], : size[1]], on_progress=shares.append)
    assert shares[0] == 0 and shares == sorted(shares) and len(shares) > 6
    assert shares[-1] == pytest.approx(1, abs=0.02)


def test_more_sensitivity_marks_more(detector: DamageDetector) -> None:
    image = photo()[:128, :128]
    scores = detector.scores(image)
    masks = [detector.mark(scores, sensitivity=s).mask for s in (0.0, 0.3, 0.5, 0.7, 1.0)]
    for less, more in pairwise(masks):
        assert not (less & ~more).any()
    assert masks[-1].sum() > masks[0].sum()


def test_only_the_classes_that_are_looked_for_are_marked(detector: DamageDetector) -> None:
    image = photo()[:128, :128]
    found = detector.detect(image, classes=("dust",), sensitivity=0.6)
    assert set(found.shares) == {"dust"}
    assert found.shares["dust"] == pytest.approx(found.share, abs=1e-6)


def test_wrong_requests_are_refused(detector: DamageDetector) -> None:
    image = np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match="classes must be some of scratch, dust, stamp"):
        detector.detect(image, classes=("hair",))
    with pytest.raises(ValueError, match="sensitivity must lie in 0 to 1, got 2"):
        detector.detect(image, sensitivity=2)
    with pytest.raises(TypeError, match="PIL image"):
        detector.detect("photo.jpg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be above 0"):
        DetectSettings(limit=0)
    with pytest.raises(ValueError, match="grow must be 0 or more"):
        DetectSettings(grow=-1)


def test_the_threshold_moves_around_its_default() -> None:
    assert threshold_at(0.5, 0.4) == pytest.approx(0.4)
    values = [threshold_at(s / 10, 0.4) for s in range(11)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.95 and values[-1] < 0.02


def test_a_line_that_fades_is_followed_and_noise_is_not() -> None:
    scores = np.zeros((20, 60), np.uint8)
    scores[10, 5:20] = 200
    scores[10, 20:50] = 90  # below the threshold, connected
    scores[3, 30:50] = 90  # below it, alone
    scores[16, 40:42] = 250  # above it, but two pixels
    found = mark(scores, 0.5)
    assert found[10, 5:50].all() and found.sum() == 45
    assert not mark(np.zeros((4, 4), np.uint8), 0.001).any()


def test_a_piece_that_is_too_large_is_no_speck() -> None:
    scores = np.zeros((50, 50), np.uint8)
    scores[5:8, 5:8] = 200
    scores[20:40, 20:40] = 200
    assert mark(scores, 0.5).sum() == 9 + 400
    assert mark(scores, 0.5, largest=0.1).sum() == 9


def overlaid(count: int, size=(96, 128), shift=0) -> tuple[list[np.ndarray], np.ndarray]:
    """Pieces of noise and photos that share a bright frame of 20 x 12 px, and where it is."""
    rng = np.random.default_rng(0)
    overlay = np.zeros(size, bool)
    cv2.rectangle(view := overlay.view(np.uint8), (90, 70), (110, 82), 1, 2)
    assert view.any()
    images = []
    source = photo()
    for number in range(count):
        height, width = size[0] + shift * (number % 3), size[1] + shift * (number % 2)
        y, x = rng.integers(source.shape[0] - height), rng.integers(source.shape[1] - width)
        image = source[y : y + height, x : x + width].astype(np.float32)
        image += 12 * noise(rng, (height, width), 1.0)[..., None]
        image[-size[0] :, -size[1] :][overlay] = 0.3 * image[-size[0] :, -size[1] :][overlay] + 170
        images.append(image.clip(0, 255).astype(np.uint8))
    return images, overlay


def test_what_repeats_is_found_and_nothing_else() -> None:
    images, overlay = overlaid(30)
    found = repeated_overlay(images)
    assert (found & overlay).sum() > 0.9 * overlay.sum()
    near = cv2.dilate(overlay.view(np.uint8), np.ones((7, 7))) > 0
    filled = np.zeros_like(near)
    filled[68:85, 88:113] = True
    assert (found & ~(near | filled)).sum() < 0.15 * found.sum()
    deep = [image.astype(np.uint16) * 257 for image in images]
    assert (repeated_overlay(deep) != found).sum() < 0.05 * found.sum()  # gray is rounded elsewhere


def test_nothing_repeats_in_different_photos() -> None:
    images, _ = overlaid(30)
    assert not repeated_overlay([image[:60] for image in images]).any()


def test_an_overlay_in_a_corner_is_found_in_images_of_several_sizes() -> None:
    images, overlay = overlaid(36, shift=10)
    corners = corner_overlays(images)
    assert set(corners) == {"bottom right"}
    height, width = images[5].shape[:2]
    mask = placed(corners, (height, width))
    here = mask[-overlay.shape[0] :, -overlay.shape[1] :]
    assert (here & overlay).sum() > 0.8 * overlay.sum()


def test_too_few_images_or_several_sizes_are_refused() -> None:
    images, _ = overlaid(10)
    with pytest.raises(ValueError, match="in 10 or more images, got 9"):
        repeated_overlay(images[:9])
    with pytest.raises(ValueError, match="of one size"):
        repeated_overlay([*images, images[0][:50]])

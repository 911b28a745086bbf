"""What the shipped detector finds in the examples, damaged and clean."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint.checkpoints.weights import read_metadata, shipped_weights
from inpaint.damage import dust, lines
from inpaint.damage.damage import BITS, labelled
from inpaint.damage.layer import Kind, Layer
from inpaint.detect import DamageDetector, detect
from inpaint.detect.settings import DEFAULT_DETECTOR, DEFAULT_GROW

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("astronaut.jpg", "cameraman.png", "cat.jpg", "coffee.jpg", "rocket.jpg")


@pytest.fixture(scope="module")
def detector() -> DamageDetector:
    return DamageDetector.load(device="cpu")


def photo(name: str, size: int = 288) -> np.ndarray:
    """The middle of an example."""
    image = Image.open(EXAMPLES / name).convert("RGB")
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return np.array(image.crop((left, top, left + size, top + size)))


def found_and_near(
    detector: DamageDetector, image: np.ndarray, layers: list[Layer], kind: Kind
) -> tuple[float, float]:
    """Of one class: recall of what can be seen of the layers by the mask as it is filled, and
    precision within 2 px of them."""
    pixels = image.astype(np.float32) / 255
    labels = labelled(pixels, layers)
    found = detector.detect(np.rint(255 * pixels).astype(np.uint8), classes=(kind,))
    mask, filled = found.mask, found.hole(grow=DEFAULT_GROW)
    truth = labels == BITS[kind]
    near = cv2.dilate((labels > 0).view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return (filled & truth).sum() / truth.sum(), (mask & near).sum() / max(1, mask.sum())


def test_the_shipped_detector_is_small_and_tells_how_it_was_made() -> None:
    path = shipped_weights(DEFAULT_DETECTOR)
    assert path.stat().st_size < 4_000_000
    assert read_metadata(path)["notes"]["steps"] > 1000


def test_clean_photos_are_left_alone(detector: DamageDetector) -> None:
    shares = [detector.detect(photo(name)).share for name in NAMES]
    assert max(shares) < 0.01 and np.mean(shares) < 0.003


@pytest.mark.parametrize("light", [1.0, -1.0])
def test_thin_scratches_are_found(detector: DamageDetector, light: float) -> None:
    change = 0.2 * light
    results = []
    for number, name in enumerate(("coffee.jpg", "rocket.jpg")):
        image = photo(name)
        rng = np.random.default_rng(number)
        layers = [
            Layer(
                "scratch",
                lines.scratch(rng, image.shape[:2], width=5 / 3, length=180),
                (change,) * 3,
                covering=False,
            )
            for _ in range(3)
        ]
        results.append(found_and_near(detector, image, layers, "scratch"))
    recall, precision = np.mean(results, 0)
    assert recall > 0.75 and precision > 0.75


def test_dust_is_found(detector: DamageDetector) -> None:
    image = photo("rocket.jpg")
    opacity = dust.speck(np.random.default_rng(0), image.shape[:2], diameter=4, count=40)
    layer = Layer("dust", opacity, (1.0, 1.0, 1.0))
    recall, precision = found_and_near(detector, image, [layer], "dust")
    assert recall > 0.6 and precision > 0.95


def test_a_date_is_found_as_a_stamp_and_nothing_as_the_same_without_it(
    detector: DamageDetector,
) -> None:
    image = photo("cat.jpg")
    clean = detector.detect(image, classes=("stamp",)).mask
    cv2.putText(image, "12 7 '96", (150, 270), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 140, 40), 2)
    found = detector.detect(image, classes=("stamp",)).mask
    assert found[245:275, 145:270].mean() > 0.1
    assert clean.mean() < 0.002


def test_sixteen_bits_give_the_mask_of_eight(detector: DamageDetector) -> None:
    image = photo("coffee.jpg")
    image[100:102] = 255
    deep = image.astype(np.uint16) * 257
    one, two = detector.detect(image), detector.detect(deep)
    assert one.mask.any() and np.array_equal(one.mask, two.mask)


def test_the_function_takes_the_shipped_weights(detector: DamageDetector) -> None:
    image = photo("coffee.jpg")
    image[100:102] = 255
    assert np.array_equal(detect(image).mask, DamageDetector.load().detect(image).mask)

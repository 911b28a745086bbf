"""Synthetic damage and its labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from inpaint.damage import dust, lines
from inpaint.damage.damage import BITS, KINDS, UNSURE, Damaged, compose, damage, labelled
from inpaint.damage.drawing import Canvas, noise
from inpaint.damage.layer import Layer
from inpaint.damage.lookalikes import lookalike
from inpaint.damage.stamps import segments, stamps

EXAMPLES = Path(__file__).parents[1] / "examples"


def photo(size: int = 256) -> np.ndarray:
    bgr = cv2.imread(str(EXAMPLES / "astronaut.jpg"))
    assert bgr is not None
    return np.ascontiguousarray(bgr[:size, :size, ::-1])


def flat(value: float = 0.4) -> np.ndarray:
    return np.full((128, 128, 3), value, np.float32)


def test_a_line_has_the_width_it_was_drawn_with() -> None:
    for width in (1.0, 5 / 3, 3.0):
        canvas = Canvas((64, 64))
        canvas.line(np.array([[-5.0, 32.0], [70.0, 32.0]]), width)
        assert canvas.opacity().sum(0) == pytest.approx(np.full(64, width), abs=0.02)


def test_noise_is_normal_and_a_size_beyond_its_field_is_refused() -> None:
    rng = np.random.default_rng(0)
    for softness in (0.0, 1.0, 8.0):
        fields = [noise(rng, (256, 256), softness) for _ in range(20)]
        assert np.mean([field.std() for field in fields]) == pytest.approx(1, abs=0.15)
    with pytest.raises(ValueError, match="at most 1024"):
        noise(rng, (2000, 10))


def test_the_same_generator_gives_the_same_damage() -> None:
    first, second = (damage(photo(), np.random.default_rng(5)) for _ in range(2))
    assert (first.image == second.image).all() and (first.labels == second.labels).all()
    other = damage(photo(), np.random.default_rng(6))
    assert (other.image != first.image).any()


def test_some_scratches_are_even_and_opaque_and_others_worn(monkeypatch) -> None:
    def drawn(even: float) -> list[Layer]:
        monkeypatch.setattr(lines, "_EVEN", even)
        return [lines.scratches(np.random.default_rng(seed), (128, 128))[0] for seed in range(60)]

    def shares_of_full(layers: list[Layer]) -> np.ndarray:
        """Of the pixels that a layer covers, how many it covers as much as any."""
        covered = [(layer.opacity, layer.opacity > 0.01 * layer.opacity.max()) for layer in layers]
        return np.array([(one[used] > 0.99 * one.max()).mean() for one, used in covered])

    even, worn = drawn(1.0), drawn(0.0)
    assert np.median(shares_of_full(even)) > 2 * np.median(shares_of_full(worn))
    opaque = [layer.covering and layer.opacity.max() > 0.999 for layer in even]
    assert 2 <= sum(opaque) <= 16  # an eighth of them


def test_images_out_of_focus_are_smooth_but_for_the_damage(monkeypatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)

    def contrast(share: float) -> list[float]:
        """Of undamaged images, so all there is comes from the scene, its grain and the scan."""
        monkeypatch.setattr("inpaint.damage.damage.OUT_OF_FOCUS", share)
        monkeypatch.setattr("inpaint.damage.damage.UNDAMAGED", 1.0)
        return [float(damage(image, np.random.default_rng(n)).image.std()) for n in range(12)]

    assert np.median(contrast(1.0)) < 0.4 * np.median(contrast(0.0))


@pytest.mark.parametrize("draw", [draw for draw, _ in KINDS])
def test_every_kind_of_damage_changes_what_it_labels(draw) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(12):
        layers = draw(rng, (128, 128))
        pixels = flat()
        labels = labelled(pixels, layers)
        wanted = BITS[layers[0].kind]
        assert set(np.unique(labels)) <= {0, wanted, UNSURE}
        changed = np.abs(pixels - 0.4).max(2)
        assert (changed[labels == wanted] > 0.005).all()
        assert (changed[labels == 0] < 0.02).all()
        seen += int((labels == wanted).sum())
    assert seen > 100


def test_damage_below_the_noise_is_neither_right_nor_wrong() -> None:
    opacity = lines.scratch(np.random.default_rng(0), (128, 128), width=1.5, length=80)
    rough = flat() + 0.2 * noise(np.random.default_rng(1), (128, 128))[..., None]
    layer = Layer("scratch", opacity, (0.05, 0.05, 0.05), covering=False)
    labels = labelled(np.ascontiguousarray(rough), [layer])
    assert not (labels == BITS["scratch"]).any() and (labels == UNSURE).any()
    labels = labelled(flat(), [layer])
    assert (labels == BITS["scratch"]).sum() > 80


def test_a_pixel_with_two_kinds_of_damage_has_both_bits() -> None:
    whole = np.ones((128, 128), np.float32)
    layers = [Layer("scratch", whole, (1.0, 1.0, 1.0)), Layer("stamp", whole, (0.0, 0.0, 0.0))]
    labels = labelled(flat(), layers)
    assert (labels == BITS["scratch"] | BITS["stamp"]).all()


def test_what_only_looks_like_damage_is_not_labelled() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        around = lookalike(rng, (256, 256))
        damaged = compose(photo(), [], np.random.default_rng(0), around=around)
        assert not damaged.labels.any()
        plain = compose(photo(), [], np.random.default_rng(0), around=[])
        assert (damaged.image != plain.image).any()


def test_about_a_fifth_of_the_images_stay_undamaged() -> None:
    rng = np.random.default_rng(0)
    clean = sum(not damage(photo(64), rng).labels.any() for _ in range(300))
    assert 45 < clean < 110


def test_ageing_moves_no_pixel() -> None:
    """A scratch is still where its label says, after tone, grain, blur and JPEG."""
    opacity = lines.scratch(np.random.default_rng(2), (256, 256), width=3, length=200)
    layer = Layer("scratch", opacity, (1.0, 1.0, 1.0))
    dark = np.full((256, 256, 3), 60, np.uint8)
    for seed in range(12):
        damaged = compose(dark, [layer], np.random.default_rng(seed), around=[])
        gray = damaged.image.astype(float).mean(2)
        on, off = gray[damaged.labels == 1].mean(), gray[damaged.labels == 0].mean()
        assert on - off > 60


def test_segments_of_an_eight_hold_those_of_a_one() -> None:
    eight, one = (segments(sign, 40.0, slant=0) for sign in "81")
    assert eight.max() == 1 and one.sum() < 0.5 * eight.sum()
    assert (one <= eight + 1e-6).all()
    assert segments("12 34", 20.0).shape[1] > segments("12", 20.0).shape[1]


def test_stamps_and_specks_can_be_larger_than_the_image() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        assert all(layer.opacity.shape == (48, 64) for layer in stamps(rng, (48, 64)))
    assert dust.speck(rng, (48, 64), diameter=4, count=9).max() == 1


def test_labels_and_image_have_the_types_that_are_said() -> None:
    damaged = damage(photo(), np.random.default_rng(1))
    assert isinstance(damaged, Damaged)
    assert damaged.image.dtype == damaged.labels.dtype == np.uint8
    assert damaged.image.shape == (256, 256, 3) and damaged.labels.shape == (256, 256)
    assert damaged.image.flags.c_contiguous

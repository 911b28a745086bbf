"""Squares scaled by the batch are those scaled one by one: the same places, scales and flips."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from image_source import Pictures

from inpaint.data import SampleStream, TrainingSamples, stream_loader
from inpaint.data.device_crops import Unscaled, collate_unscaled, scale_squares

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def precision_of_training() -> Iterator[None]:
    """A GPU multiplies matrices in TF32, as in a run."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


def textured(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def source() -> Pictures:
    """Smaller than a sample of 32 px, of its size, up to twice and more than twice as large."""
    sizes = ((24, 40), (32, 32), (32, 50), (47, 45), (64, 90), (70, 66), (150, 120))
    return Pictures([textured(*size, seed) for seed, size in enumerate(sizes)])


def batches(source: Pictures, *, scaled: bool, workers: int = 0, **settings: Any) -> Any:
    samples = TrainingSamples(source, 32, seed=3, scaled=scaled, **settings)
    stream = SampleStream(14, steps=4)
    return list(stream_loader(samples, stream, workers=workers, collate=samples.collate))


def scaled_on(device: torch.device, batch: dict[str, torch.Tensor], size: int) -> torch.Tensor:
    parts = (batch[name].to(device) for name in ("image", "side", "flipped"))
    return scale_squares(*parts, size).cpu()


def square(values: list[list[int]]) -> np.ndarray:
    return np.repeat(np.array(values, np.uint8)[..., None], 3, axis=2)


def test_a_square_is_averaged_and_flipped_as_computed_by_hand() -> None:
    rows = [[0, 30, 60], [30, 60, 90], [90, 120, 150]]
    samples = [{"image": Unscaled(square(rows), flipped)} for flipped in (False, True)]
    batch = collate_unscaled([*samples, {"image": Unscaled(square([[10, 20], [30, 41]]), False)}])
    found = scaled_on(DEVICE, batch, 2)
    # A pixel of the answer covers 1.5 x 1.5: (1 * 0 + 0.5 * 30 + 0.5 * 30 + 0.25 * 60) / 2.25 = 20.
    expected = torch.tensor([[20.0, 60.0], [80.0, 120.0]])
    assert torch.equal(found[0], expected.expand(3, 2, 2))
    assert torch.equal(found[1], expected.flip(1).expand(3, 2, 2))
    assert torch.equal(found[2, 0], torch.tensor([[10.0, 20.0], [30.0, 41.0]]))  # of the size


@pytest.mark.parametrize("crop", ["resize-crop", "whole", "native"])
def test_samples_are_those_scaled_one_by_one_within_a_level(source: Pictures, crop: str) -> None:
    pairs = zip(
        batches(source, scaled=False, crop=crop),
        batches(source, scaled=True, crop=crop),
        strict=True,
    )
    sides = set()
    for ours, theirs in pairs:
        assert all(torch.equal(ours[name], theirs[name]) for name in ("hole", "index", "skipped"))
        difference = (scaled_on(DEVICE, ours, 32) - theirs["image"]).abs()
        assert difference.max() <= 1
        # Halves are rounded otherwise by OpenCV, and what is near a half by TF32.
        assert difference.mean() < (0.1 if DEVICE.type == "cuda" else 0.03)
        sides |= set(ours["side"].tolist())
    assert min(sides) == 32 and max(sides) <= 64
    assert (len(sides) > 15) == (crop == "resize-crop")


def test_images_of_the_samples_size_are_the_same_bit_for_bit() -> None:
    source = Pictures([textured(32, 32, seed) for seed in range(5)])
    for ours, theirs in zip(
        batches(source, scaled=False), batches(source, scaled=True), strict=True
    ):
        assert torch.equal(scaled_on(DEVICE, ours, 32).byte(), theirs["image"])


def test_small_and_very_large_squares_do_not_travel(source: Pictures) -> None:
    for side, travels in ((31, 32), (32, 32), (64, 64), (65, 32)):
        assert len(Unscaled.of(textured(side, side, 0), 32, False).pixels) == travels
    largest = max(batch["image"].shape[1] for batch in batches(source, scaled=False))
    assert largest == 64


def test_an_unscaled_square_keeps_no_image_in_memory() -> None:
    image = textured(90, 90, 0)
    assert Unscaled.of(image[:40, :40], 32, False).pixels.base is None


def test_the_rest_of_a_batch_does_not_count() -> None:
    samples = [{"image": Unscaled(textured(side, side, side), False)} for side in (33, 40, 47, 64)]
    alone = torch.cat([scaled_on(DEVICE, collate_unscaled([sample]), 32) for sample in samples])
    difference = (scaled_on(DEVICE, collate_unscaled(samples), 32) - alone).abs()
    assert difference.max() <= 1 and difference.mean() < 1e-3


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_worker_processes_do_not_change_unscaled_batches(source: Pictures) -> None:
    for ours, theirs in zip(
        batches(source, scaled=False, workers=2), batches(source, scaled=False), strict=True
    ):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)

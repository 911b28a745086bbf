"""Weight files that are refused, each by the name of what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile import contents, load, packed, tiny_files

from inpaint import CheckpointError, PConvUNet, UNetConfig
from inpaint.checkpoints.weights import save_weights
from inpaint.detect.detector import DamageDetector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_files(tmp_path)


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("notes", None, r"x\.safetensors has unusable notes: None"),
        (
            "notes",
            {"tiling": 3},
            "notes, tiling: tiling settings must be an object, got 3",
        ),
        (
            "notes",
            {"reach": {"radius": "far"}},
            "notes, reach: hole_radius must be a finite",
        ),
        ("notes", {"reach": {"depth": 1}}, "notes, reach: unknown tiling settings: depth"),
        ("notes", {"boundary": {"band": 10**6}}, "notes, boundary: boundary needs band <= 1024"),
        ("notes", {"refiner": 3}, "notes, refiner: must be the name of shipped weights, or of a"),
        ("notes", {"refiner": ["a"]}, "notes, refiner: must be the name of shipped weights"),
        ("notes", {"refiner": "../refiner.safetensors"}, "beside this one, got '../refiner"),
        ("notes", {"refiner": "/etc/r.safetensors"}, "beside this one, got '/etc/r.safetensors'"),
        ("notes", {"refiner": "..\\r.safetensors"}, "notes, refiner: must be the name of shipped"),
        ("notes", {"refiner": "gone.safetensors"}, "there is no 'gone.safetensors' beside the"),
        ("notes", {"refiner": "gone"}, "notes, refiner: no shipped weights called 'gone'"),
        ("config", {"widths": [1 << 16] * 16, "kernels": [63] * 16}, "does not fit its configura"),
        ("config", {"widths": [10**9], "kernels": [3]}, "widths must be at most 65536, got 10000"),
        ("config", {"widths": [4.0], "kernels": [3]}, r"widths\[0\] must be an integer, got 4.0"),
        ("config", {"in_channels": 1, "mean": [0], "std": [1]}, "does not fit its configuration"),
    ],
)
def test_the_message_names_the_file_and_the_field(
    folder: Path, field: str, change: Any, message: str
) -> None:
    tensors, texts = contents(folder / "network.safetensors")
    path = folder / "x.safetensors"
    path.write_bytes(packed(tensors, {**texts, field: json.dumps(change)}))
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_refiner_beside_its_weights_is_loaded_and_no_other(folder: Path) -> None:
    assert load(folder / "network.safetensors").refiner is not None
    tensors, texts = contents(folder / "network.safetensors")
    inner = folder / "inner" / "network.safetensors"
    inner.parent.mkdir()
    inner.write_bytes(packed(tensors, texts))
    with pytest.raises(CheckpointError, match=r"there is no 'refiner\.safetensors' beside"):
        load(inner)


@pytest.mark.parametrize("damage", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(folder: Path, damage: float) -> None:
    tensors, texts = contents(folder / "network.safetensors")
    tensors["encoder.1.conv.weight"][0, 0, 0, 0] = damage
    path = folder / "x.safetensors"
    path.write_bytes(packed(tensors, texts))
    with pytest.raises(CheckpointError, match=r"encoder\.1\.conv\.weight holds values that are"):
        load(path)


@pytest.mark.parametrize("kind", ["network", "refiner"])
def test_weights_that_overflow_together_fill_with_nothing(folder: Path, kind: str) -> None:
    """Each is finite, and the sums are not: NaN would be written as black."""
    for name in ("network", "refiner"):
        tensors, texts = contents(folder / f"{name}.safetensors")
        if name == kind:
            tensors = {key: torch.full_like(t, 1e38) for key, t in tensors.items()}
        notes = json.dumps({"refiner": "large-refiner.safetensors"})
        path = folder / f"large-{name}.safetensors"
        path.write_bytes(packed(tensors, {**texts, "notes": notes}))
    inpainter = load(folder / "large-network.safetensors")
    hole = np.zeros((64, 64), bool)
    hole[20:44, 20:44] = True
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    with pytest.raises(CheckpointError, match=f"the {kind}'s output holds NaN or infinity"):
        inpainter.fill(image, hole)


def test_a_detector_that_overflows_finds_nothing(folder: Path) -> None:
    tensors, texts = contents(folder / "detector.safetensors")
    tensors = {key: torch.full_like(t, 1e38) for key, t in tensors.items()}
    path = folder / "large-detector.safetensors"
    path.write_bytes(packed(tensors, texts))
    detector = DamageDetector.load(path, device="cpu")
    with pytest.raises(CheckpointError, match="the detector's output holds NaN or infinity"):
        detector.detect(np.full((32, 32, 3), 99, np.uint8))


def test_networks_of_other_channels_than_rgb_fill_no_photos(tmp_path: Path) -> None:
    network = PConvUNet(UNetConfig(widths=(4,), kernels=(3,), in_channels=1, out_channels=1))
    save_weights(network, tmp_path / "gray.safetensors")
    with pytest.raises(CheckpointError, match="a network of 1 to 1 channels; wanted RGB"):
        load(tmp_path / "gray.safetensors")

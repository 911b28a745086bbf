"""Checkpoints of other projects are untrusted: they convert, or a CheckpointError says why not."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile import outcomes, with_noise

from inpaint import CheckpointError
from inpaint.checkpoints.convert import convert_checkpoint
from inpaint.checkpoints.torch_file import load_torch_file
from inpaint.checkpoints.vgg import VGG16
from inpaint.checkpoints.weights import shipped_weights
from inpaint.padding.models import load_checkpoint

WEIGHT, BIAS = "enc_2.conv.weight", "enc_2.conv.bias"


def state(widths: tuple[int, ...] = (4, 8)) -> dict[Any, Any]:
    """The state dict of a U-Net in the reference's names."""
    tensors, before = {}, 3
    for level, width in enumerate(widths, start=1):
        tensors[f"enc_{level}.conv.weight"] = torch.randn(width, before, 3, 3)
        tensors[f"enc_{level}.conv.bias"] = torch.randn(width)
        tensors[f"dec_{level}.conv.weight"] = torch.randn(before, width + before, 3, 3)
        before = width
    return tensors


def norm(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    values = {kind: torch.ones(8) for kind in ("weight", "bias", "running_mean", "running_var")}
    return {f"enc_2.bn.{kind}": value for kind, value in {**values, **changes}.items()}


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def in_itself() -> dict[str, Any]:
    content: dict[str, Any] = {}
    content["model"] = content
    return content


def compressed() -> bytes:
    """An archive of 70 MB of zeros in some hundred kB."""
    plain = zipfile.ZipFile(
        io.BytesIO(saved({**state(), "enc_3.conv.weight": torch.zeros(1 << 24)}))
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    return file.getvalue()


HUGE = torch.zeros(1).expand(1 << 20, 1 << 20, 3, 3)  # 13 TB in four bytes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**state(), "enc_3.conv.weight": HUGE}, r"\(1048576, 1048576, 3, 3\) is larger than what"),
        ({"any": [{"deep": (HUGE,)}]}, "is larger than what the file holds of it"),
        ({**state(), WEIGHT: torch.zeros(8, 4, 3, 3, device="meta")}, "that is not dense"),
        ({**state(), WEIGHT: torch.zeros(8, 4, 3, 3, dtype=torch.cfloat)}, "no finite floats"),
        ({**state(), WEIGHT: torch.zeros(8, 4, 3, 3, dtype=torch.long)}, "no finite floats"),
        ({**state(), WEIGHT: torch.full((8, 4, 3, 3), torch.nan)}, "enc2 holds values that are no"),
        ({**state(), WEIGHT: torch.full((8, 4, 3, 3), 1e300, dtype=torch.double)}, "too large for"),
        ({**state(), BIAS: torch.zeros(1)}, r"a tensor of shape \(1,\), wanted \(8,\)"),
        ({**state(), BIAS: torch.zeros(8, 8)}, r"a tensor of shape \(8, 8\), wanted \(8,\)"),
        ({**state(), **norm(running_var=-torch.ones(8))}, "enc2 has a variance below 0"),
        ({**state(), **norm(running_mean=torch.ones(3))}, r"shape \(3,\), wanted \(8,\)"),
        (state((4, 0)), "its levels make no U-Net: widths must be positive"),
        (state((2,) * 20), "the number of levels must be at most 16, got 20"),
        ({**state(), "\x1b[2J.dec_1.conv.weight": torch.zeros(1)}, "found 2 such networks"),
        (in_itself(), "holds no state dict"),
        ({5: torch.zeros(1), None: torch.zeros(1)}, "holds no state dict"),
    ],
)  # fmt: skip
def test_a_hostile_checkpoint_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(saved(content))
    with pytest.raises(CheckpointError, match=message) as caught:
        convert_checkpoint(path)
    assert str(path) in str(caught.value) and str(caught.value).isprintable()


def test_a_compressed_checkpoint_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(compressed())
    with pytest.raises(CheckpointError, match=r"compressed: it would unpack to 67\d{6} bytes"):
        load_torch_file(path)


def test_keys_that_are_no_text_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(saved({**state(), 5: torch.zeros(1)}))
    assert convert_checkpoint(path)[1] == "reference"


def test_a_damaged_checkpoint_converts_or_ends_in_a_checkpoint_error(tmp_path: Path) -> None:
    files = [*with_noise(saved(state()), 100, 1), pickle.dumps({}), json.dumps({}).encode(), b""]
    refused, converted, wrong = outcomes(iter(files), tmp_path / "x.pth", convert_checkpoint)
    assert wrong == []
    assert refused + converted == 103 and refused > converted


@pytest.mark.parametrize("damage", [torch.nan, torch.inf, None])
def test_features_that_are_not_finite_are_refused(tmp_path: Path, damage: float | None) -> None:
    content = load_torch_file(shipped_weights("vgg16_features_to_pool3"))
    bias = content["features.14.bias"]
    content["features.14.bias"] = "text" if damage is None else torch.full_like(bias, damage)
    torch.save(content, tmp_path / "vgg.pth")
    with pytest.raises(CheckpointError, match=r"features\.14\.bias with values that are not"):
        VGG16(tmp_path / "vgg.pth")


def test_a_classifier_with_names_that_are_no_text_is_refused(tmp_path: Path) -> None:
    torch.save({5: torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="holds no state dict of weights"):
        load_checkpoint(torch.nn.Linear(1, 1), tmp_path / "x.pth")

"""VGG-16: the network is torchvision's, the scale is applied once, files are checked."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from inpaint.checkpoints.vgg import VGG16
from inpaint.checkpoints.weights import CheckpointError, shipped_weights

POOLS = (4, 9, 16)  # positions of the pools in torchvision's features


@pytest.fixture(scope="module")
def shipped() -> dict[str, Tensor]:
    return load_file(shipped_weights("vgg16_features_to_pool3"))


@pytest.fixture(scope="module")
def reference(shipped: dict[str, Tensor]) -> nn.Sequential:
    """torchvision's network to pool3 with the shipped weights."""
    features = torchvision.models.vgg16(weights=None).features[:17]
    features.load_state_dict({key.removeprefix("features."): v for key, v in shipped.items()})
    return features.eval()


@torch.no_grad()
def pooled(features: nn.Sequential, x: Tensor) -> list[Tensor]:
    levels = []
    for position, layer in enumerate(features):
        x = layer(x)
        if position in POOLS:
            levels.append(x.clone())
    return levels


def photo() -> Tensor:
    """A photo of 128x128 pixels: (1, 3, 128, 128), RGB in [0, 1]."""
    path = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
    pixels = np.array(Image.open(path).convert("RGB").resize((128, 128)))
    return torch.from_numpy(pixels).movedim(-1, 0)[None] / 255


@pytest.fixture(scope="module")
def vgg() -> VGG16:
    return VGG16()


def test_features_are_torchvisions_over_the_scale(vgg: VGG16, reference: nn.Sequential) -> None:
    image = photo()[..., :37, :50]
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)  # of the authors' training
    expected = pooled(reference, image * 255 - mean)
    for level, pool, scale in zip(vgg(image), expected, VGG16.CAFFE_SCALE, strict=True):
        torch.testing.assert_close(level, pool / scale, rtol=1e-4, atol=1e-5)


def test_features_have_the_sizes_of_three_pools(vgg: VGG16) -> None:
    shapes = [tuple(level.shape) for level in vgg(torch.rand(2, 3, 24, 33))]
    assert shapes == [(2, 64, 12, 16), (2, 128, 6, 8), (2, 256, 3, 4)]


def test_activations_are_not_scaled(vgg: VGG16) -> None:
    image = photo()[..., :32, :32]
    for raw, level, scale in zip(
        vgg.activations(image), vgg(image), VGG16.CAFFE_SCALE, strict=True
    ):
        torch.testing.assert_close(nn.functional.max_pool2d(raw, 2) / scale, level)


def test_features_of_a_photo_are_of_the_order_of_one(vgg: VGG16) -> None:
    for level in vgg(photo()):
        assert 0.3 < level.mean() < 3


@pytest.fixture(scope="module")
def like_torchvisions(shipped: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights that take normalised colours and answer in the range of torchvision's: the shipped
    ones divided by level, as rectified levels allow, with the normalisation in the first kernel."""
    state = {key: value.float() for key, value in shipped.items()}
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    state["features.0.weight"] = state["features.0.weight"] * 255 * std
    before = 1.0
    for scale, positions in zip(VGG16.CAFFE_SCALE, ((0, 2), (5, 7), (10, 12, 14)), strict=True):
        state[f"features.{positions[0]}.weight"] = (
            state[f"features.{positions[0]}.weight"] * before / scale
        )
        for position in positions:
            state[f"features.{position}.bias"] = state[f"features.{position}.bias"] / scale
        before = scale
    return state


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
def test_a_file_of_torchvisions_is_normalised_and_not_scaled(
    tmp_path: Path,
    like_torchvisions: dict[str, Tensor],
    vgg: VGG16,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    caplog.set_level(logging.INFO)
    extra = {"classifier.0.bias": torch.zeros(4)}  # the whole network has more than we need
    save = save_file if name.endswith("safetensors") else torch.save
    save({**like_torchvisions, **extra}, tmp_path / name)
    image = photo()[..., :64, :64]
    found = VGG16(tmp_path / name)
    features = torchvision.models.vgg16(weights=None).features[:17].eval()
    features.load_state_dict(
        {key.removeprefix("features."): value for key, value in like_torchvisions.items()}
    )
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = pooled(features, (image - mean) / std)
    for level, pool, ours in zip(found(image), expected, vgg(image), strict=True):
        torch.testing.assert_close(level, pool, rtol=1e-4, atol=1e-5)
        assert level.mean() == pytest.approx(ours.mean().item(), rel=0.02)
    (line,) = [record.getMessage() for record in caplog.records]
    ratios = re.findall(r"[0-9.]+(?=,| and|  ?times)", line.split(" are ")[1])
    assert [float(ratio) for ratio in ratios] == pytest.approx([1, 1, 1], abs=0.02)


def test_the_authors_weights_are_known_in_any_file(
    tmp_path: Path, shipped: dict[str, Tensor], vgg: VGG16
) -> None:
    """torchvision's IMAGENET1K_FEATURES has the key names of IMAGENET1K_V1 and these weights."""
    save_file({key: value.float() for key, value in shipped.items()}, tmp_path / "a.safetensors")
    image = photo()[..., :32, :32]
    for level, ours in zip(VGG16(tmp_path / "a.safetensors")(image), vgg(image), strict=True):
        torch.testing.assert_close(level, ours)


@pytest.mark.parametrize("factor", [40.0, 0.01])
def test_features_of_another_order_of_magnitude_are_refused(
    tmp_path: Path, like_torchvisions: dict[str, Tensor], factor: float
) -> None:
    key = "features.14.weight"
    torch.save({**like_torchvisions, key: like_torchvisions[key] * factor}, tmp_path / "vgg.pth")
    with pytest.raises(CheckpointError, match=r"pool3 are 1.*wanted torchvision's IMAGENET1K_V1"):
        VGG16(tmp_path / "vgg.pth")


def test_the_network_stays_frozen_and_in_eval_mode() -> None:
    vgg = VGG16().train()
    assert not any(module.training for module in vgg.modules())
    assert not any(parameter.requires_grad for parameter in vgg.parameters())


def test_gradients_pass_through_to_the_picture(vgg: VGG16) -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    torch.stack([level.sum() for level in vgg(image)]).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no VGG-16 weight file at .*nothing\.pth"):
        VGG16(tmp_path / "nothing.pth")


def test_a_missing_tensor_is_named(tmp_path: Path, shipped: dict[str, Tensor]) -> None:
    part = {key: value for key, value in shipped.items() if key != "features.7.bias"}
    save_file(part, tmp_path / "part.safetensors")
    with pytest.raises(CheckpointError, match=r"holds no features\.7\.bias"):
        VGG16(tmp_path / "part.safetensors")


def test_a_tensor_of_another_shape_is_refused(tmp_path: Path, shipped: dict[str, Tensor]) -> None:
    thin = {**shipped, "features.0.weight": torch.zeros(64, 3, 1, 1)}  # would broadcast
    save_file(thin, tmp_path / "thin.safetensors")
    with pytest.raises(CheckpointError, match=r"features\.0\.weight of shape \(64, 3, 1, 1\)"):
        VGG16(tmp_path / "thin.safetensors")


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} is no readable VGG-16 weight file"):
        VGG16(tmp_path / name)


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list, wanted named tensors"):
        VGG16(tmp_path / "list.pth")

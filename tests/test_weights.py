"""Weight files and training states: what is saved comes back, what is broken is named."""

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from inpaint import Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints.weights import (
    CheckpointError,
    load_network,
    read_metadata,
    save_weights,
    shipped_weights,
    weights_folder,
)
from inpaint.training.state import load_state
from inpaint.utils.files import atomic_path
from inpaint.utils.shipped import shipped_folder

CONFIG = UNetConfig(widths=(4, 8, 8), kernels=(5, 3, 3), leak=0.1)


@pytest.fixture
def network() -> PConvUNet:
    """A network whose batch norms have statistics of their own."""
    torch.manual_seed(0)
    network = PConvUNet(CONFIG)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture
def file(network: PConvUNet, tmp_path: Path) -> Path:
    save_weights(network, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


@torch.no_grad()
def fill(network: PConvUNet) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 21, 34, generator=generator)
    return network(image, (torch.rand(1, 1, 21, 34, generator=generator) > 0.4).float())


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], Any], **config: Any) -> None:
    """Write a weight file again with other tensors or another configuration."""
    tensors = load_file(path)
    change(tensors)
    settings = {**read_metadata(path)["config"], **config}
    save_file(tensors, path, metadata={"config": json.dumps(settings)})


def test_a_file_alone_rebuilds_the_network_bit_for_bit(network: PConvUNet, file: Path) -> None:
    loaded = load_network(file)
    assert loaded.config == CONFIG
    assert not loaded.training
    assert torch.equal(fill(loaded), fill(network))


def test_a_file_in_float16_gives_almost_the_same(network: PConvUNet, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_weights(network, path, dtype=torch.float16)
    loaded = load_network(path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(fill(loaded), fill(network), rtol=0, atol=5e-3)
    assert not torch.equal(fill(loaded), fill(network))


def test_a_variance_beyond_float16_survives_it(network: PConvUNet, tmp_path: Path) -> None:
    network.encoder[1].norm.running_var.fill_(1e6)
    save_weights(network, tmp_path / "half.safetensors", dtype=torch.float16)
    loaded = load_network(tmp_path / "half.safetensors")
    assert loaded.encoder[1].norm.running_var.eq(1e6).all()


def test_weights_in_channels_last_come_back(network: PConvUNet, tmp_path: Path) -> None:
    save_weights(network.to(memory_format=torch.channels_last), tmp_path / "a.safetensors")
    loaded = load_network(tmp_path / "a.safetensors")
    for key, value in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(loaded.state_dict()[key], value)


def test_a_loaded_network_can_be_trained(file: Path) -> None:
    network = load_network(file).train()
    network(torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16)).sum().backward()


def test_metadata_holds_configuration_and_notes(network: PConvUNet, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "folder" / "a.safetensors"
    save_weights(network, path, notes={"steps": 7, "data": ["places2"]})
    found = read_metadata(path)
    assert found["notes"] == {"steps": 7, "data": ["places2"]}
    assert UNetConfig.from_dict(found["config"]) == CONFIG


def test_a_file_can_be_read_by_those_who_can_read_any_new_file(file: Path) -> None:
    usual = file.with_name("usual")
    usual.touch()
    assert file.stat().st_mode == usual.stat().st_mode


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no weight file at .*gone\.safetensors"):
        load_network(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_cut_off_file_is_named(file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"a\.safetensors is not a safetensors file"):
        load_network(file)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="holds no network configuration"):
        load_network(tmp_path / "other.safetensors")


def test_checkpoints_of_other_projects_come_with_the_command_that_converts_them(
    tmp_path: Path,
) -> None:
    torch.save({"model": {"x": torch.zeros(1)}}, tmp_path / "other.pth")
    advice = f"inpaint weights convert {tmp_path}/other.pth other.safetensors"
    with pytest.raises(CheckpointError, match=re.escape(advice)):
        Inpainter.load(tmp_path / "other.pth")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"weights convert \S+ other-inpaint\.safetensors"):
        Inpainter.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "unreadable metadata"),
        ("[1]", r"unusable configuration: \[1\]"),
        ('{"widths": [4], "depth": 3}', "unknown network settings: depth"),
        ('{"widths": "wide"}', "unusable configuration"),
        ('{"widths": [4, 0], "kernels": [3, 3]}', "widths must be positive"),
    ],
)
def test_an_unusable_configuration_is_named(tmp_path: Path, config: str, message: str) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "a.safetensors", metadata={"config": config})
    with pytest.raises(CheckpointError, match=message):
        load_network(tmp_path / "a.safetensors")


def test_missing_and_unexpected_tensors_are_named(file: Path) -> None:
    rewrite(file, lambda tensors: tensors.update(extra=tensors.pop("encoder.0.conv.bias")))
    message = r"missing \['encoder\.0\.conv\.bias'\], unexpected \['extra'\]"
    with pytest.raises(CheckpointError, match=message):
        load_network(file)


def test_tensors_of_another_shape_are_named(file: Path) -> None:
    rewrite(file, lambda _: None, widths=[4, 8, 16])
    with pytest.raises(CheckpointError, match=r"(?s)does not fit.*encoder\.2\.conv\.weight"):
        load_network(file)


def test_a_shipped_file_is_found_by_name() -> None:
    path = shipped_weights("vgg16_features_to_pool3")
    assert path == weights_folder() / "vgg16_features_to_pool3.safetensors"


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"called 'best' .*vgg16_features_to_pool3"):
        shipped_weights("best")


def test_a_whole_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), atomic_path(path) as temporary:
        temporary.write_text("half of")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


class Bomb:
    """Pickled, it is a command that makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("read", [load_state, load_network], ids=["state", "weights"])
@pytest.mark.parametrize("save", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_a_pickled_file_is_never_executed(
    tmp_path: Path, read: Callable[[Path], Any], save: Callable[[Any, Path], Any]
) -> None:
    save({"step": Bomb(tmp_path / "trace")}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match=r"evil\.pt is (no readable|not a)"):
        read(tmp_path / "evil.pt")
    assert not (tmp_path / "trace").exists()


def test_a_state_of_something_else_is_named(tmp_path: Path) -> None:
    torch.save({"step": 3, "network": {}}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match=r"no training checkpoint: it lacks average, config"):
        load_state(tmp_path / "last.pt")


def test_shipped_folders_lie_inside_an_installed_package(tmp_path: Path) -> None:
    """Beside one lie other packages, which may be called `weights`."""
    package = tmp_path / "inpaint"
    for folder in (package / "_weights", tmp_path / "weights", tmp_path / "examples"):
        folder.mkdir(parents=True)
    assert shipped_folder("weights", package) == package / "_weights"
    assert shipped_folder("examples", package) == tmp_path / "examples"


def test_a_checkout_has_its_weights_beside_the_package() -> None:
    assert weights_folder() == Path(__file__).parents[1] / "weights"

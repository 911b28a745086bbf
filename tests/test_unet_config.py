"""Configurations of the U-Net, and the network from state dicts, files, copies and exports."""

import copy
import json
import pickle
import shutil
from dataclasses import replace

import pytest
import torch
from test_unet import SMALL, network, picture

from inpaint.models.unet import PConvUNet, UNetConfig


@pytest.mark.parametrize(("name", "millions"), [("paper", 32.9), ("compact", 6.45)])
def test_named_networks_have_the_stated_size(name, millions):
    config = UNetConfig.named(name)
    with torch.device("meta"):
        net = PConvUNet(config)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_the_default_is_the_network_of_the_paper():
    assert UNetConfig() == UNetConfig.named("paper")
    assert UNetConfig().widths == (64, 128, 256, 512, 512, 512, 512, 512)
    assert UNetConfig().kernels == (7, 5, 5, 3, 3, 3, 3, 3)


def test_settings_survive_json():
    config = replace(SMALL, leak=0.1, mean=(0.5, 0.5, 0.5))
    assert UNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": ()}, "widths and kernels must have one entry for each level, got 0 and 8"),
        ({"widths": (8, 8)}, "widths and kernels must have one entry for each level, got 2 and 8"),
        ({"widths": (8, 0), "kernels": (3, 3)}, r"widths must be positive, got \(8, 0\)"),
        ({"widths": (8, 8), "kernels": (3, 4)}, r"kernels must be odd, got \(3, 4\)"),
        ({"leak": -0.1}, "leak must be at least 0, got -0.1"),
        ({"std": (1.0, 0.0, 1.0)}, "std must be positive"),
        ({"in_channels": 0}, "in_channels and out_channels must be 1 or more, got 0 and 3"),
        ({"in_channels": 4, "mean": (0.5,) * 4}, "one entry for each of 4 channels"),
        ({"mean": (0.5,)}, "one entry for each of 3 channels"),
        ({"depth": 8, "width": 3}, "unknown network settings: depth, width"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        UNetConfig.from_dict(settings)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="must be one of paper, compact, generative, got 'big'"):
        UNetConfig.named("big")


def test_residual_units_are_checked_and_survive_json():
    config = replace(SMALL, residual=((1,), (1, 2)))
    values = json.loads(json.dumps(config.to_dict()))
    assert UNetConfig.from_dict(values) == config
    with pytest.raises(ValueError, match="at most one entry for each of the 2 decoder blocks"):
        replace(SMALL, residual=((1,), (1,), (1,)))
    with pytest.raises(ValueError, match="dilations of 1 or more"):
        replace(SMALL, residual=((0,),))


def test_state_dict_is_that_of_plain_convolutions_and_norms():
    keys = set(network().state_dict())
    assert {"encoder.0.conv.weight", "encoder.0.conv.bias", "encoder.1.norm.running_mean"} <= keys
    assert {"decoder.2.conv.weight", "decoder.2.conv.bias"} <= keys
    assert not {key for key in keys if key.split(".")[0] not in ("encoder", "decoder")}
    assert not {key for key in keys if "fold" in key}


def test_copies_answer_alike():
    net = network()
    image, valid = picture(20, 30)
    fresh = PConvUNet(net.config).eval()
    fresh.load_state_dict(net.state_dict())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), fresh):
        assert torch.equal(twin(image, valid), net(image, valid))


def test_pretrained_folders_rebuild_the_network(tmp_path):
    net = network(replace(SMALL, leak=0.1, residual=((1, 2),)))
    net.save_pretrained(tmp_path / "mine")
    assert {"config.json", "model.safetensors"} <= {p.name for p in (tmp_path / "mine").iterdir()}
    loaded = PConvUNet.from_pretrained(tmp_path / "mine")
    assert loaded.config == net.config
    assert not loaded.training
    image, valid = picture(37, 50)
    assert torch.equal(loaded(image, valid), net(image, valid))
    copied = pickle.loads(pickle.dumps(copy.deepcopy(loaded)))
    assert torch.equal(copied(image, valid), net(image, valid))


def test_a_pushed_network_is_its_folder(tmp_path, monkeypatch):
    """What goes to the hub, without a hub."""
    sent = {}

    class Hub:
        def __init__(self, **settings):
            pass

        def create_repo(self, repo_id, **settings):
            return type("Url", (), {"repo_id": repo_id})

        def upload_folder(self, *, repo_id, folder_path, **settings):
            sent[repo_id] = shutil.copytree(folder_path, tmp_path / "sent")

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Hub)
    net = network()
    net.push_to_hub("someone/inpainting")
    assert list(sent) == ["someone/inpainting"]
    loaded = PConvUNet.from_pretrained(tmp_path / "sent")
    image, valid = picture(20, 30)
    assert torch.equal(loaded(image, valid), net(image, valid))


@pytest.mark.skipif(
    torch.__version__ < (2, 8), reason="older torch cannot trace sizes halved twice"
)
def test_export_with_dynamic_size():
    net = network()
    sizes = {
        2: torch.export.Dim("height", min=16, max=1 << 15),
        3: torch.export.Dim("width", min=16, max=1 << 15),
    }
    program = torch.export.export(net, picture(64, 48), dynamic_shapes=(sizes, sizes))
    for size in ((64, 48), (37, 91), (16, 130)):
        image, valid = picture(*size)
        assert torch.allclose(program.module()(image, valid), net(image, valid), atol=1e-5)

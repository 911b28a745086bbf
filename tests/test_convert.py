"""Other projects' networks, rebuilt here from their layouts, against their converted weights."""

import hashlib
import json
import logging

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from inpaint import Inpainter
from inpaint.checkpoints.convert import convert_checkpoint, convert_state
from inpaint.checkpoints.weights import (
    CheckpointError,
    load_network,
    load_refiner,
    read_metadata,
    save_weights,
)
from inpaint.cli import main
from inpaint.cli import run_weights as weights_command
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.unet import PConvUNet, UNetConfig

WIDTHS, KERNELS = (6, 8, 10), (7, 5, 3)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class LayerWithoutFactor(nn.Module):
    """naoto0804's layer: W^T (x * M) / sum(M) + b, with a second convolution that sums the mask."""

    def __init__(self, c_in, c_out, kernel, stride, bias):
        super().__init__()
        settings = {"stride": stride, "padding": kernel // 2}
        self.input_conv = nn.Conv2d(c_in, c_out, kernel, bias=bias, **settings)
        self.mask_conv = nn.Conv2d(c_in, c_out, kernel, bias=False, **settings)
        nn.init.ones_(self.mask_conv.weight)

    def forward(self, x, mask):
        total = self.mask_conv(mask)
        known = total > 0
        plain = self.input_conv(x * mask)
        bias = 0 if self.input_conv.bias is None else self.input_conv.bias.view(-1, 1, 1)
        y = torch.where(known, (plain - bias) / total.clamp(min=1) + bias, 0)
        return y, known.float()


class ReferenceLayer(nn.Conv2d):
    """The reference layer with multi_channel=True, as mmagic has it, with its buffer."""

    def __init__(self, c_in, c_out, kernel, stride, bias):
        super().__init__(c_in, c_out, kernel, stride, kernel // 2, bias=bias)
        self.register_buffer("weight_mask_updater", torch.ones_like(self.weight))

    def forward(self, x, mask):
        total = F.conv2d(mask, self.weight_mask_updater, None, self.stride, self.padding)
        known = (total > 0).float()
        ratio = self.weight[0].numel() / (total + 1e-8) * known
        plain = F.conv2d(x * mask, self.weight, None, self.stride, self.padding)
        bias = 0 if self.bias is None else self.bias.view(-1, 1, 1)
        return (plain * ratio + bias) * known, known


class Level(nn.Module):
    def __init__(self, layer, c_in, c_out, kernel, stride, norm, activation, bias):
        super().__init__()
        self.conv = layer(c_in, c_out, kernel, stride, bias)
        if norm:
            self.bn = nn.BatchNorm2d(c_out)
        self.norm, self.activation = norm, activation

    def forward(self, x, mask):
        x, mask = self.conv(x, mask)
        x = self.bn(x) if self.norm else x
        return self.activation(x), mask


class ForeignUNet(nn.Module):
    """The U-Net that these projects share, under names of theirs.

    encoder, decoder: patterns of the levels' names. biases: (of the first level, of the levels
    with a norm, of the last). norms: whether the first and the last level have one.
    """

    def __init__(self, layer, encoder, decoder, biases, norms=(False, False)):
        super().__init__()
        torch.manual_seed(0)
        self.names = encoder, decoder
        widths = (3, *WIDTHS)
        levels = {}
        for n in range(1, len(widths)):
            first = n == 1
            norm, bias = (norms[0], biases[0]) if first else (True, biases[1])
            levels[encoder % n] = Level(
                layer, widths[n - 1], widths[n], KERNELS[n - 1], 2, norm, F.relu, bias
            )
            norm, bias = (norms[1], biases[2]) if first else (True, biases[1])
            activation = nn.Identity() if first else nn.LeakyReLU(0.2)
            c_in = widths[n] + widths[n - 1]
            levels[decoder % n] = Level(layer, c_in, widths[n - 1], 3, 1, norm, activation, bias)
        for name, level in levels.items():
            parent = self
            *folders, leaf = name.split(".")
            for folder in folders:
                if not hasattr(parent, folder):
                    parent.add_module(folder, nn.Module())
                parent = getattr(parent, folder)
            parent.add_module(leaf, level)
        randomise(self)

    def forward(self, x, mask):
        skips = []
        for n in range(1, len(WIDTHS) + 1):
            skips.append((x, mask))
            x, mask = self.get_submodule(self.names[0] % n)(x, mask)
        for n in range(len(WIDTHS), 0, -1):
            skip, skip_mask = skips.pop()
            x, mask = (F.interpolate(t, scale_factor=2) for t in (x, mask))
            x, mask = torch.cat([x, skip], 1), torch.cat([mask, skip_mask], 1)
            x, mask = self.get_submodule(self.names[1] % n)(x, mask)
        return x


@torch.no_grad()
def randomise(network):
    """Random affine parameters, and statistics of random pictures, so that all levels matter."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.weight.copy_(torch.rand(module.weight.shape, generator=generator) + 0.5)
            module.bias.copy_(torch.rand(module.bias.shape, generator=generator) - 0.5)
    valid = (torch.rand(2, 1, 64, 64, generator=generator) > 0.3).float()
    network(torch.randn(2, 3, 64, 64, generator=generator), valid.expand(-1, 3, -1, -1))
    network.eval()


def naoto(biases=(False, False, True), norms=(False, False)):
    return ForeignUNet(LayerWithoutFactor, "enc_%d", "dec_%d", biases, norms)


def mmagic():
    names = ("generator.encoder.enc%d", "generator.decoder.dec%d")
    return ForeignUNet(ReferenceLayer, *names, (True, False, True))


@pytest.fixture
def picture():
    """A picture in [0, 1] and its mask with a large hole, (1, 3, 64, 64) and (1, 1, 64, 64)."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 64, 64, generator=generator)
    valid = (torch.rand(1, 1, 64, 64, generator=generator) > 0.2).float()
    valid[..., 5:50, 20:60] = 0
    return image, valid


def theirs(network, image, valid, mean, std):
    """Their whole way from a picture to a picture."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    normal = (image - mean) / std * valid
    return network(normal, valid.expand_as(image)) * std + mean


@torch.no_grad()
@pytest.mark.parametrize("biases", [(False, False, True), (True, True, True)])
def test_naotos_network_gives_the_same_picture(picture, biases):
    network = naoto(biases)
    converted, layout = convert_state(network.state_dict())
    assert layout == "naoto"
    assert converted.config == UNetConfig(widths=WIDTHS, kernels=KERNELS)
    expected = theirs(network, *picture, *IMAGENET)
    torch.testing.assert_close(converted(*picture), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_mmagics_network_gives_the_same_picture(picture):
    image, valid = picture
    network = mmagic()
    converted, layout = convert_state(network.state_dict())
    assert layout == "mmagic"
    expected = theirs(network, image.flip(1), valid, [0.5] * 3, [0.5] * 3).flip(1)  # in BGR
    torch.testing.assert_close(converted(image, valid), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("names", [("enc_%d", "dec_%d"), ("encoder.%d", "decoder.%d")])
def test_networks_of_the_reference_layer_give_the_same_picture(picture, names):
    network = ForeignUNet(ReferenceLayer, *names, (False, True, True))
    converted, layout = convert_state({f"module.{k}": v for k, v in network.state_dict().items()})
    assert layout == "reference"
    expected = theirs(network, *picture, *IMAGENET)
    torch.testing.assert_close(converted(*picture), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_norms_on_the_first_and_last_level_are_folded_in(picture):
    network = naoto(norms=(True, False))
    converted, _ = convert_state(network.state_dict())
    expected = theirs(network, *picture, *IMAGENET)
    torch.testing.assert_close(converted(*picture), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_level_without_norm_gets_one_that_changes_nothing(picture):
    network = naoto()
    level = network.get_submodule("enc_2")
    level.norm = False
    del level.bn
    converted, _ = convert_state(network.state_dict())
    expected = theirs(network, *picture, *IMAGENET)
    torch.testing.assert_close(converted(*picture), expected, atol=1e-5, rtol=1e-5)


def test_training_checkpoints_are_unwrapped(tmp_path):
    state = naoto().state_dict()
    torch.save({"n_iter": 5, "model": state, "optimizer": {"lr": 0.1}}, tmp_path / "naoto.pth")
    torch.save({"meta": {"epoch": 1}, "state_dict": mmagic().state_dict()}, tmp_path / "mm.pth")
    save_file(state, tmp_path / "plain.safetensors")
    assert convert_checkpoint(tmp_path / "naoto.pth")[1] == "naoto"
    assert convert_checkpoint(tmp_path / "mm.pth")[1] == "mmagic"
    assert convert_checkpoint(tmp_path / "plain.safetensors")[1] == "naoto"


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    torch.save({"model": naoto()}, tmp_path / "module.pth")
    with pytest.raises(CheckpointError, match="could run code and is not opened"):
        convert_checkpoint(tmp_path / "module.pth")


def test_files_that_are_no_such_network_are_refused(tmp_path):
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    torch.save({"conv1.weight": torch.zeros(1, 1, 3, 3)}, tmp_path / "resnet.pth")
    cases = {
        "cut.pth": "no readable checkpoint",
        "empty.pth": "holds no state dict",
        "resnet.pth": "wanted the levels of one U-Net",
    }
    for name, message in cases.items():
        with pytest.raises(CheckpointError, match=message):
            convert_checkpoint(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        convert_checkpoint(tmp_path / "none.pth")


def test_a_network_of_other_shapes_is_refused():
    state = naoto().state_dict()
    wide = state | {"dec_2.conv.input_conv.weight": torch.zeros(6, 20, 3, 3)}
    with pytest.raises(CheckpointError, match=r"dec2 has a kernel of shape \(6, 20, 3, 3\)"):
        convert_state(wide)
    short = {key: value for key, value in state.items() if not key.startswith("enc_3")}
    with pytest.raises(CheckpointError, match="as many decoder as encoder levels, got 3 and 2"):
        convert_state(short)


def test_command_line_converts_and_says_from_where(tmp_path, capsys):
    torch.save({"model": naoto().state_dict()}, tmp_path / "a.pth")
    out = tmp_path / "a.safetensors"
    assert main(["weights", "convert", str(tmp_path / "a.pth"), str(out)]) == 0
    assert load_network(out).config.widths == WIDTHS
    notes = read_metadata(out)["notes"]
    assert notes["converted_from"] == "naoto"
    assert notes["sha256"] == hashlib.sha256((tmp_path / "a.pth").read_bytes()).hexdigest()
    assert main(["weights", "convert", str(tmp_path / "a.pth"), str(out)]) == 2
    assert "exists; give another name, or --overwrite" in capsys.readouterr().err


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of shipped weights: a network, a refiner, a file that is neither."""
    save_weights(PConvUNet(UNetConfig((8, 16), (5, 3))), tmp_path / "tiny.safetensors",
                 notes={"psnr": 20.5})  # fmt: skip
    save_weights(Refiner(RefinerConfig(8, (1, 3))), tmp_path / "refiner.safetensors")
    save_file({"features.0.bias": torch.zeros(2)}, tmp_path / "vgg.safetensors")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(tmp_path.glob("*.safetensors"))
    ]
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    for module in ("inpaint.checkpoints.weights", "inpaint.cli.run_weights"):
        monkeypatch.setattr(f"{module}.weights_folder", lambda: tmp_path)
    return tmp_path


def test_command_line_lists_and_shows_weights(shipped, capsys):
    assert main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    assert "tiny" in listed and "widths [8, 16]" in listed and "no network of ours" in listed
    assert "width 8, dilations [1, 3]" in listed
    assert main(["weights", "show", "refiner"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "inpaint-refiner"
    assert main(["weights", "show", "tiny"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["notes"] == {"psnr": 20.5}
    assert shown["config"]["kernels"] == [5, 3]
    assert shown["parameters"] == sum(
        p.numel() for p in load_network(shipped / "tiny.safetensors").parameters()
    )


def test_command_line_verifies_weights(shipped, caplog):
    caplog.set_level(logging.INFO)
    assert main(["weights", "verify"]) == 0
    assert "tiny.safetensors: right" in caplog.text and "vgg.safetensors: right" in caplog.text
    (shipped / "tiny.safetensors").write_bytes(b"damaged")
    assert main(["weights", "verify", "tiny"]) == 1
    assert "changed or damaged" in caplog.text
    assert main(["weights", "verify", "other"]) == 1
    assert "other.safetensors: not in SHA256SUMS" in caplog.text


def test_a_missing_or_wrong_manifest_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no SHA256SUMS in"):
        weights_command.read_manifest(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("abc tiny.safetensors\n")
    with pytest.raises(ValueError, match="a line that is no checksum"):
        weights_command.read_manifest(tmp_path)


def test_command_line_packs_weights_with_notes(shipped, caplog):
    source, packed = shipped / "tiny.safetensors", shipped / "packed.safetensors"
    notes = '{"reach": {"radius": 12, "least_side": 32, "most_side": 64}}'
    command = ["weights", "pack", str(source), str(packed), "--notes", notes]
    caplog.set_level(logging.INFO)
    assert main(command) == 0
    assert hashlib.sha256(packed.read_bytes()).hexdigest() in caplog.text
    assert packed.stat().st_size < 0.7 * source.stat().st_size
    assert Inpainter.load(packed).tiling.hole_radius == 12
    small = shipped / "small.safetensors"
    assert main(["weights", "pack", str(shipped / "refiner.safetensors"), str(small)]) == 0
    assert load_refiner(small).config.width == 8
    assert main(command) == 2  # it exists
    assert main([*command, "--overwrite", "--notes", "[1]"]) == 2
    before = packed.read_bytes()
    for notes in ('{"refiner": "../refiner.safetensors"}', '{"tiling": {"min_side": "1"}}'):
        assert main([*command, "--overwrite", "--notes", notes]) == 2
    assert packed.read_bytes() == before

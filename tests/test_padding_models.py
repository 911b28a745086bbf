from collections import OrderedDict

import pytest
import torch
import torchvision
from oracle import oracle
from safetensors.torch import save_file
from torch import Tensor, nn

from inpaint import CheckpointError
from inpaint.padding import PartialPaddingConv2d, architectures, build, load_checkpoint, models

X = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def by_the_formula(model: nn.Module, x: Tensor) -> Tensor:
    """The logits of torchvision's network with the slow layer in place of each convolution."""

    def hook(conv: nn.Conv2d, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        geometry = {n: getattr(conv, n) for n in ("stride", "padding", "dilation", "groups")}
        return oracle(inputs[0], conv.weight, conv.bias, torch.ones_like(inputs[0]), **geometry)[0]

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(hook)
    with torch.no_grad():
        return model.eval()(x)


def prepared(model: nn.Module) -> nn.Module:
    """The model with norms that do something, as in a trained one; VGG without 100 million
    weights of its classifier."""
    if isinstance(model, torchvision.models.VGG):
        model.classifier = nn.Linear(512 * 7 * 7, 10)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


@pytest.mark.parametrize("arch, wrapped", [("resnet18", ""), ("vgg11_bn", "features.")])
def test_a_checkpoint_of_the_reference_gives_the_logits_of_the_formula(tmp_path, arch, wrapped):
    torch.manual_seed(0)
    original = prepared(torchvision.models.get_model(arch, weights=None, num_classes=10))
    # The reference wraps a ResNet in nn.DataParallel, but of a VGG only the features.
    state = OrderedDict(
        (f"{wrapped}module.{key.removeprefix(wrapped)}" if key.startswith(wrapped) else key, value)
        for key, value in original.state_dict().items()
        if not key.endswith("num_batches_tracked")  # which files of that time lack
    )
    checkpoint = {"epoch": 3, "arch": "pd" + arch, "state_dict": state, "best_prec1": X[0, 0, 0, 0]}
    torch.save(checkpoint, tmp_path / "model_best.pth.tar")
    with torch.device("meta"):
        model = prepared(build("pd" + arch, num_classes=10))
    model = model.to_empty(device="cpu").eval()
    load_checkpoint(model, tmp_path / "model_best.pth.tar")
    with torch.no_grad():
        found = model(X)
    torch.testing.assert_close(found, by_the_formula(original, X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_plain_weight_files_load(tmp_path, suffix):
    source, model = (build("resnet10_small", num_classes=3) for _ in range(2))
    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(source.state_dict(), path)
    load_checkpoint(model, path)
    assert model.eval()(X).equal(source.eval()(X))


def test_a_checkpoint_of_another_architecture_is_one_clear_line(tmp_path):
    path = tmp_path / "small.pth"
    torch.save(build("resnet10_small", num_classes=3).state_dict(), path)
    model = build("pdresnet18_small", num_classes=5)
    before = model.fc.weight.clone()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(model, path)
    message = str(caught.value)
    assert "does not fit" in message and "\n" not in message
    assert "missing (layer1.1.conv1.weight, ...)" in message
    assert "fc.bias (3,) instead of (5,)" in message
    assert model.fc.weight.equal(before)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", [1, 2], {"state_dict": {"a": 1}}])
def test_a_file_without_weights_is_one_clear_line(tmp_path, content):
    path = tmp_path / "odd.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"odd\.pth (is no readable|holds)") as caught:
        load_checkpoint(build("resnet10_small"), path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_checkpoint(build("resnet10_small"), tmp_path / "none.pth")


def test_every_published_name_is_torchvisions_network_with_other_padding():
    assert len(models._PUBLISHED) == 13
    with torch.device("meta"):
        for name in models._PUBLISHED:
            model = getattr(models, name)(num_classes=7)
            plain = torchvision.models.get_model(name[2:], weights=None, num_classes=7)
            assert list(model.state_dict()) == list(plain.state_dict())
            padded = [m for m in model.modules() if isinstance(m, nn.Conv2d) and any(m.padding)]
            assert padded and all(type(m) is PartialPaddingConv2d for m in padded)


def test_the_same_seed_gives_the_same_weights_whatever_the_padding():
    states = []
    for arch in ("resnet10_small", "pdresnet10_small"):
        torch.manual_seed(4)
        states.append(build(arch, num_classes=2).state_dict())
    assert all(states[0][key].equal(states[1][key]) for key in states[0])


def test_small_networks_have_maps_of_half_to_a_sixteenth_of_the_side():
    model = build("resnet10_small", num_classes=4)
    sizes = []
    for level in (model.layer1, model.layer4):
        level.register_forward_hook(lambda _, __, y: sizes.append(tuple(y.shape[1:])))
    assert model(X).shape == (1, 4)
    assert sizes == [(32, 32, 32), (256, 4, 4)]


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown architecture 'pdresnet51'") as caught:
        build("pdresnet51")
    for name in ("resnet10_small", "resnet50", "vgg16_bn", "pdresnet152", "pdvgg19_bn"):
        assert name in str(caught.value)
    assert "resnet50" in architectures()

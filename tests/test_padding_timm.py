"""Models of timm with partial padding: what is swapped, finite answers, gradients."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from inpaint.padding import PartialPaddingConv2d, convert
from inpaint.padding.convert import padding_of

# Convolutions that are swapped, by class.
MODELS = {
    "convnext_atto": {"Conv2d": 12},
    "dla46_c": {"Conv2d": 15},
    "dm_nfnet_f0": {"ScaledStdConv2dSame": 28},
    "edgenext_xx_small": {"Conv2d": 15},
    "efficientnet_lite0": {"Conv2d": 17},
    "ghostnet_050": {"Conv2d": 42},
    "lcnet_035": {"Conv2d": 14},
    "mixnet_s": {"Conv2d": 44},
    "mnasnet_small": {"Conv2d": 16},
    "mobilenetv2_035": {"Conv2d": 18},
    "mobilenetv3_small_050": {"Conv2d": 12},
    "nf_regnet_b0": {"ScaledStdConv2d": 17},
    "regnety_002": {"Conv2d": 14},
    "repvgg_a0": {"Conv2d": 22},
    "resnet10t": {"Conv2d": 11},
    "resnetv2_50x1_bit": {"StdConv2d": 17},
    "rexnet_100": {"Conv2d": 17},
    "tf_efficientnet_lite0": {"Conv2dSame": 5, "Conv2d": 12},
    "tf_mobilenetv3_small_minimal_100": {"Conv2dSame": 5, "Conv2d": 7},
    "tinynet_e": {"Conv2d": 11},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", MODELS)
def test_models_of_timm_convert_and_train(name: str) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=4)
    for parameter in model.parameters():  # gains that start at 0 stop gradients
        if not parameter.any():
            nn.init.constant_(parameter, 0.1)
    kinds = {key: type(module).__name__ for key, module in model.named_modules()}
    image = torch.randn(2, 3, 64, 64)
    report = convert(model)
    swapped: dict[str, int] = {}
    for key in report.swapped:
        swapped[kinds[key]] = swapped.get(kinds[key], 0) + 1
        assert padding_of(model.get_submodule(key)) == "partial"
    assert swapped == MODELS[name]
    assert set(report.kept.values()) <= {"no padding", "a padding layer in front of a convolution"}
    logits = model(image)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    gradients = [model.get_submodule(key).weight.grad for key in report.swapped]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert all(bool(g.any()) for g in gradients)


def layer(kind: str, **settings: int) -> nn.Module:
    layers = pytest.importorskip("timm.layers")
    torch.manual_seed(0)
    made: nn.Module = getattr(layers, kind)(3, 6, 3, bias=True, **settings)
    nn.init.normal_(made.bias)  # type: ignore[arg-type]
    return made


CASES = [
    ("Conv2dSame", {"stride": 2}),
    ("Conv2dSame", {"dilation": 2}),
    ("StdConv2d", {"padding": 1, "stride": 2}),
    ("StdConv2dSame", {"stride": 2}),
    ("ScaledStdConv2d", {"padding": 1}),
    ("ScaledStdConv2dSame", {"stride": 2}),
]


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_layers_of_timm_are_scaled_by_what_their_windows_see(
    kind: str, settings: dict[str, int]
) -> None:
    conv = layer(kind, **settings)
    image = torch.randn(2, 3, 12, 15)
    with torch.no_grad():
        plain = conv(image)
        # How much of each window lies in the image, by a layer of the same geometry and of ones.
        counter = type(layer("Conv2dSame")) if "Same" in kind else nn.Conv2d
        count_layer = counter(1, 1, 3, bias=False, **settings)
        nn.init.ones_(count_layer.weight)
        count = count_layer(torch.ones(1, 1, 12, 15))
        bias = conv.bias.view(-1, 1, 1)  # type: ignore[union-attr,operator]
        expected = (plain - bias) * 9 / count + bias
        assert convert(conv, warn=False).swapped == ("",)
        torch.testing.assert_close(conv(image), expected, atol=1e-5, rtol=1e-4)
        for copied in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
            assert torch.equal(copied(image), conv(image))
            assert padding_of(copied) == "partial"
        assert convert(conv, "reflect").kept[""].endswith("which pads with zeros by itself")
        assert convert(conv, "zeros").swapped == ("",)
        assert type(conv).__name__ == kind
        assert torch.equal(conv(image), plain)


@pytest.mark.parametrize("norm", [weight_norm, spectral_norm])
def test_parametrised_convolutions_keep_their_parametrisation(norm: object) -> None:
    torch.manual_seed(0)
    conv = norm(nn.Conv2d(3, 4, 3, padding=1)).eval()  # type: ignore[operator]
    image = torch.randn(1, 3, 8, 9)
    plain, keys = conv(image), list(conv.state_dict())
    assert convert(conv, warn=False).swapped == ("",)
    assert parametrize.is_parametrized(conv)
    assert list(conv.state_dict()) == keys
    wanted = PartialPaddingConv2d(3, 4, 3, padding=1)
    wanted.load_state_dict({"weight": conv.weight.detach(), "bias": conv.bias.detach()})
    torch.testing.assert_close(conv(image), wanted(image))
    conv(image).sum().backward()
    assert all(p.grad is not None for p in conv.parameters())
    assert convert(conv, "reflect").swapped == ("",)
    padded = F.pad(image, (1, 1, 1, 1), mode="reflect")
    torch.testing.assert_close(conv(image), F.conv2d(padded, conv.weight, conv.bias))
    convert(conv, "zeros")
    assert torch.equal(conv(image), plain)
    convert(conv)
    parametrize.remove_parametrizations(conv, "weight")
    assert type(conv) is PartialPaddingConv2d

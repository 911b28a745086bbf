"""The layer as a module of torch: state dicts, copies, transforms, export, compiled code."""

import copy
import pickle
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch
from oracle import holed
from torch import nn
from torch.nn.utils import parametrizations

from inpaint.models.partial_conv import PartialConv1d, PartialConv2d, PartialConv3d

CAN_COMPILE = shutil.which("g++") and Path(sysconfig.get_path("include"), "Python.h").exists()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_state_dict_is_that_of_a_plain_conv(axes):
    plain = getattr(nn, f"Conv{axes}d")(4, 6, 3, groups=2)
    layer = (PartialConv1d, PartialConv2d, PartialConv3d)[axes - 1](4, 6, 3, groups=2)
    layer.load_state_dict(plain.state_dict())
    assert torch.equal(layer.weight, plain.weight)
    nn.init.zeros_(layer.bias)
    plain.load_state_dict(layer.state_dict())
    assert not plain.bias.any()
    assert isinstance(layer, type(plain))


def test_channels_last_and_strided_inputs(random):
    layer = PartialConv2d(4, 8, 3, padding=1)
    x, mask = torch.randn(2, 4, 8, 8, generator=random), holed(2, 1, 8, 8, random=random)
    wanted = layer(x, mask)
    last = layer(x.to(memory_format=torch.channels_last), mask)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(last, wanted, atol=1e-6)
    turned = layer(x.mT.contiguous().mT, mask.mT.contiguous().mT)
    assert torch.allclose(turned, wanted, atol=1e-6)


def test_copies_answer_alike(random):
    layer = PartialConv2d(4, 4, 3, multi_channel=True, mask_channels=(3, 1), return_mask=True)
    x, mask = torch.randn(1, 4, 8, 8, generator=random), holed(1, 2, 8, 8, random=random)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert all(torch.equal(a, b) for a, b in zip(twin(x, mask), layer(x, mask), strict=True))


def test_weight_norm_applies(random):
    layer = PartialConv2d(2, 3, 3, padding=1)
    x = torch.randn(1, 2, 6, 6, generator=random)
    wanted = layer(x)
    assert torch.allclose(parametrizations.weight_norm(layer)(x), wanted, atol=1e-6)


def test_shapes_are_inferred_without_data():
    layer = PartialConv2d(4, 8, 3, stride=2, padding=1, return_mask=True, device="meta")
    x = torch.empty(2, 4, 9, 9, device="meta")
    for mask in (None, torch.empty(2, 1, 9, 9, device="meta")):
        y, _ = layer(x, mask)
        assert y.shape == (2, 8, 5, 5)


def test_inference_mode_equals_grad_mode(random):
    layer = PartialConv2d(3, 4, 3, padding=1)
    x, mask = torch.randn(1, 3, 8, 8, generator=random), holed(1, 1, 8, 8, random=random)
    with torch.inference_mode():
        y = layer(x, mask)
    assert torch.equal(y, layer(x, mask))


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")  # of addcmul_
def test_functional_transforms(random):
    layer = PartialConv2d(3, 4, 3, padding=1)
    x, masks = torch.randn(3, 8, 8, generator=random), holed(5, 1, 8, 8, random=random)

    def loss(x, mask):
        return layer(x[None], mask[None]).square().sum()

    got = torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(x, masks)
    wanted = torch.stack([torch.func.grad(loss)(x, mask) for mask in masks])
    assert torch.allclose(got, wanted, atol=1e-4)


class Net(nn.Module):
    """Layers of every kind of mask, one after the other."""

    def __init__(self):
        super().__init__()
        self.first = PartialConv2d(4, 8, 3, stride=2, padding=1, multi_channel=True)
        self.first.mask_channels, self.first.return_mask = (3, 1), True
        self.second = PartialConv2d(8, 4, 3, padding=1, padding_mode="circular", multi_channel=True)
        self.third = PartialConv2d(4, 2, 3, padding="same")

    def forward(self, x, mask):
        return self.third(self.second(*self.first(x, mask)))


def test_export_with_dynamic_size(random):
    net = Net().eval()
    example = torch.randn(1, 4, 16, 12), torch.ones(1, 2, 16, 12)
    sizes = {
        2: torch.export.Dim("height", min=4, max=1 << 15),
        3: torch.export.Dim("width", min=4, max=1 << 15),
    }
    program = torch.export.export(net, example, dynamic_shapes=(sizes, sizes))
    x, mask = torch.randn(1, 4, 37, 22, generator=random), holed(1, 2, 37, 22, random=random)
    assert torch.allclose(program.module()(x, mask), net(x, mask), atol=1e-6)


def test_compiles_in_one_graph(random):
    net = Net()
    x, mask = torch.randn(1, 4, 16, 12, generator=random), holed(1, 2, 16, 12, random=random)
    got, wanted = torch.compile(net, fullgraph=True, backend="aot_eager")(x, mask), net(x, mask)
    assert torch.allclose(got, wanted, atol=1e-6)
    for a, b in zip(
        torch.autograd.grad(got.square().sum(), list(net.parameters())),
        torch.autograd.grad(wanted.square().sum(), list(net.parameters())),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not CAN_COMPILE, reason="inductor needs g++ and Python's headers")
def test_compiled_code_agrees(random):
    layer = PartialConv2d(4, 8, 3, padding=1)
    x, mask = torch.randn(1, 4, 16, 12, generator=random), holed(1, 1, 16, 12, random=random)
    with torch.no_grad():
        assert torch.allclose(torch.compile(layer)(x, mask), layer(x, mask), atol=1e-5)

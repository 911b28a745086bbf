import copy
import pickle

import pytest
import torch
from oracle import oracle
from torch import Tensor, nn

from inpaint import PartialConv2d
from inpaint.padding import PartialPaddingConv1d, PartialPaddingConv2d, PartialPaddingConv3d
from inpaint.padding.layers import axis_strips

LAYERS = {1: PartialPaddingConv1d, 2: PartialPaddingConv2d, 3: PartialPaddingConv3d}
SIZES = {1: (11,), 2: (9, 8), 3: (6, 7, 5)}
GEOMETRIES = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 7, "padding": 3, "stride": 2},
    {"kernel_size": 3, "padding": 2, "dilation": 2},
    {"kernel_size": 3, "padding": 4, "dilation": 4},  # as in atrous pyramids: wide strips
    {"kernel_size": 4, "padding": "same"},
    {"kernel_size": 3, "padding": 1, "groups": 2},
    {"kernel_size": 3, "padding": 4},  # windows that see nothing but padding
    {"kernel_size": 1, "padding": 0},
    {"kernel_size": 5, "padding": 2, "stride": 3, "dilation": 2},
]


def wanted(layer: nn.Module, x: Tensor) -> Tensor:
    geometry = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    return oracle(x, layer.weight, layer.bias, torch.ones_like(x), **geometry)[0]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_layers_equal_the_oracle_and_so_do_their_gradients(dims, geometry, bias):
    torch.manual_seed(0)
    layer = LAYERS[dims](4, 6, **geometry, bias=bias)
    x = torch.randn(2, 4, *SIZES[dims], requires_grad=True)
    inputs = [x, *layer.parameters()]
    expected, found = wanted(layer, x), layer(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    weights = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(layer(x[0]), layer(x)[0], rtol=0, atol=1e-5)


def test_a_map_of_ones_comes_out_as_the_sum_of_the_kernel_everywhere():
    layer = PartialPaddingConv2d(1, 1, 3, padding=1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    assert layer(torch.ones(1, 1, 4, 5)).eq(18).all()


def test_every_axis_has_its_own_kernel_stride_padding_and_dilation():
    layer = PartialPaddingConv2d(3, 2, (3, 5), stride=(1, 2), padding=(0, 3), dilation=(2, 1))
    x = torch.randn(1, 3, 8, 9)
    torch.testing.assert_close(layer(x), wanted(layer, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 3)])
def test_pictures_smaller_than_the_kernel_are_scaled_all_over(size):
    layer = PartialPaddingConv2d(2, 2, 5, padding=2)
    x = torch.randn(1, 2, *size)
    torch.testing.assert_close(layer(x), wanted(layer, x), rtol=0, atol=1e-5)


def test_strips_of_one_ratio_are_one_entry():
    assert axis_strips(112, 3, 1, 1, 1, 1) == ((0, 1, 1.5), (111, 1, 1.5))
    assert axis_strips(100, 3, 1, 24, 24, 24) == ((0, 24, 1.5), (76, 24, 1.5))
    assert axis_strips(224, 7, 2, 3, 3, 1) == ((0, 1, 7 / 4), (1, 1, 7 / 6), (111, 1, 7 / 5))
    assert axis_strips(10, 3, 1, 0, 0, 1) == ()


def test_gradients_are_right_to_second_order():
    layer = PartialPaddingConv2d(2, 2, 3, padding=1).double()
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(call, (x, layer.weight, layer.bias))
    assert torch.autograd.gradgradcheck(call, (x, layer.weight, layer.bias))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_half_precision_stays_near_single_precision(dtype, bias):
    torch.manual_seed(0)
    layer = PartialPaddingConv2d(16, 8, 3, padding=1, bias=bias)
    x = torch.randn(2, 16, 12, 12)
    with torch.autocast("cpu", dtype):
        y = layer(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), wanted(layer, x), rtol=0.03, atol=0.03)
    y.float().sum().backward()
    assert layer.weight.grad.isfinite().all()


def test_the_memory_format_stays_channels_last():
    layer = PartialPaddingConv2d(8, 8, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(2, 8, 6, 6).to(memory_format=torch.channels_last)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)


def test_calls_leave_nothing_behind_and_copies_work():
    layer = PartialPaddingConv2d(2, 2, 3, padding=1)
    before = set(vars(layer))
    x, y = torch.randn(1, 2, 5, 5), torch.randn(2, 2, 7, 4)
    first = layer(x)
    layer(y)
    assert layer(x).equal(first)
    assert set(vars(layer)) == before
    assert copy.deepcopy(layer)(x).equal(first)
    assert pickle.loads(pickle.dumps(layer))(x).equal(first)


def test_the_input_is_not_written_to():
    x = torch.ones(1, 2, 4, 4)
    PartialPaddingConv2d(2, 2, 3, padding=1)(x)
    assert x.eq(1).all()


def test_it_equals_the_partial_convolution_without_a_mask():
    layer, full = PartialPaddingConv2d(3, 4, 3, padding=1), PartialConv2d(3, 4, 3, padding=1)
    full.load_state_dict(layer.state_dict())
    x = torch.randn(1, 3, 6, 6)
    torch.testing.assert_close(layer(x), full(x), rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_exported_layer_takes_other_sizes():
    layer = PartialPaddingConv2d(2, 3, 3, padding=1, stride=2).eval()
    size = {
        2: torch.export.Dim("height", min=4, max=1 << 15),
        3: torch.export.Dim("width", min=4, max=1 << 15),
    }
    program = torch.export.export(layer, (torch.randn(1, 2, 8, 9),), dynamic_shapes=(size,))
    x = torch.randn(1, 2, 13, 6)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=0, atol=1e-5)


def test_functional_gradients_work():
    layer = PartialPaddingConv2d(2, 2, 3, padding=1)
    weights = dict(layer.named_parameters())
    x = torch.randn(1, 2, 4, 4)

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(layer, weights, (x,)).square().sum()

    found = torch.func.grad(loss)({name: w.detach() for name, w in weights.items()})
    layer(x).square().sum().backward()
    torch.testing.assert_close(found["weight"], layer.weight.grad)

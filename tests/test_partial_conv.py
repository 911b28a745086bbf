import copy

import pytest
import torch
import torch.nn.functional as F
from oracle import Case, cases, difference, holed, oracle
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from inpaint.models.partial_conv import (
    PartialConv2d,
    partial_conv,
    window_count,
)

# What nn.Conv2d says, too.
EVEN_SAME = "ignore:Using padding='same' with even kernel:UserWarning"


@pytest.mark.filterwarnings(EVEN_SAME)
@pytest.mark.parametrize("case", cases(), ids=str)
def test_layer_equals_the_oracle(case: Case):
    assert difference(case) <= 1e-5


def test_the_grid_is_wide():
    grid = cases()
    assert len(grid) >= 500
    assert {len(case.kernel) for case in grid} == {1, 2, 3}
    assert {case.padding_mode for case in grid} == {"zeros", "reflect", "replicate", "circular"}


def test_centre_of_3x3_by_hand():
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])[None, None]
    mask = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])[None, None]
    layer = PartialConv2d(1, 1, 3, return_mask=True)
    nn.init.ones_(layer.weight)
    nn.init.constant_(layer.bias, 0.5)
    y, new = layer(x, mask)
    assert y.item() == (1 + 5 + 9) * 9 / 3 + 0.5
    assert new.item() == 1


def test_single_known_pixel_by_hand():
    x = torch.full((1, 1, 4, 3), 7.0)
    mask = torch.zeros(1, 1, 4, 3)
    x[..., 0, 0], mask[..., 0, 0] = 2.0, 1.0
    layer = PartialConv2d(1, 1, 3, padding=1, return_mask=True)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    y, new = layer(x, mask)
    seen = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert torch.equal(new[0, 0], seen)
    assert torch.equal(y[0, 0], (2 * 9 / 1 + 1) * seen)  # and no bias where nothing is known


def test_padding_without_a_mask_by_hand():
    layer = PartialConv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(layer.weight)
    y = layer(torch.ones(1, 1, 3, 3))  # 4 known at the corners, 6 at the edges, 9 inside
    assert torch.allclose(y, torch.full((1, 1, 3, 3), 9.0))


def test_two_masks_by_hand():
    x = torch.tensor([1.0, 10, 100]).view(1, 3, 1, 1)
    weight = torch.ones(1, 3, 1, 1)
    mask = torch.tensor([1.0, 0]).view(1, 2, 1, 1)
    y, new = partial_conv(x, weight, None, mask, mask_channels=(2, 1))
    assert y.item() == pytest.approx((1 + 10) * 3 / 2)
    assert new.item() == 1
    y, _ = partial_conv(x, weight, None, 1 - mask, mask_channels=(2, 1))
    assert y.item() == pytest.approx(100 * 3 / 1)


def test_all_valid_equals_plain_conv(random):
    plain = nn.Conv2d(4, 6, 3, padding=1)
    layer = PartialConv2d(4, 6, 3, padding=1)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(2, 4, 9, 8, generator=random)
    inner = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(layer(x, torch.ones(1, 1, 9, 8))[inner], plain(x)[inner], atol=1e-6)
    assert torch.allclose(layer(x)[inner], plain(x)[inner], atol=1e-6)
    assert not torch.allclose(layer(x), plain(x), atol=1e-2)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (2, 0), "same"])
def test_no_mask_equals_a_mask_of_ones(mode, padding, random):
    layer = PartialConv2d(2, 4, 3, padding=padding, padding_mode=mode, return_mask=True)
    x = torch.randn(2, 2, 6, 5, generator=random)
    for without, given in zip(layer(x), layer(x, torch.ones(1, 1, 6, 5)), strict=True):
        assert torch.allclose(without, given, atol=1e-6)


@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_values_in_the_hole_do_not_matter(mode, random):
    layer = PartialConv2d(3, 4, 3, padding=1, padding_mode=mode)
    x = torch.randn(2, 3, 8, 8, generator=random)
    mask = holed(2, 1, 8, 8, random=random)
    other = torch.where(mask > 0, x, 1e6)
    assert torch.equal(layer(x, mask), layer(other, mask))


@pytest.mark.parametrize("channels", [1, 4, 2])
def test_gradients_are_right(channels, random):
    layer = PartialConv2d(4, 4, 3, padding=1, stride=2, multi_channel=True).double()
    x = torch.randn(2, 4, 5, 4, generator=random).double().requires_grad_()
    mask = holed(2, channels, 5, 4, random=random)
    inputs = (x, layer.weight, layer.bias)

    def call(x, weight, bias):
        return partial_conv(x, weight, bias, mask, stride=2, padding=1)[0]

    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)
    assert gradcheck(layer, (x,))


def test_gradient_is_zero_in_the_hole(random):
    x = torch.randn(1, 3, 8, 8, generator=random).requires_grad_()
    mask = holed(1, 1, 8, 8, random=random)
    PartialConv2d(3, 4, 3, padding=1)(x, mask).square().sum().backward()
    assert torch.equal(x.grad, x.grad * mask)
    assert x.grad.abs().sum() > 0


def test_frozen_weights_and_soft_masks_still_pass_gradients(random):
    layer = PartialConv2d(2, 3, 3, padding=1).requires_grad_(False)
    x = torch.randn(1, 2, 5, 5, generator=random)
    mask = torch.ones(1, 1, 5, 5, requires_grad=True)
    (given,) = torch.autograd.grad(layer(x, mask).square().sum(), mask)
    soft = torch.ones(1, 2, 5, 5, requires_grad=True)
    count = F.conv2d(soft, torch.ones_like(layer.weight), padding=1)
    y = F.conv2d(x * soft, layer.weight, padding=1) * 18 / count + layer.bias.view(-1, 1, 1)
    (wanted,) = torch.autograd.grad(y.square().sum(), soft)
    assert torch.allclose(given, wanted.sum(1, keepdim=True), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 2, 16])
def test_half_precision_is_finite_and_close(dtype, channels, random):
    layer = PartialConv2d(16, 4, 3, padding=1, multi_channel=True)
    x = torch.randn(2, 16, 9, 9, generator=random)
    mask = holed(2, channels, 9, 9, random=random, known=0.1)
    wanted = layer(x, mask)
    y = copy.deepcopy(layer).to(dtype)(x.to(dtype), mask)
    with torch.autocast("cpu", dtype=dtype):
        z = layer(x, mask)
    for got in (y, z):
        assert got.dtype == dtype
        assert torch.isfinite(got).all()
        assert torch.equal(got[..., 6:], torch.zeros_like(got[..., 6:]))
        assert torch.allclose(got.float(), wanted, rtol=0.05, atol=0.1)


def test_gradients_are_finite_under_autocast(random):
    layer = PartialConv2d(4, 4, 3, padding=1)
    x = torch.randn(1, 4, 8, 8, generator=random).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(x, torch.zeros(1, 1, 8, 8)).sum().backward()
    assert all(torch.isfinite(t.grad).all() for t in (x, layer.weight, layer.bias))


def test_counts_of_wide_layers_are_exact_in_half_precision():
    mask = torch.ones(1, 512, 9, 9, dtype=torch.bfloat16)
    mask[0, 0, 4, 4] = 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        count = window_count(mask, (7, 7), weights=[1] * 512)
    assert torch.equal(count, torch.full((1, 1, 3, 3), 512.0 * 49 - 1))


def test_ratio_beyond_half_precision_is_no_infinity():
    x, weight = torch.zeros(1, 2048, 6, 6).half(), torch.zeros(1, 2048, 6, 6).half()
    mask = torch.zeros(1, 2048, 6, 6)
    mask[0, 0, 0, 0] = 1  # one of 73,728 entries; float16 ends at 65,504
    y, _ = partial_conv(x, weight, None, mask)
    assert y.dtype == torch.float16
    assert y.item() == 0


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_one_pixel_and_empty_batches(batch):
    layer = PartialConv2d(3, 5, 3, padding=1, return_mask=True)
    for mask in (None, torch.ones(1, 1, 1, 1), torch.ones(batch, 1, 1, 1)):
        y, _ = layer(torch.ones(batch, 3, 1, 1), mask)
        assert y.shape == (batch, 5, 1, 1)


def test_batch_of_two_equals_two_of_one(random):
    layer = PartialConv2d(3, 4, 3, padding=1, return_mask=True)
    x, mask = torch.randn(2, 3, 8, 7, generator=random), holed(2, 1, 8, 7, random=random)
    both = layer(x, mask)
    for i in range(2):
        one = layer(x[i : i + 1], mask[i : i + 1])
        assert all(
            torch.allclose(t[i : i + 1], u, atol=1e-6) for t, u in zip(both, one, strict=True)
        )


def test_a_call_leaves_nothing_behind(random):
    layer = PartialConv2d(3, 4, 3, padding=1)
    x, mask = torch.randn(2, 3, 8, 8, generator=random), holed(2, 1, 8, 8, random=random)
    state = set(vars(layer))
    with_mask, without = layer(x, mask), layer(x)
    layer(torch.randn(5, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    layer(torch.randn(2, 3, 4, 6), torch.zeros(2, 1, 4, 6))
    layer(x.double().float(), 1 - mask)
    assert torch.equal(layer(x), without)
    assert torch.equal(layer(x, mask), with_mask)
    assert set(vars(layer)) == state


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
@pytest.mark.parametrize("grad", [False, True])
def test_inputs_are_not_changed(mode, grad, random):
    layer = PartialConv2d(3, 4, 1, padding_mode=mode).requires_grad_(grad)
    x, mask = torch.randn(2, 3, 8, 8, generator=random), holed(2, 1, 8, 8, random=random)
    before = x.clone(), mask.clone(), copy.deepcopy(layer.state_dict())
    layer(x, mask), layer(x)
    partial_conv(x, layer.weight, layer.bias, mask, masked=True)
    assert torch.equal(x, before[0])
    assert torch.equal(mask, before[1])
    assert all(torch.equal(t, before[2][name]) for name, t in layer.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float64])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_masks_of_any_dtype(dtype, mode, channels, random):
    layer = PartialConv2d(4, 4, 3, padding=1, padding_mode=mode, multi_channel=True, groups=2)
    layer.return_mask = True
    x, mask = torch.randn(1, 4, 8, 8, generator=random), holed(1, channels, 8, 8, random=random)
    for got, wanted in zip(layer(x, mask.to(dtype)), layer(x, mask), strict=True):
        assert torch.equal(got, wanted)
        assert got.dtype == torch.float32


def test_used_as_published():
    x = torch.ones(2, 3, 8, 6)
    y = PartialConv2d(3, 16, kernel_size=3, stride=1, padding=1, bias=False)(x)
    assert isinstance(y, torch.Tensor)
    layer = PartialConv2d(
        3, 16, kernel_size=3, stride=1, padding=1, bias=False, multi_channel=True, return_mask=True
    )
    for mask in (None, torch.ones(1, 1, 8, 6), torch.ones(2, 3, 8, 6)):
        y, new = layer(x, mask)
        assert new.shape == y.shape == (2, 16, 8, 6)


def test_the_mask_goes_by_the_references_name_too(random):
    layer = PartialConv2d(3, 4, 3, padding=1, return_mask=True)
    image, valid = torch.rand(1, 3, 8, 8), (torch.rand(1, 1, 8, 8) > 0.5).float()
    for ours, theirs in zip(layer(image, valid), layer(image, mask_in=valid), strict=True):
        assert torch.equal(ours, theirs)
    with pytest.raises(ValueError, match="two names of one argument"):
        layer(image, valid, mask_in=valid)


def test_layers_chain_with_their_own_masks(random):
    first = PartialConv2d(3, 4, 3, padding=1, multi_channel=True, return_mask=True)
    second = PartialConv2d(4, 2, 3, padding=1, multi_channel=True, return_mask=True)
    x, mask = torch.randn(2, 3, 9, 9, generator=random), holed(2, 3, 9, 9, random=random, known=0.1)
    y, new = second(*first(x, mask))
    h, valid = oracle(x, first.weight, first.bias, mask, padding=1)
    wanted, wanted_mask = oracle(h, second.weight, second.bias, valid, padding=1)
    assert torch.allclose(y, wanted, atol=1e-5)
    assert torch.equal(new, wanted_mask)


@pytest.mark.parametrize(
    ("mask", "options", "message"),
    [
        ((2, 1, 8, 7), {}, r"mask must have shape \(2 or 1, K, 8, 8\).*got \(2, 1, 8, 7\)"),
        ((3, 1, 8, 8), {}, "mask must have shape"),
        ((2, 8, 8), {}, "mask must have shape"),
        ((2, 0, 8, 8), {"multi_channel": True}, "mask must have shape"),
        ((2, 4, 8, 8), {}, "mask has 4 channels; a layer with multi_channel=False"),
        ((2, 3, 8, 8), {"multi_channel": True}, "3 channels, which do not share the input's 4"),
        (
            (2, 3, 8, 8),
            {"multi_channel": True, "mask_channels": (3, 1)},
            "mask_channels must hold one entry for each of the mask's 3 channels",
        ),
    ],
)
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_wrong_masks_are_refused(mask, options, message, mode):
    layer = PartialConv2d(4, 2, 3, padding=1, padding_mode=mode, **options)
    with pytest.raises(ValueError, match=message):
        layer(torch.ones(2, 4, 8, 8), torch.ones(mask))


def test_wrong_inputs_and_settings_are_refused():
    with pytest.raises(ValueError, match="input must have 4 dimensions"):
        PartialConv2d(3, 4, 3)(torch.ones(3, 8, 8))
    with pytest.raises(ValueError, match="mask_channels must add up to in_channels=3"):
        PartialConv2d(3, 4, 3, mask_channels=(1, 1))

"""What the U-Net computes: values, masks, holes, norms."""

import copy
import json
import pickle
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from oracle import oracle
from torch import nn

from inpaint.models.folding import fold
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.models.unet_blocks import PConvOutput, ResidualUnit

SMALL = UNetConfig(widths=(8, 12, 16), kernels=(7, 5, 3))
PAPER = replace(UNetConfig.named("paper"), widths=(4, 4, 8, 8, 8, 8, 8, 8))
COMPACT = replace(UNetConfig.named("compact"), widths=(4, 4, 8, 8, 8, 8, 8))


def picture(height, width, *, batch=1):
    """An image and a mask with scattered holes and one wide hole."""
    random = torch.Generator().manual_seed(height * 1000 + width)
    image = torch.rand(batch, 3, height, width, generator=random)
    valid = (torch.rand(batch, 1, height, width, generator=random) < 0.7).float()
    valid[..., : height // 2, : width // 2] = 0
    return image, valid


def network(config=SMALL):
    """A network in eval mode whose norms have statistics and affine parameters of their own."""
    torch.manual_seed(0)
    net = PConvUNet(config)
    for module in net.modules():
        if isinstance(module, ResidualUnit):  # starts as the identity
            nn.init.normal_(module.conv.weight, std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.momentum = 1.0
    with torch.no_grad():
        net(*picture(128, 128, batch=2))
    return net.eval()


@pytest.mark.parametrize("config", [SMALL, PAPER, COMPACT], ids=["small", "paper", "compact"])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3), (37, 91), (64, 64), (130, 70)])
def test_any_size_comes_out_as_it_went_in(config, size):
    image, valid = picture(*size)
    with torch.no_grad():
        output = network(config)(image, valid)
    assert output.shape == image.shape
    assert torch.isfinite(output).all()


def oracle_unet(net, image, valid):
    """The network by the book: the oracle's layers, and a mask channel for every feature."""

    def block(part, x, mask):
        conv = part.conv
        stride, padding = conv.stride, conv.padding
        y, mask = oracle(x, conv.weight, conv.bias, mask, stride=stride, padding=padding)
        if isinstance(part, PConvOutput):
            return y, mask
        y = part.norm(y)
        return (y if part.leak is None else F.leaky_relu(y, part.leak)), mask

    def double(x, like):
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return x[:, :, : like.shape[2], : like.shape[3]]

    height, width = image.shape[2:]
    even = (0, width % 2, 0, height % 2)  # an odd picture ends in a row or column of hole
    x, mask = (F.pad(t, even) for t in ((image - net.mean) / net.std, valid.expand_as(image)))
    skips = []
    for part in net.encoder:
        skips.append((x, mask))
        x, mask = block(part, x, mask)
    for part in net.decoder:
        skip, skip_mask = skips.pop()
        x = torch.cat([double(x, skip), skip], 1)
        mask = torch.cat([double(mask, skip_mask), skip_mask], 1)
        x, mask = block(part, x, mask)
    return (x * net.std + net.mean)[:, :, :height, :width]


@pytest.mark.parametrize("config", [SMALL, PAPER, COMPACT], ids=["small", "paper", "compact"])
@pytest.mark.parametrize("training", [False, True])
def test_network_equals_the_oracle(config, training):
    net = network(config)
    twin = copy.deepcopy(net)
    image, valid = picture(157, 90, batch=2)
    output = net.train(training)(image, valid)
    wanted = oracle_unet(twin.train(training), image, valid)
    assert (output - wanted).abs().max() <= 1e-4
    for ours, theirs in zip(net.buffers(), twin.buffers(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_gradients_equal_the_oracle():
    net = network().double().train()
    twin = copy.deepcopy(net)
    image, valid = (t.double() for t in picture(21, 30, batch=2))
    net(image, valid).square().sum().backward()
    oracle_unet(twin, image, valid).square().sum().backward()
    for (name, ours), theirs in zip(net.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("junk", [0.0, 1e4, float("nan"), float("inf")])
@pytest.mark.parametrize("training", [False, True])
def test_what_is_in_the_hole_does_not_matter(junk, training):
    image, valid = picture(37, 91)
    net = network().train(training)
    other = torch.where(valid > 0, image, junk)
    assert torch.equal(net(other, valid), net(image, valid))
    other.requires_grad_()
    net(other, valid).sum().backward()
    assert torch.equal(other.grad[valid.expand_as(image) == 0].abs().sum(), torch.tensor(0.0))


def test_features_are_zero_in_holes():
    net, seen = network(), []
    for block in [*net.encoder, *net.decoder]:
        block.register_forward_hook(lambda block, args, result: seen.append(result))
    image, valid = picture(64, 64)
    valid[..., 20:] = 0
    net(image, valid)
    holes = 0
    for features, mask in seen:
        assert mask.shape == (1, 1, *features.shape[2:])
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(features * mask, features)
        holes += int((mask == 0).sum())
    assert holes


def test_a_picture_of_nothing_comes_back_as_the_mean_colour():
    image, valid = picture(37, 50)
    for training in (False, True):
        output = network().train(training)(image, torch.zeros_like(valid))
        mean = torch.tensor(SMALL.mean).view(1, 3, 1, 1)
        assert torch.equal(output, mean.expand_as(output))


def test_gradients_of_a_picture_of_nothing_are_finite():
    net = network().train()
    image, valid = picture(37, 50)
    net(image, torch.zeros_like(valid)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_batch_of_two_equals_two_of_one():
    net = network()
    image, valid = picture(37, 50, batch=2)
    both = net(image, valid)
    for i in range(2):
        one = net(image[i : i + 1], valid[i : i + 1])
        assert torch.allclose(both[i : i + 1], one, atol=1e-5)


def test_one_mask_serves_a_batch():
    image, valid = picture(37, 50, batch=2)
    net = network()
    wanted = net(image, valid[:1].expand(2, -1, -1, -1))
    assert torch.allclose(net(image, valid[:1]), wanted, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float64])
def test_masks_of_any_dtype(dtype):
    image, valid = picture(20, 30)
    net = network()
    assert torch.equal(net(image, valid.to(dtype)), net(image, valid))


@pytest.mark.parametrize("scale", [255, 0.5, 1e-3])
def test_a_mask_is_known_wherever_it_is_above_0(scale):
    image, valid = picture(20, 30)
    net = network()
    assert torch.equal(net(image, valid * scale), net(image, valid))
    assert torch.equal(net(image, (valid * 255).to(torch.uint8)), net(image, valid))


def test_images_of_integers_are_refused():
    image, valid = picture(8, 8)
    with pytest.raises(TypeError, match=r"image must be of floating point.*got torch\.uint8"):
        network()((image * 255).to(torch.uint8), valid)


@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (4, 4), (5, 2)])
def test_other_numbers_of_channels(channels, outputs):
    config = replace(SMALL, in_channels=channels, out_channels=outputs)
    assert UNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.mean == (0.5,) * channels
    torch.manual_seed(0)
    net = PConvUNet(config).eval()
    _, valid = picture(37, 50, batch=2)
    image = torch.rand(2, channels, 37, 50)
    output = net(image, valid)
    assert output.shape == (2, outputs, 37, 50)
    assert torch.equal(net(torch.where(valid > 0, image, 7.0), valid), output)
    torch.testing.assert_close(fold(net)(image, valid), output, atol=1e-3, rtol=1e-4)
    with pytest.raises(ValueError, match=rf"image must have shape \(B, {channels}, H, W\)"):
        net(torch.rand(2, channels + 1, 37, 50), valid)


def test_under_autocast_the_last_level_is_float32():
    image, valid = picture(64, 64)
    net, calls = network(), []
    net.decoder[-1].register_forward_hook(lambda *_: calls.append(1))
    with torch.autocast("cpu", torch.bfloat16):
        output = net(image, valid)
    assert output.dtype == torch.float32
    assert calls == [1]
    # In bfloat16 values in [0.5, 1] are multiples of 1 / 256.
    between = output[(output > 0.5) & (output < 1)] * 256
    assert (between - between.round()).abs().mean() > 0.2


def test_inputs_are_not_changed():
    image, valid = picture(20, 30)
    before = image.clone(), valid.clone()
    with torch.inference_mode():
        network()(image, valid)
    assert torch.equal(image, before[0])
    assert torch.equal(valid, before[1])


def test_autocast_is_finite_and_close():
    net = network()
    image, valid = picture(64, 70)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = net(image, valid)
        nothing = net(image, torch.zeros_like(valid))
    assert torch.isfinite(nothing).all()
    assert (output.float() - net(image, valid)).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("image", "valid", "message"),
    [
        ((1, 1, 8, 8), (1, 1, 8, 8), r"image must have shape \(B, 3, H, W\), got \(1, 1, 8, 8\)"),
        ((3, 8, 8), (1, 8, 8), "image must have shape"),
        ((2, 3, 8, 9), (2, 1, 9, 8), r"valid must have shape \(2 or 1, 1, 8, 9\)"),
        ((2, 3, 8, 8), (2, 3, 8, 8), "valid must have shape"),
        ((2, 3, 8, 8), (3, 1, 8, 8), "valid must have shape"),
        ((2, 3, 8, 8), (2, 8, 8), "valid must have shape"),
    ],
)
def test_wrong_shapes_are_refused(image, valid, message):
    with pytest.raises(ValueError, match=message):
        network()(torch.ones(image), torch.ones(valid))


def norms(part):
    return [m for m in part.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("decoder", [False, True])
def test_frozen_norms_stay_as_they_are(decoder):
    net = network().train()
    net.freeze_norm(decoder=decoder)
    net.train(False)
    assert net.train() is net
    assert net.training
    before = copy.deepcopy(net.state_dict())
    for twin in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        twin.eval()
        twin.train()
        twin(*picture(32, 32, batch=2)).sum().backward()
        for part, frozen in ((twin.encoder, True), (twin.decoder, decoder)):
            for norm in norms(part):
                assert norm.training != frozen
                assert (norm.weight.grad is None) == frozen
        for name, tensor in twin.state_dict().items():
            if "num_batches_tracked" in name:
                frozen = name.startswith("encoder") or decoder
                assert torch.equal(tensor, before[name]) == frozen


def test_freezing_more_and_then_less_keeps_both_frozen():
    net = network()
    net.freeze_norm(decoder=True)
    net.freeze_norm()
    assert not any(norm.training for norm in norms(net.train()))


def test_norms_converted_after_freezing_stay_frozen():
    net = network()
    net.freeze_norm()
    net = nn.SyncBatchNorm.convert_sync_batchnorm(net).train()
    assert {
        block.norm.training for block in net.encoder if hasattr(getattr(block, "norm", None), "eps")
    } == {False}
    assert {
        block.norm.training for block in net.decoder if hasattr(getattr(block, "norm", None), "eps")
    } == {True}


def test_new_residual_units_change_nothing():
    plain, units = SMALL, replace(SMALL, residual=((1,), (1, 2)))
    net, longer = network(plain), PConvUNet(units)
    missing = longer.load_state_dict(net.state_dict(), strict=False).missing_keys
    assert [name.split(".")[0] for name in missing] == ["residual"] * 6
    image, valid = picture(45, 62)
    with torch.no_grad():
        assert torch.equal(longer.eval()(image, valid), net(image, valid))

"""The U-Net whose decoder gets noise."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inpaint.checkpoints import onnx, onnx_config, onnx_export
from inpaint.checkpoints.weights import load_network, save_weights
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.models.unet_blocks import NoiseInjection

CONFIG = UNetConfig(widths=(8, 12, 16), kernels=(7, 5, 3), noise=True)


def network() -> PConvUNet:
    torch.manual_seed(0)
    return PConvUNet(CONFIG)


def picture(height: int = 48, width: int = 40) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    valid = torch.ones(1, 1, height, width)
    valid[..., : height // 2, : width // 2] = 0
    return torch.rand(1, 3, height, width, generator=random), valid


def test_noise_is_drawn_anew_in_training_and_fixed_afterwards() -> None:
    net, (image, valid) = network(), picture()
    net.freeze_norm(decoder=True)
    net.train()
    with torch.no_grad():
        assert not torch.equal(net(image, valid), net(image, valid))
        net.eval()
        assert torch.equal(net(image, valid), net(image, valid))
        torch.manual_seed(9)
        assert torch.equal(net(image, valid), PConvUNet.eval(network())(image, valid))


def test_noise_of_no_strength_changes_nothing() -> None:
    net, (image, valid) = network().eval(), picture()
    plain = PConvUNet(replace(CONFIG, noise=False)).eval()
    state = {k: v for k, v in net.state_dict().items() if not k.startswith("noise")}
    plain.load_state_dict(state)
    with torch.no_grad():
        before = net(image, valid)
        for level in net.noise:
            level.strength.zero_()
        torch.testing.assert_close(net(image, valid), plain(image, valid))
        assert (net(image, valid) - before).abs().max() > 1e-3


def test_noise_stays_out_of_what_is_unknown_and_repeats() -> None:
    level = NoiseInjection(3).eval()
    valid = torch.ones(1, 1, 100, 70)
    valid[..., 10:20, :] = 0
    with torch.no_grad():
        noise = level(torch.zeros(2, 3, 100, 70), valid)
    assert not noise[:, :, 10:20].any() and noise[:, :, :10].all()
    assert torch.equal(noise[0], noise[1])
    assert torch.equal(noise[..., 84:, :], noise[..., 20:36, :])
    assert noise[:, 0, :10].std() == pytest.approx(0.1, rel=0.15)


def test_the_strength_is_learnt() -> None:
    net, (image, valid) = network(), picture()
    net(image, valid).square().mean().backward()
    assert all(level.strength.grad.abs().sum() > 0 for level in net.noise)


def test_a_weight_file_rebuilds_it(tmp_path: Path) -> None:
    net, (image, valid) = network().eval(), picture()
    save_weights(net, tmp_path / "noisy.safetensors")
    loaded = load_network(tmp_path / "noisy.safetensors")
    assert loaded.config == CONFIG
    with torch.no_grad():
        assert torch.equal(loaded(image, valid), net(image, valid))


def test_it_is_exported_for_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the export extra is not installed")
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    net = network().eval()
    save_weights(net, tmp_path / "noisy.safetensors")
    onnx_export.export_onnx(tmp_path / "noisy.safetensors", tmp_path / "noisy.onnx")
    exported = onnx.OnnxNetwork(tmp_path / "noisy.onnx")
    for size in ((48, 40), (150, 141)):
        image, valid = picture(*size)
        with torch.no_grad():
            torch.testing.assert_close(
                exported(image, valid),
                net(image, valid),
                rtol=0,
                atol=onnx_config.TOLERANCES["float32"],
            )


def test_the_generative_network_is_the_compact_one_with_noise_and_residual_units() -> None:
    generative = UNetConfig.named("generative")
    assert generative.noise and generative.residual
    assert replace(generative, noise=False, residual=()) == UNetConfig.named("compact")

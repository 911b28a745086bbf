import builtins
import copy
import pickle
import shutil

import numpy as np
import pytest
import torch

from inpaint import CheckpointError, Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints import onnx as export
from inpaint.checkpoints.weights import load_network, save_weights
from inpaint.cli import main

pytest.importorskip("onnxruntime", reason="the export extra is not installed")
pytest.importorskip("onnxscript", reason="the export extra is not installed")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    tiling = {"hole_radius": 10, "min_side": 32, "max_side": 64}
    network = PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3)))
    save_weights(network, path, notes={"tiling": tiling})
    return path


@pytest.fixture(scope="module")
def exported(weights):
    path = weights.with_suffix(".onnx")
    assert main(["export", str(path), "--weights", str(weights)]) == 0
    return path


def test_an_exported_network_fills_pictures_of_any_size_as_torch_does(weights, exported):
    # The networks alone: the steps after them end, or choose between sources, by the last bit.
    torch_fill = Inpainter.load(weights, device="cpu", boundary=False, style="plain")
    onnx_fill = Inpainter.load(exported, boundary=False, style="plain")
    assert onnx_fill.tiling == torch_fill.tiling
    rng = np.random.default_rng(0)
    for size in ((64, 64), (37, 91), (1, 5), (200, 130)):
        image = rng.random((*size, 3), dtype=np.float32)
        hole = np.zeros(size, bool)
        hole[size[0] // 3 :, size[1] // 3 : size[1] // 2 + 1] = True
        difference = np.abs(torch_fill.fill(image, hole) - onnx_fill.fill(image, hole))
        assert difference.max() <= export.TOLERANCE


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_exported_network_takes_batches_of_any_size(weights, exported, batch):
    image, valid = torch.rand(batch, 3, 37, 91), (torch.rand(batch, 1, 37, 91) > 0.4).float()
    with torch.inference_mode():
        expected = load_network(weights)(image, valid)
    torch.testing.assert_close(export.OnnxNetwork(exported)(image, valid), expected, atol=1e-4,
                               rtol=0)  # fmt: skip


def test_an_exported_network_can_be_sent_to_another_process(exported, tmp_path):
    """As Ray does, to machines that do not have the file."""
    copied = tmp_path / "copied.onnx"
    shutil.copy(exported, copied)
    inpainter = Inpainter.load(copied, style="plain")
    copied.unlink()
    sent = pickle.loads(pickle.dumps(inpainter.on("cpu"))).on("cpu")
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    hole = np.zeros((40, 60), bool)
    hole[10:20, 20:40] = True
    np.testing.assert_array_equal(sent.fill(image, hole), inpainter.fill(image, hole))
    assert copy.deepcopy(inpainter.network).notes == inpainter.network.notes


def test_a_network_that_differs_is_not_kept(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_largest_difference", lambda *_: 0.01)
    with pytest.raises(CheckpointError, match=r"differs from torch by 0\.01"):
        export.export_onnx(weights, tmp_path / "bad.onnx")
    assert list(tmp_path.iterdir()) == []


def test_onnx_files_are_checked(tmp_path, exported):
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx"):
        Inpainter.load(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(CheckpointError, match="not a usable ONNX file"):
        Inpainter.load(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match="runs on the CPU"):
        Inpainter.load(exported, device="cuda")


def test_a_missing_package_is_named_with_its_extra(exported, monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "onnxruntime":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"inpaint\[export\]"):
        export.OnnxNetwork(exported)


def test_the_command_refuses_another_ending(capsys):
    assert main(["export", "model.pt"]) == 2
    assert "must end in .onnx" in capsys.readouterr().err

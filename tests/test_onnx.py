import base64
import copy
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import tiny_tiled_weights
from PIL import Image
from web_site import NODE_MODULES, RUNTIME_FILES, serving

from inpaint import CheckpointError, Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints import onnx_export as export
from inpaint.checkpoints.onnx import OnnxNetwork
from inpaint.checkpoints.onnx_config import TOLERANCES, OnnxConfig
from inpaint.checkpoints.onnx_export import export_onnx
from inpaint.checkpoints.weights import load_network, save_weights
from inpaint.cli import main

onnxruntime = pytest.importorskip("onnxruntime", reason="the export extra is not installed")
pytest.importorskip("onnxscript", reason="the export extra is not installed")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return tiny_tiled_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="module")
def exported(weights):
    path = weights.with_suffix(".onnx")
    assert main(["export", str(path), "--weights", str(weights)]) == 0
    return path


@pytest.fixture(scope="module")
def small(weights):
    """The file for 8-bit images, of half precision."""
    path = weights.with_name("small.onnx")
    options = ["--weights", str(weights), "--image", "uint8", "--precision", "float16"]
    assert main(["export", str(path), *options]) == 0
    return path


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def batch_of(batch, height, width):
    """Images in [0, 1] and holes, bool, as arrays of 4 axes."""
    rng = np.random.default_rng(height * width)
    image = rng.integers(0, 256, (batch, 3, height, width)).astype(np.float32) / 255
    return image, rng.random((batch, 1, height, width)) < 0.3


def composite_of(weights, image, hole):
    with torch.inference_mode():
        output = load_network(weights)(torch.from_numpy(image), torch.from_numpy(~hole))
    return np.where(hole, output.clamp(0, 1).numpy(), image)


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
        assert difference.max() <= TOLERANCES["float32"]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_exported_network_takes_batches_of_any_size(weights, exported, batch):
    image, valid = torch.rand(batch, 3, 37, 91), (torch.rand(batch, 1, 37, 91) > 0.4).float()
    with torch.inference_mode():
        expected = load_network(weights)(image, valid)
    torch.testing.assert_close(OnnxNetwork(exported)(image, valid), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", export.CHECK_SIZES, ids=str)
def test_the_answer_is_the_composite_of_an_image_and_its_mask(weights, exported, size):
    image, hole = batch_of(*size)
    hidden = np.where(hole, np.float32(np.nan), image)  # what is in the hole does not matter
    mask = hole.astype(np.float32)
    composite, output = session_of(exported).run(None, {"image": hidden, "mask": mask})
    np.testing.assert_allclose(composite, composite_of(weights, image, hole), rtol=0, atol=1e-4)
    known = np.broadcast_to(~hole, image.shape)
    np.testing.assert_array_equal(composite[known], image[known])
    np.testing.assert_array_equal(composite[~known], output.clip(0, 1)[~known])


@pytest.mark.parametrize("size", export.CHECK_SIZES, ids=str)
@pytest.mark.parametrize("white", [1, 255])
def test_8_bit_images_come_back_as_such(weights, small, size, white):
    image, hole = batch_of(*size)
    levels = np.rint(255 * image).astype(np.uint8)
    feed = {"image": levels, "mask": np.where(hole, np.uint8(white), np.uint8(0))}
    composite = session_of(small).run(["composite"], feed)[0]
    assert composite.dtype == np.uint8
    expected = 255 * composite_of(weights, image, hole)
    assert np.abs(composite - expected).max() <= 255 * OnnxConfig("uint8", "float16").tolerance
    known = np.broadcast_to(~hole, image.shape)
    np.testing.assert_array_equal(composite[known], levels[known])


def test_a_soft_mask_is_thresholded_at_its_middle(exported):
    image, hole = batch_of(1, 20, 30)
    soft = np.where(hole, np.float32(0.6), np.float32(0.4))
    session = session_of(exported)
    answers = [
        session.run(["composite"], {"image": image, "mask": mask})[0]
        for mask in (soft, hole.astype(np.float32))
    ]
    np.testing.assert_array_equal(*answers)


def test_a_file_says_its_opset_sizes_and_notes(weights, exported, small):
    onnx = pytest.importorskip("onnx")
    models = [onnx.load(path) for path in (exported, small)]
    for model in models:
        onnx.checker.check_model(model)
        assert [opset.version for opset in model.opset_import if not opset.domain] == [18]
        assert "tiling" in {entry.key: entry.value for entry in model.metadata_props}["notes"]
    image, mask = session_of(exported).get_inputs()
    assert image.shape == ["batch", 3, "height", "width"]
    assert mask.shape == ["batch", 1, "height", "width"]
    # onnxruntime 1.18 compares no uint8.
    first = {node.op_type for node in models[1].graph.node if "mask" in node.input}
    assert first == {"Cast"} and {model.ir_version for model in models} == {10}
    kernels = [
        {value.data_type for value in model.graph.initializer if len(value.dims) == 4}
        for model in models
    ]
    assert onnx.TensorProto.FLOAT16 not in kernels[0] and onnx.TensorProto.FLOAT16 in kernels[1]


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
    monkeypatch.setattr(export, "_export", lambda *_: None)
    with pytest.raises(CheckpointError, match=r"differs from torch by 0\.01"):
        export_onnx(weights, tmp_path / "bad.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_whose_output_is_no_image_is_not_exported(tmp_path):
    network = PConvUNet(UNetConfig(widths=(4, 4), kernels=(3, 3), out_channels=1))
    save_weights(network, tmp_path / "gray.safetensors")
    with pytest.raises(CheckpointError, match="makes 1 channels of 3, which are no composite"):
        export_onnx(tmp_path / "gray.safetensors", tmp_path / "gray.onnx")


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="image must be float32 or uint8, got 'int8'"):
        OnnxConfig(image="int8")
    with pytest.raises(ValueError, match="precision must be float32 or float16, got 'bfloat16'"):
        OnnxConfig(precision="bfloat16")


def write_of_0_1(path):
    """A file with the names of version 0.1."""
    onnx = pytest.importorskip("onnx")
    shape = {"image": ["b", 3, "h", "w"], "valid": ["b", 1, "h", "w"], "output": ["b", 3, "h", "w"]}
    image, valid, output = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size)
        for name, size in shape.items()
    )
    node = onnx.helper.make_node("Mul", ["image", "valid"], ["output"])
    graph = onnx.helper.make_graph([node], "old", [image, valid], [output])
    opsets = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def test_onnx_files_are_checked(tmp_path, exported, small):
    write_of_0_1(tmp_path / "old.onnx")
    with pytest.raises(CheckpointError, match=r"by version 0\.1; write it again with: inpaint exp"):
        Inpainter.load(tmp_path / "old.onnx")
    with pytest.raises(CheckpointError, match=r"takes tensor\(uint8\); this package runs files of"):
        Inpainter.load(small)
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx"):
        Inpainter.load(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(CheckpointError, match="not a usable ONNX file"):
        Inpainter.load(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match="runs on the CPU"):
        Inpainter.load(exported, device="cuda")


def example(language):
    """The code of docs/onnx.md in a language."""
    text = (ROOT / "docs" / "onnx.md").read_text()
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert len(code.splitlines()) <= 30
    return code


@pytest.fixture
def folder(tmp_path, small):
    """What the examples read: photo.png, mask.png, model.onnx."""
    shutil.copy(small, tmp_path / "model.onnx")
    image, hole = batch_of(1, 37, 91)
    Image.fromarray(np.rint(255 * image[0]).astype(np.uint8).transpose(1, 2, 0)).save(
        tmp_path / "photo.png"
    )
    Image.fromarray(hole[0, 0].astype(np.uint8) * 255).save(tmp_path / "mask.png")
    return tmp_path


def check_filled(folder, weights):
    image, hole = batch_of(1, 37, 91)
    filled = np.asarray(Image.open(folder / "filled.png").convert("RGB")).transpose(2, 0, 1)[None]
    known = np.broadcast_to(~hole, image.shape)
    np.testing.assert_array_equal(filled[known], np.rint(255 * image)[known])
    assert np.abs(filled - 255 * composite_of(weights, image, hole)).max() <= 2


def test_the_example_in_python_fills(folder, weights):
    subprocess.run([sys.executable, "-c", example("python")], cwd=folder, check=True)
    check_filled(folder, weights)


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE_MODULES / "onnxruntime-node").is_dir(),
    reason="needs Node with onnxruntime-node and sharp: npm install --prefix web, or NODE_PATH",
)
def test_the_example_in_node_fills(folder, weights):
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    run = ["node", "-e", example("js")]
    subprocess.run(run, cwd=folder, env=environment, check=True)
    check_filled(folder, weights)


@pytest.mark.skipif(
    not (NODE_MODULES / "onnxruntime-web").is_dir(),
    reason="npm install --prefix web, or NODE_PATH with onnxruntime-web",
)
def test_the_example_in_the_browser_fills(folder, weights, browser):
    for name in RUNTIME_FILES:
        shutil.copy(NODE_MODULES / "onnxruntime-web" / "dist" / name, folder)
    (folder / "index.html").write_text(example("html"))
    with serving(folder) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("filled.width === 91")
        shown = page.evaluate("filled.toDataURL()")
        page.close()
    (folder / "filled.png").write_bytes(base64.b64decode(shown.partition(",")[2]))
    check_filled(folder, weights)


def test_a_missing_package_is_named_with_its_extra(exported, weights, tmp_path, monkeypatch):
    """Filling needs less than writing."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(ImportError, match=r"^onnxruntime .* pip install '.*inpaint\[onnx\]'$"):
            OnnxNetwork(exported)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"^onnxscript .* pip install '.*inpaint\[export\]'$"):
        export_onnx(weights, tmp_path / "new.onnx")


def test_the_command_refuses_another_ending(capsys):
    assert main(["export", "model.pt"]) == 2
    assert "must end in .onnx" in capsys.readouterr().err

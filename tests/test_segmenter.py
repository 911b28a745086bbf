"""Outlines by segment-anything files, of tiny networks that are made here."""

import builtins

import numpy as np
import pytest

from inpaint.selection import Stroke

onnx = pytest.importorskip("onnx", reason="the export extra is not installed")
pytest.importorskip("onnxruntime", reason="the export extra is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from inpaint.selection.segmenter import Segmenter  # noqa: E402

FLOAT = TensorProto.FLOAT
SIDE = 256  # of the encoder's input
GRID = 64  # of its embedding


def save(path, nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.array(v, k), n) for n, (v, k) in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def encoder(path):
    """The mean of the colours, GRID x GRID."""
    nodes = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("ReduceMean", ["small"], ["embedding"], axes=[1], keepdims=1),
    ]
    shapes = {"image": [1, 3, SIDE, SIDE]}, {"embedding": [1, 1, GRID, GRID]}
    return save(path, nodes, *shapes, {})


def near_point(coordinates, step):
    """Nodes that are positive within 40 pixels of the first of `coordinates`, as `near`."""
    return [
        helper.make_node("Gather", [coordinates, "zero"], ["point"], axis=step),
        helper.make_node("Gather", ["point", "zero"], ["x"], axis=step),
        helper.make_node("Gather", ["point", "one"], ["y"], axis=step),
        helper.make_node("Sub", ["columns", "x"], ["right"]),
        helper.make_node("Sub", ["rows", "y"], ["down"]),
        helper.make_node("Mul", ["right", "right"], ["right2"]),
        helper.make_node("Mul", ["down", "down"], ["down2"]),
        helper.make_node("Add", ["right2", "down2"], ["distance"]),
        helper.make_node("Sub", ["reach", "distance"], ["near"]),
    ]


def grid(side, count, reach):
    places = (np.arange(count) + 0.5) * side / count
    return {
        "zero": (0, np.int64),
        "one": (1, np.int64),
        "columns": (np.broadcast_to(places, (1, 1, count, count)), np.float32),
        "rows": (np.broadcast_to(places[:, None], (1, 1, count, count)), np.float32),
        "reach": (reach**2, np.float32),
    }


def decoder(path):
    """What is bright and near the first point; the second of two masks is the better one."""
    nodes = [
        *near_point("point_coords", 1),
        helper.make_node("Min", ["image_embeddings", "near"], ["good"]),
        helper.make_node("Neg", ["good"], ["bad"]),
        helper.make_node("Concat", ["bad", "good"], ["masks"], axis=1),
        helper.make_node("Identity", ["quality"], ["iou_predictions"]),
    ]
    inputs = {
        "image_embeddings": [1, 1, GRID, GRID],
        "point_coords": [1, "points", 2],
        "point_labels": [1, "points"],
        "mask_input": [1, 1, 256, 256],
        "has_mask_input": [1],
        "orig_im_size": [2],
    }
    outputs = {"masks": [1, 2, GRID, GRID], "iou_predictions": [1, 2]}
    constants = {**grid(SIDE, GRID, 40), "quality": ([[0.1, 0.9]], np.float32)}
    nodes[1:3] = [
        helper.make_node("Gather", ["point", "zero"], ["x"], axis=1),
        helper.make_node("Gather", ["point", "one"], ["y"], axis=1),
    ]
    return save(path, nodes, inputs, outputs, constants)


@pytest.fixture
def photo():
    """Two bright squares, the left one 100 to 200 in both axes."""
    image = np.full((600, 800, 3), 40, np.uint8)
    image[100:200, 100:200] = image[400:500, 600:700] = 230
    return image


@pytest.fixture
def segmenter(tmp_path):
    files = encoder(tmp_path / "encoder.onnx"), decoder(tmp_path / "decoder.onnx")
    return Segmenter(", ".join(map(str, files)))


def dab(*points, erase=False):
    return Stroke(np.array(points, float), 5, erase)


def test_encoder_and_decoder_find_what_is_pointed_at(segmenter, photo):
    for left, top in ((100, 100), (600, 400)):
        box, mask = segmenter(photo, [dab((left + 50, top + 50))])
        assert box == (slice(top, top + 100), slice(left, left + 100)) and mask.mean() > 0.95
    box, mask = segmenter(photo, [dab((650, 450)), dab((610, 450), (690, 450), erase=True)])
    assert not mask[50, 20:80].any() and mask[:40].mean() > 0.95


def test_image_is_encoded_once_for_all_strokes(segmenter, photo):
    segmenter(photo, [dab((150, 150))])
    first = segmenter._kept
    segmenter(photo, [dab((650, 450))])
    assert segmenter._kept is first
    segmenter(photo[:, ::-1].copy(), [dab((650, 150))])
    assert segmenter._kept is not first


def test_one_file_for_both_is_taken(tmp_path, photo):
    """What is bright, wherever the points are."""
    nodes = [
        helper.make_node("ReduceMean", ["batched_images"], ["gray"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["gray", "half"], ["bright"]),
        helper.make_node("Unsqueeze", ["bright", "first"], ["output_masks"]),
        helper.make_node("Identity", ["quality"], ["iou_predictions"]),
    ]
    inputs = {
        "batched_images": [1, 3, "height", "width"],
        "batched_point_coords": [1, 1, "points", 2],
        "batched_point_labels": [1, 1, "points"],
    }
    outputs = {"output_masks": [1, 1, 1, "height", "width"], "iou_predictions": [1, 1, 1]}
    constants = {
        "half": (0.5, np.float32),
        "first": ([1], np.int64),
        "quality": ([[[1.0]]], np.float32),
    }
    photo[400:500, 600:700] = 40
    path = save(tmp_path / "whole.onnx", nodes, inputs, outputs, constants)
    box, mask = Segmenter(str(path))(photo, [dab((150, 150))])
    assert box == (slice(100, 200), slice(100, 200)) and mask.mean() > 0.95


def test_nothing_found_is_an_empty_mask(segmenter, photo):
    _, mask = segmenter(photo, [dab((400, 300))])
    assert not mask.any()


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.onnx"):
        Segmenter(str(tmp_path / "none.onnx"))
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ValueError, match=r"text\.onnx is no ONNX file"):
        Segmenter(str(tmp_path / "text.onnx"))
    with pytest.raises(
        ValueError, match=r"segmenter must be one file .*; .*encoder\.onnx has image"
    ):
        Segmenter(str(encoder(tmp_path / "encoder.onnx")))


def test_missing_package_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'pconv-inpaint\[onnx\]'"):
        Segmenter(str(encoder(tmp_path / "encoder.onnx")))

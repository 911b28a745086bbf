"""ONNX files as an attacker would make them. Needs the package onnx."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from hostile import RAW, VALUES, places, replaced
from onnx import TensorProto, helper, numpy_helper

NOTES = {"tiling": {"hole_radius": 10, "min_side": 32, "max_side": 64}, "boundary": {"band": 3}}
FLOAT = TensorProto.FLOAT


def value(name: str, channels: Any, kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, ["batch", channels, "height", "width"])


def model(
    nodes: Sequence[Any] | None = None,
    constants: Sequence[Any] = (),
    *,
    inputs: Sequence[Any] | None = None,
    output: Any = None,
    notes: str | bytes = json.dumps(NOTES),
) -> bytes:
    """A file that answers with what is in the hole, unless told otherwise."""
    graph = helper.make_graph(
        nodes or [helper.make_node("Mul", ["image", "mask"], ["output"])],
        "network",
        inputs or [value("image", 3), value("mask", 1)],
        [output or value("output", 3)],
        list(constants),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 9
    entry = made.metadata_props.add()
    entry.key, entry.value = "notes", notes
    return made.SerializeToString()


def with_notes() -> Iterator[bytes]:
    for place in places(NOTES):
        for hostile in VALUES:
            yield model(notes=json.dumps(replaced(NOTES, place, hostile)))
    for refiner in VALUES:
        yield model(notes=json.dumps({"refiner": refiner}))
    for raw in RAW:
        yield model(notes=raw)


def with_graphs() -> Iterator[bytes]:
    """Networks that are none: each must be refused."""
    node = helper.make_node
    add = [node("Add", ["image", "k"], ["output"])]
    for number in (np.nan, np.inf, -np.inf):
        yield model(add, [numpy_helper.from_array(np.float32([number]), "k")])
    for answer in (
        [node("ReduceMean", ["image"], ["output"], keepdims=0)],
        [node("Transpose", ["image"], ["output"], perm=[0, 2, 3, 1])],
        [node("Transpose", ["image"], ["output"], perm=[0, 1, 3, 2])],
        [node("Concat", ["image", "image"], ["output"], axis=0)],
        [node("Concat", ["image", "image"], ["output"], axis=1)],
        [node("Identity", ["mask"], ["output"])],
        [node("Shape", ["image"], ["output"])],
        [node("Evil", ["image"], ["output"])],
        [node("Identity", ["nothing"], ["output"])],
        [node("Identity", ["image"], ["other"])],
        [node("SequenceConstruct", ["image"], ["output"])],
    ):
        yield model(answer, output=helper.make_empty_tensor_value_info("output"))
    for kind in (TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.STRING):
        cast = [node("Cast", ["image"], ["output"], to=kind)]
        yield model(cast, output=value("output", 3, kind))
    yield model([node("Identity", ["image"], ["other"])], output=value("other", 3))
    for channels in (1, 4, 0, -1, "channels", 1000):
        yield model(inputs=[value("image", channels), value("mask", 1)])
    for names in (("mask", "image"), ("image", "valid"), ("image",), ("image", "mask", "more")):
        yield model(add, inputs=[value(name, 3) for name in names])
    yield model(inputs=[value("image", 3, TensorProto.UINT8), value("mask", 1)])
    for dims in ([1 << 20, 1 << 20], [1 << 62], [-1], [1 << 31, 1 << 31, 4], []):
        constant = TensorProto(name="k", data_type=FLOAT, dims=dims, raw_data=b"123")
        yield model(add, [constant])
    shape = numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "s")
    huge = [node("ConstantOfShape", ["s"], ["k"]), node("Add", ["image", "k"], ["output"])]
    yield model(huge, [shape])
    for place in ("/etc/hostname", "../../../../etc/hostname", "beside.bin", "x.onnx"):
        outside = TensorProto(name="k", data_type=FLOAT, dims=[1])
        outside.data_location = TensorProto.EXTERNAL
        outside.external_data.add(key="location", value=place)
        outside.external_data.add(key="length", value="4")
        yield model(add, [outside])
    yield from (b"", b"\x08", b"\xff" * 1000, b"PK\x03\x04", model()[:50])

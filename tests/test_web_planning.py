"""The static page plans, scales and reads as the Python package does."""

import base64
import json

import cv2
import numpy as np
import pytest
from web_site import build_site, serving

from inpaint.inference.planning import plan_regions
from inpaint.inference.tiling import TilingConfig
from inpaint.utils.distance import hole_depth

CONFIG = TilingConfig(hole_radius=10, min_side=32, max_side=64, thin_radius=0)
IN_PAGE = {"holeRadius": 10, "minSide": 32, "maxSide": 64}
# Bytes come as base64: a list of numbers takes seconds.
BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));"


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """An empty page of the site, whose modules can be imported."""
    with serving(build_site(tmp_path_factory.mktemp("site"))) as address:
        context = browser.new_context()
        page = context.new_page()
        page.route("**/empty", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(f"{address}empty")
        yield page
        context.close()


def run(page, module, code, **values):
    """What JavaScript gives, with a module of the site as `m` and values as `v`."""
    source = f"async (v) => {{ {BYTES} const m = await import('/{module}'); {code} }}"
    return page.evaluate(source, values)


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def blobs(size, seed, share):
    """A hole of blobs and lines of all sizes."""
    rng = np.random.default_rng(seed)
    hole = np.zeros(size, np.uint8)
    for _ in range(int(share * 60)):
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        if rng.random() < 0.5:
            cv2.circle(hole, (int(x), int(y)), int(rng.integers(0, 22)), 1, -1)
        else:
            end = int(rng.integers(0, size[1])), int(rng.integers(0, size[0]))
            cv2.line(hole, (int(x), int(y)), end, 1, int(rng.integers(1, 8)))
    return hole.astype(bool)


HOLES = [
    np.zeros((20, 30), bool),
    np.ones((20, 30), bool),
    np.eye(150, dtype=bool),
    blobs((150, 220), 0, 0.05),
    blobs((400, 300), 1, 0.2),
    blobs((60, 700), 2, 0.2),
    np.random.default_rng(3).random((120, 90)) < 0.02,  # specks, which share tiles
]


def spans(rectangle):
    return [[span.start, span.stop] for span in rectangle]


@pytest.mark.parametrize("hole", HOLES, ids=range(len(HOLES)))
def test_holes_are_filled_in_the_same_tiles(page, hole):
    code = """return m.planRegions(bytes(v.hole), v.size, v.config).map((region) =>
        ({ ...region, mask: region.mask.reduce((sum, inside) => sum + inside, 0) }));"""
    found = run(
        page,
        "planning.js",
        code,
        hole=encoded(hole.view(np.uint8)),
        size=list(hole.shape),
        config=IN_PAGE,
    )
    expected = [
        {
            "factor": pytest.approx(region.factor),
            "box": spans(region.box),
            "mask": np.count_nonzero(region.mask),
            "tiles": [{"context": spans(t.context), "core": spans(t.core)} for t in region.tiles],
        }
        for region in plan_regions(hole, CONFIG)
    ]
    assert sorted(found, key=lambda region: (region["factor"], region["box"])) == sorted(
        expected, key=lambda region: (region["factor"].expected, region["box"])
    )


@pytest.mark.parametrize("hole", HOLES[2:], ids=range(len(HOLES) - 2))
def test_the_depth_of_a_hole_is_the_same(page, hole):
    code = "return [...m.squaredDepth(bytes(v.hole), ...v.size)];"
    found = run(page, "holes.js", code, hole=encoded(hole.view(np.uint8)), size=list(hole.shape))
    np.testing.assert_allclose(np.reshape(found, hole.shape), hole_depth(hole) ** 2, rtol=1e-6)


@pytest.mark.parametrize("name, size", [
    ("shrink", (20, 31)), ("shrink", (26, 31)), ("shrink", (9, 1)), ("enlarge", (53, 91)),
    ("enlarge", (41, 62)),
])  # fmt: skip
def test_images_are_scaled_as_opencv_does(page, name, size):
    image = np.random.default_rng(0).random((40, 62, 3), dtype=np.float32)
    code = """const data = new Float32Array(bytes(v.data).buffer);
        const image = { data, channels: 3, height: 40, width: 62 };
        return [...m[v.name](image, v.size).data];"""
    found = run(
        page,
        "scaling.js",
        code,
        data=encoded(image.transpose(2, 0, 1)),
        name=name,
        size=list(size),
    )
    method = cv2.INTER_AREA if name == "shrink" else cv2.INTER_CUBIC
    expected = cv2.resize(image, size[::-1], interpolation=method).transpose(2, 0, 1)
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("notes, expected", [
    ({"tiling": {"hole_radius": 10, "min_side": 32, "max_side": 64}}, IN_PAGE),
    ({"reach": {"radius": 10, "least_side": 32, "most_side": 64}}, IN_PAGE),
    ({}, {"holeRadius": 40, "minSide": 128, "maxSide": 512}),
])  # fmt: skip
def test_the_notes_of_an_onnx_file_are_read(page, notes, expected):
    onnx = pytest.importorskip("onnx")
    shape = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "graph" * 100, [shape], [shape])
    model = onnx.helper.make_model(graph)
    onnx.helper.set_model_props(model, {"other": "é" * 300, "notes": json.dumps(notes)})
    data = np.frombuffer(model.SerializeToString(), np.uint8)
    assert (
        run(page, "notes.js", "return m.tilingOf(bytes(v.data));", data=encoded(data)) == expected
    )


def test_what_is_no_onnx_file_is_refused(page):
    code = "try { m.tilingOf(bytes(v.data)) } catch (error) { return error.message }"
    data = encoded(np.frombuffer(b"<!doctype html>", np.uint8))
    assert "not an ONNX file" in run(page, "notes.js", code, data=data)

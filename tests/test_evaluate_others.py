"""Methods of other projects: ONNX files of LaMa and MI-GAN, and OpenCV's contrib modules."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inpaint.checkpoints.weights import CheckpointError
from inpaint.evaluate import parse_method
from inpaint.evaluate.onnx_models import padded_size, scale_to
from inpaint.evaluate.protocol import Case, CaseId

COLOUR = (200, 100, 50)  # what the tiny networks fill with


def case_of(height=48, width=48):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    original = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    hole = np.zeros((height, width), bool)
    hole[10:30, 8:33] = True
    return Case(CaseId(0, 1, "any"), "x.png", original, hole)


def check_fill(method, case, *, tolerance=1, margin=0):
    """The hole has its colour, and what is known comes through in its place.

    margin: pixels at the hole's boundary that scaling may mix.
    """
    result = method.run(case)
    assert result.shape == case.original.shape and result.dtype == np.uint8
    square = np.ones((2 * margin + 1, 2 * margin + 1))
    mask = case.hole.astype(np.uint8)
    inner, outer = cv2.erode(mask, square) == 1, cv2.dilate(mask, square) == 0
    assert np.abs(result[inner].astype(int) - COLOUR).max() <= tolerance
    known = np.abs(result[outer].astype(int) - case.original[outer])
    assert known.max() <= 20 and known.mean() <= (3 if margin else 0)
    return result


def write_onnx(path, inputs, nodes, constants, output):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node(kind, ins, [out], **options) for kind, ins, out, options in nodes],
        "g",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info("result", *output)],
        [onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_lama(path, size, *, top=255.0):
    """image * (1 - mask) * top + mask * colour, of Carve/LaMa-ONNX's inputs and output."""
    colour = np.float32(COLOUR).reshape(1, 3, 1, 1) * top / 255
    nodes = [
        ("Sub", ["one", "mask"], "known", {}),
        ("Mul", ["image", "known"], "kept", {}),
        ("Mul", ["kept", "top"], "scaled", {}),
        ("Mul", ["mask", "colour"], "painted", {}),
        ("Add", ["scaled", "painted"], "result", {}),
    ]
    write_onnx(
        path,
        [("image", 1, ["batch", 3, *size]), ("mask", 1, ["batch", 1, *size])],
        nodes,
        {"one": np.float32(1), "top": np.float32(top), "colour": colour.astype(np.float32)},
        (1, ["batch", 3, *size]),
    )


def write_migan_pipeline(path):
    """The same with uint8 and a mask of 255 = known, of any size."""
    nodes = [
        ("Cast", ["image"], "x", {"to": 1}),
        ("Cast", ["mask"], "m", {"to": 1}),
        ("Div", ["m", "top"], "known", {}),
        ("Sub", ["one", "known"], "hole", {}),
        ("Mul", ["x", "known"], "kept", {}),
        ("Mul", ["hole", "colour"], "painted", {}),
        ("Add", ["kept", "painted"], "y", {}),
        ("Cast", ["y"], "result", {"to": 2}),
    ]
    write_onnx(
        path,
        [("image", 2, ["n", 3, "h", "w"]), ("mask", 2, ["n", 1, "h", "w"])],
        nodes,
        {
            "one": np.float32(1),
            "top": np.float32(255),
            "colour": np.float32(COLOUR).reshape(1, 3, 1, 1),
        },
        (2, ["n", 3, "h", "w"]),
    )


def write_migan_generator(path, size):
    """The sum of the image, zero in the hole, and there the colour in [-1, 1]."""
    nodes = [
        ("Slice", ["input", "0", "1", "axis"], "shifted", {}),
        ("Slice", ["input", "1", "4", "axis"], "image", {}),
        ("Sub", ["half", "shifted"], "hole", {}),
        ("Mul", ["hole", "colour"], "painted", {}),
        ("Add", ["image", "painted"], "result", {}),
    ]
    write_onnx(
        path,
        [("input", 1, [1, 4, *size])],
        nodes,
        {
            "0": np.int64([0]),
            "1": np.int64([1]),
            "4": np.int64([4]),
            "axis": np.int64([1]),
            "half": np.float32(0.5),
            "colour": (np.float32(COLOUR) / 127.5 - 1).reshape(1, 3, 1, 1),
        },
        (1, [1, 3, *size]),
    )


@pytest.mark.parametrize("shape", [(48, 48), (50, 91), (64, 40)])
@pytest.mark.parametrize("top", [255.0, 1.0])
def test_lama_of_a_fixed_size_fills_any_picture(tmp_path, shape, top):
    write_lama(tmp_path / "lama_fp32.onnx", (64, 64), top=top)
    method = parse_method(f"lama={tmp_path / 'lama_fp32.onnx'}")
    assert method.name == "lama"
    check_fill(method, case_of(*shape), margin=4)


def test_lama_of_a_free_size_gets_multiples_of_8_at_full_detail(tmp_path):
    write_lama(tmp_path / "lama.onnx", ("h", "w"))
    case = case_of(50, 91)
    check_fill(parse_method(str(tmp_path / "lama.onnx")), case)


def test_migan_pipeline_gets_the_picture_as_it_is(tmp_path):
    write_migan_pipeline(tmp_path / "migan.onnx")
    check_fill(parse_method(f"{tmp_path / 'migan.onnx'}"), case_of(50, 91), tolerance=0)


def test_migan_generator_gets_zeros_in_the_hole(tmp_path):
    write_migan_generator(tmp_path / "generator.onnx", (64, 64))
    check_fill(parse_method(f"migan={tmp_path / 'generator.onnx'}"), case_of(50, 60), margin=4)


def test_other_onnx_files_name_their_inputs(tmp_path):
    write_migan_generator(tmp_path / "free.onnx", ("h", "w"))
    with pytest.raises(CheckpointError, match=r"takes input tensor\(float\).*known are LaMa"):
        parse_method(str(tmp_path / "free.onnx"))
    (tmp_path / "damaged.onnx").write_bytes(b"no onnx")
    with pytest.raises(CheckpointError, match="not a usable ONNX file"):
        parse_method(str(tmp_path / "damaged.onnx"))
    write_lama(tmp_path / "lama.onnx", (64, 64))
    with pytest.raises(ValueError, match="takes no options, got 'detail=off'"):
        parse_method(f"{tmp_path / 'lama.onnx'}?detail=off")


def test_another_file_is_another_method(tmp_path):
    found = []
    for size in (64, 64, 32):
        write_lama(tmp_path / "lama.onnx", (size, size))
        found.append(parse_method(str(tmp_path / "lama.onnx")).identity)
    assert found[0] == found[1] != found[2]


def test_padding_gives_the_aspect_ratio_or_multiples():
    assert padded_size((30, 50), (64, 64), 8) == (50, 50)
    assert padded_size((50, 30), (64, 64), 8) == (50, 50)
    assert padded_size((30, 50), (20, 60), 8) == (30, 90)
    assert padded_size((30, 50), None, 8) == (32, 56)
    assert padded_size((30, 50), None, 1) == (30, 50)


@pytest.mark.parametrize("side", [8, 32])
def test_no_colour_of_the_hole_reaches_known_pixels_by_scaling(side):
    image = np.full((16, 16, 3), 50, np.uint8)
    hole = np.zeros((16, 16), bool)
    hole[5:9, 3:10] = True
    image[hole] = 127
    scaled, mask = scale_to(image, hole, (side, side))
    assert mask.any() and not mask.all()
    assert (scaled[~mask] == 50).all()


@pytest.mark.parametrize("name", ["shiftmap", "fsr_fast", "fsr_best"])
def test_xphoto_gets_bgr_or_lab_and_255_where_known(name, monkeypatch):
    calls = []

    def inpaint(source, known, filled, method):
        calls.append((source.copy(), known, method))
        bgr = np.uint8([[COLOUR[::-1]]])
        colour = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab) if name == "shiftmap" else bgr
        filled[:] = np.where(known[..., None] == 0, colour, source)

    methods = {f"INPAINT_{kind}": kind for kind in ("SHIFTMAP", "FSR_FAST", "FSR_BEST")}
    fake = SimpleNamespace(inpaint=inpaint, **methods)
    monkeypatch.setattr(cv2, "xphoto", fake, raising=False)
    case = case_of()
    check_fill(parse_method(name), case, tolerance=2, margin=1)
    ((source, known, method),) = calls
    assert method == name.upper()
    assert set(known[case.hole]) == {0} and set(known[~case.hole]) == {255}
    bgr = np.ascontiguousarray(case.image[..., ::-1])
    wanted = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab) if name == "shiftmap" else bgr
    np.testing.assert_array_equal(source, wanted)


def test_xphoto_without_contrib_names_the_package(monkeypatch):
    monkeypatch.delattr(cv2, "xphoto", raising=False)
    with pytest.raises(RuntimeError, match=r"shiftmap needs .*opencv-contrib-python-headless"):
        parse_method("shiftmap")


@pytest.mark.skipif(not hasattr(cv2, "xphoto"), reason="opencv-contrib-python is not installed")
@pytest.mark.parametrize("name", ["shiftmap", "fsr_fast"])
def test_xphoto_fills_a_flat_picture_with_its_colour(name):
    case = case_of()
    case.original[:] = COLOUR
    result = case.composite(parse_method(name).run(case))
    assert np.abs(result.astype(int) - COLOUR).max() <= 6

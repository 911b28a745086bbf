"""The command `inpaint fill` as people type it."""

import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from folders import files_below, fill, put_image, put_mask, report_of
from PIL import Image

import inpaint.images.read
from inpaint import Inpainter
from inpaint.cli import main
from inpaint.images import read_image
from inpaint.masks import read_hole


@pytest.fixture
def photos(tmp_path):
    """Three pictures, one in a sub-folder, and masks of the same names."""
    for name in ("a.jpg", "b.png", "trips/c.webp"):
        put_image(tmp_path / "photos" / name)
        put_mask(tmp_path / "masks" / (name.rsplit(".", 1)[0] + ".png"))
    return tmp_path


def test_fills_one_picture(photos, weights, capsys):
    out = photos / "out.png"
    source = photos / "photos/b.png"
    assert fill(source, "--mask", photos / "masks/b.png", "-o", out, weights=weights) == 0
    before, after = read_image(source).pixels, read_image(out).pixels
    changed = (before != after).any(-1)
    assert changed[10:30, 12:28].mean() > 0.9
    changed[10:30, 12:28] = False
    assert not changed.any()
    assert capsys.readouterr().err == ""
    assert not (photos / "report.jsonl").exists()


def test_fills_a_folder_and_keeps_its_structure_and_formats(photos, weights, capsys):
    out = photos / "out"
    code = fill(photos / "photos", "--mask", photos / "masks", "-o", out, weights=weights)
    assert code == 0
    assert sorted(files_below(out)) == ["a.jpg", "b.png", "trips/c.webp"]
    assert read_image(out / "a.jpg").format == "jpg"
    rows = report_of(out / "report.jsonl")
    assert {row["status"] for row in rows.values()} == {"done"}
    assert rows["a.jpg"]["hole_ratio"] == pytest.approx(20 * 16 / (48 * 64), abs=1e-6)
    assert rows["a.jpg"]["seconds"] > 0
    assert "3 done, 0 skipped, 0 failed" in capsys.readouterr().err


def test_one_mask_serves_all_pictures_of_its_aspect_ratio(photos, weights, capsys):
    put_image(photos / "photos/double.png", 96, 128)
    put_image(photos / "photos/square.png", 64, 64)
    out, mask = photos / "out", photos / "masks/a.png"
    assert fill(photos / "photos", "--mask", mask, "-o", out, weights=weights) == 1
    rows = report_of(out / "report.jsonl")
    assert rows["double.png"]["hole_ratio"] == rows["a.jpg"]["hole_ratio"]
    assert rows["square.png"]["status"] == "failed"
    assert "another aspect ratio" in rows["square.png"]["message"]
    assert "square.png" in capsys.readouterr().err
    assert len(files_below(out)) == 4


def test_format_quality_invert_and_grow_reach_the_pictures(photos, weights):
    folder, masks = photos / "photos", photos / "masks"
    for name, options in {
        "low": ("--format", "jpg", "--quality", 20),
        "high": ("--format", "jpg", "--quality", 90),
        "grown": ("--grow", 3),
        "inverted": ("--invert",),
    }.items():
        code = fill(folder, "--mask", masks, "-o", photos / name, *options, weights=weights)
        assert code == 0
    assert sorted(files_below(photos / "low")) == ["a.jpg", "b.jpg", "trips/c.jpg"]
    low, high = files_below(photos / "low"), files_below(photos / "high")
    assert all(len(low[name]) < len(high[name]) for name in low)
    ratio = 20 * 16 / (48 * 64)
    assert report_of(photos / "grown/report.jsonl")["b.png"]["hole_ratio"] > 1.3 * ratio
    inverted = report_of(photos / "inverted/report.jsonl")["b.png"]
    assert inverted["hole_ratio"] == pytest.approx(1 - ratio, abs=1e-6)
    assert "invert it" in inverted["notes"][0]


def test_transparency_as_the_hole_becomes_opaque(photos, weights):
    picture = np.dstack([np.full((40, 50, 3), 90, np.uint8), np.full((40, 50), 255, np.uint8)])
    picture[10:20, 10:30] = 0
    Image.fromarray(picture).save(photos / "erased.png")
    arguments = (photos / "erased.png", "--mask", "alpha")
    assert fill(*arguments, "-o", photos / "filled.png", weights=weights) == 0
    assert fill(*arguments, "-o", photos / "filled.jpg", weights=weights) == 0
    filled = read_image(photos / "filled.png")
    assert filled.alpha is None
    pixels = filled.pixels
    assert (pixels[10:20, 10:30] != 0).any()
    pixels[10:20, 10:30] = 90
    assert (pixels == 90).all()


def test_alpha_that_is_not_the_mask_is_kept(photos, weights):
    picture = np.dstack([np.full((48, 64, 3), 90, np.uint8), np.full((48, 64), 100, np.uint8)])
    Image.fromarray(picture).save(photos / "glass.png")
    mask, out = photos / "masks/a.png", photos / "out.png"
    assert fill(photos / "glass.png", "--mask", mask, "-o", out, weights=weights) == 0
    assert (read_image(out).alpha == 100).all()


def test_picture_without_alpha_cannot_be_its_own_mask(photos, weights, capsys):
    out = photos / "out.jpg"
    code = fill(photos / "photos/a.jpg", "--mask", "alpha", "-o", out, weights=weights)
    assert code == 1 and not out.exists()
    assert "no alpha channel" in capsys.readouterr().err


def test_empty_hole_copies_the_file(photos, weights):
    put_mask(photos / "empty.png", box=(0, 0, 0, 0))
    source, out = photos / "photos", photos / "out"
    assert fill(source, "--mask", photos / "empty.png", "-o", out, weights=weights) == 0
    assert files_below(source) == files_below(out)
    row = report_of(out / "report.jsonl")["a.jpg"]
    assert row["status"] == "done" and row["hole_ratio"] == 0
    assert any("copied" in note for note in row["notes"])


def test_existing_outputs_are_an_error_unless_skipped_or_overwritten(photos, weights, capsys):
    arguments = (photos / "photos", "--mask", photos / "masks", "-o", photos / "out")
    assert fill(*arguments, weights=weights) == 0
    first = files_below(photos / "out")
    assert fill(*arguments, weights=weights) == 2
    assert "a.jpg exists; choose --skip-existing or --overwrite" in capsys.readouterr().err
    (photos / "out/b.png").unlink()
    (photos / "out/a.jpg").write_bytes(b"mine")
    assert fill(*arguments, "--skip-existing", weights=weights) == 0
    assert files_below(photos / "out") == {**first, "a.jpg": b"mine"}
    assert fill(*arguments, "--overwrite", weights=weights) == 0
    assert files_below(photos / "out") == first


def test_limit_fills_the_next_ones_each_time(photos, weights):
    arguments = (photos / "photos", "--mask", photos / "masks", "-o", photos / "out")
    for count in (1, 2, 3, 3):
        code = fill(*arguments, "--skip-existing", "--limit", 1, weights=weights)
        assert code == 0 and len(files_below(photos / "out")) == count


def test_larger_pictures_and_masks_than_the_limit_fail_undecoded(photos, weights, monkeypatch):
    put_image(photos / "photos/large.png", 96, 128)
    put_mask(photos / "masks/large.png", 96, 128)
    put_mask(photos / "masks/b.png", 96, 128)  # of the small picture's aspect ratio

    def decode(image, *arguments):
        assert image.size == (64, 48)
        return decode_as_before(image, *arguments)

    decode_as_before = inpaint.images.read.decode
    monkeypatch.setattr("inpaint.images.read.decode", decode)
    options = ("--mask", photos / "masks", "--max-megapixels", 64 * 48 / 1e6)
    assert fill(photos / "photos", "-o", photos / "out", *options, weights=weights) == 1
    rows = report_of(photos / "out/report.jsonl")
    assert {name for name, row in rows.items() if row["status"] == "done"} == {
        "a.jpg",
        "c.webp",
    }
    for name in ("large.png", "b.png"):
        assert "128 x 96 pixels, more than the limit of 3072" in rows[name]["message"]


def test_dry_run_prints_a_manifest_that_can_be_run(photos, weights, capsys):
    out = photos / "out"
    arguments = (photos / "photos", "--mask", photos / "masks", "-o", out)
    assert fill(*arguments, "--dry-run", weights="missing") == 0
    assert not out.exists()
    manifest = photos / "plan.jsonl"
    manifest.write_text(capsys.readouterr().out)
    assert json.loads(manifest.read_text().splitlines()[0])["output"] == str(out / "a.jpg")
    assert fill(manifest, weights=weights) == 0
    assert sorted(files_below(out)) == ["a.jpg", "b.png", "trips/c.webp"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mask", "nowhere", "-o", "out"), "no mask or folder of masks at nowhere"),
        (("-o", "out"), "no mask is given"),
        (("--mask", "masks"), "no output is given"),
        (("--mask", "masks", "-o", "photos"), "same file"),
        (("--mask", "masks", "-o", "a.txt/out"), "a.txt is a file"),
        (("--mask", "masks", "-o", "out", "--quality", "101"), "quality must lie in 1 to 100"),
        (("--mask", "masks", "-o", "out", "--max-megapixels", "0"), "must be above 0 and finite"),
        (("--mask", "masks", "-o", "out", "--limit", "0"), "limit must be 1 or more"),
        (("--mask", "masks", "-o", "out", "--workers", "0"), "--workers must be 1 or more"),
        (("--mask", "masks", "-o", "out", "--report", "a.txt"), "must be a local path that ends"),
        (
            ("--mask", "masks", "-o", "out", "--device", "abacus"),
            "device must be cpu, cuda, cuda:1 or the like, got 'abacus'",
        ),
        (("--mask", "masks", "-o", "out", "--skip-existing", "--overwrite"), "choose one of"),
        (("--mask", "masks", "-o", "out", "--weights", "none"), "no shipped weights"),
    ],
)
def test_bad_usage_exits_2_and_writes_nothing(
    options, message, photos, weights, capsys, monkeypatch
):
    (photos / "a.txt").write_text("")
    monkeypatch.chdir(photos)
    before = files_below(photos)
    assert main(["fill", "photos", "--weights", weights, *options]) == 2
    assert message in capsys.readouterr().err
    assert files_below(photos) == before and not (photos / "out").exists()


def test_missing_input_exits_2(tmp_path, capsys):
    assert main(["fill", str(tmp_path / "no.jpg"), "--mask", "alpha", "-o", "out.jpg"]) == 2
    assert "there is no picture or folder at" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["inpaint"], ["inpaint.cli"]])
def test_the_package_runs_as_a_module_and_tells_its_version(command):
    run = subprocess.run(
        [sys.executable, "-m", *command, "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"inpaint {inpaint.__version__}\n"
    assert inpaint.__version__ == version("pconv-inpaint")


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["fill", "--help"])
    assert "inpaint fill photos/ --mask masks/ -o out/" in capsys.readouterr().out


@pytest.mark.parametrize("options", [{"style": "plain"}, {"style": "faithful"}, {"seed": 5}])
def test_style_and_seed_are_those_of_the_inpainter(photos, weights, options):
    source, mask, out = photos / "photos/b.png", photos / "masks/b.png", photos / "out.png"
    arguments = [text for key, value in options.items() for text in (f"--{key}", value)]
    assert fill(source, "--mask", mask, "-o", out, *arguments, weights=weights) == 0
    inpainter = Inpainter.load(weights, device="cpu", **options)
    expected = inpainter.fill_image_data(read_image(source), read_hole(mask, size=(48, 64)))
    assert (read_image(out).pixels == expected.pixels).all()


def test_detail_is_an_old_name_of_style(photos, weights, capsys):
    source, mask = photos / "photos/b.png", photos / "masks/b.png"
    for name, options in {
        "old.png": ("--detail", "soft"),
        "new.png": ("--style", "faithful"),
    }.items():
        assert fill(source, "--mask", mask, "-o", photos / name, *options, weights=weights) == 0
    assert "detail='soft' is called style='faithful' now" in capsys.readouterr().err
    assert (read_image(photos / "old.png").pixels == read_image(photos / "new.png").pixels).all()


@pytest.mark.parametrize("arguments", [("--style", "more"), ("--seed", "-1"), ("--seed", "x")])
def test_wrong_style_and_seed_are_bad_usage(photos, weights, arguments, capsys):
    source, mask, out = photos / "photos/b.png", photos / "masks/b.png", photos / "out.png"
    try:
        code = fill(source, "--mask", mask, "-o", out, *arguments, weights=weights)
    except SystemExit as error:  # argparse's own
        code = error.code
    assert code == 2 and not out.exists()
    assert arguments[0].strip("-") in capsys.readouterr().err


def test_a_missing_package_is_named_in_a_line(photos, weights, tmp_path, capsys, monkeypatch):
    """The extra of ONNX, and a library of the system that OpenCV's windows need."""
    onnx = tmp_path / "w.onnx"
    onnx.write_bytes(b"any")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    line = ["fill", str(photos), "--mask", "alpha", "-o", str(tmp_path / "out")]
    for command, package in (
        ([*line, "--weights", str(onnx)], "onnxruntime"),
        (["export", str(tmp_path / "new.onnx"), "--weights", weights], "onnxscript"),
    ):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert f"{package} is not installed" in error and error.count("\n") == 1


@pytest.mark.parametrize("function", ["add_arguments", "run"])
def test_a_missing_library_of_opencv_comes_with_advice(function, capsys, monkeypatch):
    def fail(*_):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(f"inpaint.cli.export.{function}", fail)
    assert main(["export", "a.onnx"]) == 1
    error = capsys.readouterr().err
    assert "libGL.so.1: cannot open" in error and "opencv-python-headless" in error


def test_a_field_of_a_manifest_that_is_too_long_is_named(tmp_path, weights, capsys):
    """As where a quotation mark is not closed."""
    (tmp_path / "list.csv").write_text("image,mask,output\na.png,m.png," + "x" * 140_000 + "\n")
    assert main(["fill", str(tmp_path / "list.csv"), "--weights", weights]) == 2
    assert "list.csv, after line 1: field larger than field limit" in capsys.readouterr().err

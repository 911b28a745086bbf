"""Fixed cases, methods and resumable runs of `inpaint.evaluate`."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.checkpoints.weights import save_weights
from inpaint.cli import main
from inpaint.evaluate import Method, Protocol, code, evaluate, parse_method, read_rows
from inpaint.evaluate.code import filling_code, measuring_code, source_digest
from inpaint.evaluate.outside import write_case
from inpaint.evaluate.protocol import CaseId, Cases, case_settings, fit_image
from inpaint.evaluate.results import check_settings
from inpaint.images import ImageError
from inpaint.masks import HOLE_BUCKETS, border_width, write_test_set
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.unet import PConvUNet, UNetConfig


def paint_mean(image, hole):
    """An entry point: the mean colour of what is known."""
    filled = image.copy()
    filled[hole] = image[~hole].mean(0).round()
    return filled


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(3):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((88, 64)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3))), path)
    return path


def cases_of(pictures, **settings):
    return Cases(Protocol(root=str(pictures), **{"size": 48, "count": 2, **settings}))


def mean_method(name="mean", identity="1"):
    return Method(name, identity, lambda case: paint_mean(case.image, case.hole))


def test_all_buckets_and_both_borders_make_twelve_cases_a_picture(pictures):
    ids = cases_of(pictures).ids()
    assert len(ids) == len(set(ids)) == 24
    assert {(id.bucket, id.border) for id in ids if id.index == 1} == {
        (bucket, border) for bucket in range(6) for border in "NB"
    }


def test_cycle_gives_each_picture_the_next_class(pictures):
    ids = cases_of(pictures, buckets="cycle", border="any", count=3).ids()
    assert ids == [CaseId(0, 0, "any"), CaseId(1, 1, "any"), CaseId(2, 2, "any")]


def test_holes_lie_in_their_bucket_and_border_class(pictures):
    cases = cases_of(pictures)
    for id in cases.ids():
        hole = cases.case(id).hole
        low, high = HOLE_BUCKETS[id.bucket]
        band = border_width(hole.shape)
        inner = hole[band:-band, band:-band].sum()
        assert low < hole.mean() <= high
        assert (hole.sum() > inner) == (id.border == "B")


def test_a_case_depends_on_settings_and_number_only(pictures):
    id = CaseId(1, 2, "B")
    first, again = cases_of(pictures).case(id), cases_of(pictures, count=3).case(id)
    other = cases_of(pictures, seed=1).case(id)
    np.testing.assert_array_equal(first.hole, again.hole)
    np.testing.assert_array_equal(first.original, again.original)
    assert (first.hole != other.hole).any()


def test_methods_do_not_see_the_truth_in_the_hole(pictures):
    case = cases_of(pictures).case(CaseId(0, 3, "N"))
    assert (case.image[case.hole] == 127).all()
    np.testing.assert_array_equal(case.image[~case.hole], case.original[~case.hole])


def test_composite_keeps_known_pixels_and_refuses_other_sizes(pictures):
    case = cases_of(pictures).case(CaseId(0, 3, "N"))
    composite = case.composite(np.zeros_like(case.original))
    np.testing.assert_array_equal(composite[~case.hole], case.original[~case.hole])
    assert (composite[case.hole] == 0).all()
    with pytest.raises(ValueError, match=r"uint8 \(48, 48, 3\) like its picture, got float64"):
        case.composite(np.zeros((48, 48, 3)))


def test_fit_cuts_or_scales():
    picture = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    assert fit_image(picture, 20, "square").shape == (20, 20, 3)
    assert fit_image(picture, 80, "whole").shape == (80, 120, 3)
    np.testing.assert_array_equal(fit_image(picture, 20, "crop"), picture[10:30, 20:40])
    with pytest.raises(ImageError, match="too few for a crop of 41"):
        fit_image(picture, 41, "crop")


def test_mask_files_are_used_by_class(pictures, tmp_path):
    write_test_set(tmp_path, count=12, size=64, workers=1)
    cases = cases_of(pictures, masks=str(tmp_path))
    (tmp_path / "manifest.csv").rename(tmp_path / "away")
    scanned = cases_of(pictures, masks=str(tmp_path))
    for id in cases.ids()[:12]:
        hole = cases.case(id).hole
        np.testing.assert_array_equal(hole, scanned.case(id).hole)
        assert HOLE_BUCKETS[id.bucket][0] - 0.02 < hole.mean() < HOLE_BUCKETS[id.bucket][1] + 0.02


def test_a_class_without_mask_files_is_an_error(pictures, tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 255
    Image.fromarray(mask).save(tmp_path / "one.png")
    with pytest.raises(ValueError, match="no mask of bucket 1 with border=False"):
        cases_of(pictures, masks=str(tmp_path)).case(CaseId(0, 1, "N"))
    with pytest.raises(FileNotFoundError, match="no mask files"):
        cases_of(pictures, masks=str(tmp_path / "none"))


@pytest.mark.parametrize("name", ["telea", "ns", "patchmatch", "biharmonic"])
def test_classical_methods_fill_a_flat_picture_with_its_colour(name, pictures):
    if name == "patchmatch":
        pytest.importorskip("patchmatch")
    if name == "biharmonic":
        pytest.importorskip("skimage")
    case = cases_of(pictures).case(CaseId(0, 1, "N"))
    case.original[:] = (200, 120, 30)
    result = case.composite(parse_method(name).run(case))
    assert np.abs(result.astype(int) - (200, 120, 30)).max() <= 3  # Telea is off by that much


def test_a_weight_file_is_a_method(pictures, weights):
    case = cases_of(pictures).case(CaseId(0, 1, "N"))
    method = parse_method(str(weights))
    assert method.name == "tiny"
    assert case.composite(method.run(case)).shape == (48, 48, 3)
    assert parse_method(f"mine={weights}?device=cpu").name == "mine"
    with pytest.raises(ValueError, match="unusable options 'wings=2'"):
        parse_method(f"{weights}?wings=2")


def test_an_entry_point_is_a_method(pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, "my_paint", sys.modules[__name__])
    case = cases_of(pictures).case(CaseId(0, 1, "N"))
    result = parse_method("mean=my_paint:paint_mean").run(case)
    np.testing.assert_array_equal(result, paint_mean(case.image, case.hole))
    with pytest.raises(ValueError, match="no function nothing in module my_paint"):
        parse_method("my_paint:nothing")


def test_a_command_is_a_method(pictures):
    code = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3])"
    case = cases_of(pictures).case(CaseId(0, 1, "N"))
    method = parse_method(f'copy={sys.executable} -c "{code}" {{image}} {{mask}} {{out}}')
    np.testing.assert_array_equal(method.run(case), case.image)


def test_a_failing_command_says_its_last_words(pictures):
    case = cases_of(pictures).case(CaseId(0, 1, "N"))
    command = f"{sys.executable} -c \"raise SystemExit('no GPU')\" {{image}} {{mask}} {{out}}"
    with pytest.raises(RuntimeError, match=r"wrote no picture \(exit 1\): no GPU"):
        parse_method(f"bad={command}").run(case)
    with pytest.raises(ValueError, match="a command needs a name"):
        parse_method(command)


def test_results_of_a_folder_are_found_by_case(pictures, tmp_path):
    cases = cases_of(pictures)
    case = cases.case(CaseId(1, 1, "N"))
    write_case(tmp_path, case)
    assert (tmp_path / "masks" / "00001_0.1-0.2_N.png").is_file()
    method = parse_method(f"elsewhere={tmp_path / 'images'}")
    np.testing.assert_array_equal(method.run(case), case.image)
    with pytest.raises(FileNotFoundError, match=r"no result 00001_0.2-0.3_N\.png"):
        method.run(cases.case(CaseId(1, 2, "N")))


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="classical methods are telea, ns"):
        parse_method("photoshop")


def test_a_stopped_evaluation_goes_on_where_it_was(pictures, tmp_path):
    cases = cases_of(pictures, border="any")
    whole = evaluate(cases, [mean_method()], tmp_path / "whole")
    calls = []

    def interrupted(case):
        calls.append(case.id)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return paint_mean(case.image, case.hole)

    with pytest.raises(KeyboardInterrupt):
        evaluate(cases, [Method("mean", "1", interrupted)], tmp_path / "cut")
    with (tmp_path / "cut" / "results.csv").open("a") as file:
        file.write("mean,1.png,1,0")  # killed while it wrote
    rows = evaluate(cases, [Method("mean", "1", interrupted)], tmp_path / "cut")
    assert len(calls) == 12 + 1
    assert [(row.case, row.metrics) for row in rows] == [(row.case, row.metrics) for row in whole]


def test_a_method_can_be_added_and_a_changed_one_is_refused(pictures, tmp_path):
    cases = cases_of(pictures, border="any", count=1)
    evaluate(cases, [mean_method("a")], tmp_path)
    rows = evaluate(cases, [mean_method("b"), mean_method("a")], tmp_path)
    assert [row.method for row in rows] == ["b"] * 6 + ["a"] * 6
    with pytest.raises(ValueError, match="results with another a: choose another --out"):
        evaluate(cases, [mean_method("a", identity="2")], tmp_path)
    with pytest.raises(ValueError, match="results with another seed"):
        evaluate(cases_of(pictures, border="any", count=1, seed=5), [mean_method("a")], tmp_path)


def test_weights_with_another_refiner_are_another_method(tmp_path):
    path, refiner = tmp_path / "own.safetensors", Refiner(RefinerConfig(8, (1,)))
    network = PConvUNet(UNetConfig(widths=(8,), kernels=(3,)))
    save_weights(network, path, notes={"refiner": "r.safetensors"})
    found = []
    for value in (0, 0, 1):
        torch.nn.init.constant_(refiner.last.bias, value)
        save_weights(refiner, tmp_path / "r.safetensors")
        found.append(parse_method(str(path)).identity)
    assert found[0] == found[1] != found[2]


def test_more_pictures_and_classes_can_be_added(pictures, tmp_path):
    evaluate(cases_of(pictures, border="any", count=1), [mean_method()], tmp_path)
    calls = []

    def counted(case):
        calls.append(case.id)
        return paint_mean(case.image, case.hole)

    more = cases_of(pictures, border="any", count=2)
    assert len(evaluate(more, [Method("mean", "1", counted)], tmp_path)) == 12
    assert {id.index for id in calls} == {1}
    rows = evaluate(cases_of(pictures, border="N", count=1), [mean_method()], tmp_path)
    assert {row.case.border for row in rows} == {"N"}


def test_methods_need_different_names(pictures, tmp_path):
    with pytest.raises(ValueError, match="different names, got mean, mean"):
        evaluate(cases_of(pictures), [mean_method(), mean_method()], tmp_path)


def test_an_unreadable_picture_is_left_out_with_a_warning(pictures, tmp_path, caplog):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no picture")
    (folder / "b.png").write_bytes((pictures / "0.png").read_bytes())
    rows = evaluate(cases_of(folder, border="any"), [mean_method()], tmp_path / "report")
    assert {row.picture for row in rows} == {"b.png"}
    assert "picture a.png left out" in caplog.text


def test_command_line_prints_the_table_and_keeps_the_rows(pictures, weights, tmp_path, capsys):
    arguments = ["--root", str(pictures), "--size", "48", "--count", "1", "--border", "any"]
    methods = ["--methods", f"{weights},telea", "--out", str(tmp_path)]
    assert main(["evaluate", *arguments, *methods]) == 0
    assert "| PSNR (dB) | tiny |" in capsys.readouterr().out
    assert (tmp_path / "report.html").is_file()
    with (tmp_path / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 12
    assert len(read_rows(tmp_path / "results.csv")) == 12


def test_command_line_writes_cases_for_other_programs(pictures, tmp_path):
    arguments = ["--root", str(pictures), "--size", "48", "--count", "1", "--border", "any"]
    assert main(["evaluate", *arguments, "--write-cases", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("masks/*.png"))) == len(list(tmp_path.glob("images/*.png"))) == 6


def test_command_line_reports_wrong_settings(pictures, capsys):
    assert main(["evaluate", "--root", str(pictures), "--size", "8"]) == 2
    assert "size must be at least 32 pixels, got 8" in capsys.readouterr().err
    assert main(["evaluate", "--root", str(pictures)]) == 2
    assert "give a folder for the report with --out" in capsys.readouterr().err


def test_holes_of_another_generator_are_not_added_to_a_report(tmp_path):
    """And a report that names no generator is of the first."""
    settings = case_settings(Protocol(root="x"))
    check_settings(tmp_path, settings, {})
    assert settings["hole_generator"] == 1
    kept = json.loads((tmp_path / "settings.json").read_text())
    del kept["cases"]["hole_generator"]
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    check_settings(tmp_path, settings, {})
    with pytest.raises(ValueError, match="with another hole_generator"):
        check_settings(tmp_path, {**settings, "hole_generator": 2}, {})


def test_results_of_other_code_are_not_added_to(pictures, weights, tmp_path, monkeypatch):
    cases = cases_of(pictures, border="any", count=1)
    evaluate(cases, [parse_method(f"a={weights}")], tmp_path)
    evaluate(cases, [parse_method(f"a={weights}")], tmp_path)
    monkeypatch.setattr("inpaint.evaluate.methods.filling_code", lambda: "changed")
    with pytest.raises(ValueError, match=r"another a: .* whose weights, options or code changed"):
        evaluate(cases, [parse_method(f"a={weights}")], tmp_path)
    rows = evaluate(cases, [parse_method(f"b={weights}"), mean_method()], tmp_path)
    assert {row.method for row in rows} == {"b", "mean"}
    monkeypatch.setattr("inpaint.evaluate.protocol.measuring_code", lambda: "changed")
    with pytest.raises(ValueError, match="holds results with another code"):
        evaluate(cases, [mean_method()], tmp_path)


def test_results_that_do_not_say_of_which_code_they_are_are_not_added_to(pictures, tmp_path):
    cases = cases_of(pictures, border="any", count=1)
    evaluate(cases, [mean_method()], tmp_path)
    kept = json.loads((tmp_path / "settings.json").read_text())
    del kept["cases"]["code"]
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="holds results with another code"):
        evaluate(cases, [mean_method()], tmp_path)


def test_a_function_of_a_changed_file_is_another_method(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for name, text in (("paint_a", ""), ("paint_a", ""), ("paint_b", "# another\n")):
        (tmp_path / f"{name}.py").write_text(f"{text}def fill(image, hole):\n    return image\n")
        found.append(parse_method(f"{name}:fill").identity.partition("@")[2])
    assert found[0] == found[1] and len(found[0]) == 16
    (tmp_path / "paint_a.py").write_text("def fill(image, hole):\n    return image + 1\n")
    assert parse_method("paint_a:fill").identity.partition("@")[2] != found[0]
    assert parse_method("numpy:maximum").identity == "numpy:maximum@"  # compiled


def test_a_digest_of_code_changes_with_names_and_contents_only(tmp_path):
    def digest(**files):
        paths = []
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
            paths.append(tmp_path / name)
        return source_digest(paths, tmp_path)

    first = digest(a=b"x\ny\n", b=b"z")
    assert digest(b=b"z", a=b"x\r\ny\r\n") == first  # as Git on Windows ends lines
    assert (
        len({first, digest(a=b"x\ny\n"), digest(a=b"x\ny\nz", b=b""), digest(a=b"x", c=b"z")}) == 4
    )
    assert filling_code() != measuring_code() and filling_code() == filling_code()
    package = Path(code.__file__).parents[1]
    assert all((package / name).is_file() for name in code._PRESENTATION)

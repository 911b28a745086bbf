"""What a run says on the terminal about pictures that look odd or were passed over."""

import json

import numpy as np
import pytest
from folders import files_below, fill, put_image, put_mask, report_of
from PIL import Image

from inpaint.batch import PlanError, Request, make_plan
from inpaint.batch.records import Record
from inpaint.batch.report import Summary


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put_pairs(here):
    """Pictures, and masks of which one only is as it should be."""
    masks = {
        "good": {},
        "empty": {"box": (0, 0, 0, 0)},
        "inverted": {"box": (0, 0, 48, 60)},
        "inverted too": {"box": (0, 0, 48, 58)},
    }
    for name, options in masks.items():
        put_image(f"photos/{name}.png")
        put_mask(f"masks/{name}.png", **options)
    put_image("photos/photo.png")
    put_image("masks/photo.png", seed=9)
    put_image("photos/labels.png")
    Image.fromarray(np.repeat(np.arange(64, dtype=np.uint8)[None] // 22, 48, 0)).save(
        "masks/labels.png"
    )


def test_summary_counts_unchanged_pictures_and_suspicious_masks(here, weights, capsys):
    put_pairs(here)
    assert fill("photos", "--mask", "masks", "-o", "out", weights=weights) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "unchanged: 2 x the hole is empty, so the file was copied" in lines
    start = lines.index("suspicious masks: 5, such as")
    kinds = "\n".join(sorted(lines[start + 1 : start + 5]))
    for text in (
        "empty.png: the mask marks nothing; white means fill, invert it if it means keep; the hole",
        "% of the picture; white means fill, invert it if it means keep",
        "labels.png: the mask has 3 values (0, 1, 2) as labels have; none is above 127",
        "photo.png: the mask looks like a photo",
    ):
        assert text in kinds
    assert lines[-1].startswith("6 done, 0 skipped, 0 failed")
    rows = report_of("out/report.jsonl")
    assert {name for name, row in rows.items() if row.get("suspicious")} == {*rows} - {"good.png"}


def test_strict_fails_pictures_with_notes_and_writes_nothing_of_them(here, weights, capsys):
    put_pairs(here)
    arguments = ("photos", "--mask", "masks", "-o", "out", "--strict")
    assert fill(*arguments, weights=weights) == 1
    assert [*files_below("out")] == ["good.png"]
    rows = report_of("out/report.jsonl")
    assert rows["empty.png"]["message"] == (
        "not filled, as --strict is given: the mask marks nothing; white means fill, invert it if "
        "it means keep"
    )
    assert "failed: photos/empty.png: not filled, as --strict is given" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["natural", "plain"])
def test_strict_fails_what_is_noted_while_filling(here, weights, style):
    put_image("a.png")
    put_mask("m.png", box=(0, 0, 48, 64))
    code = fill(
        "a.png", "--mask", "m.png", "-o", "x.png", "--strict", "--style", style, weights=weights
    )
    assert code == 1 and not (here / "x.png").exists()


def test_transparency_that_marks_nothing_or_all_is_suspicious(here, weights, capsys):
    for name, alpha in (("none", 255), ("all", 0)):
        pixels = np.full((48, 64, 4), 90, np.uint8)
        pixels[..., 3] = alpha
        (here / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(f"photos/{name}.png")
    assert fill("photos", "--mask", "alpha", "-o", "out", weights=weights) == 0
    assert "suspicious masks: 2" in capsys.readouterr().err


def test_formats_that_are_not_read_are_counted_and_named(here, weights, capsys):
    put_image("photos/a.png")
    put_mask("mask.png")
    for name in ("b.CR2", "c.nef", "deep/d.jp2", ".hidden.jp2", "notes.txt"):
        (here / "photos" / name).parent.mkdir(exist_ok=True)
        (here / "photos" / name).write_bytes(b"raw")
    assert fill("photos", "--mask", "mask.png", "-o", "out", weights=weights) == 0
    err = capsys.readouterr().err
    assert "skipped: 2 x camera raw is not read; convert it to TIFF or PNG" in err
    assert "skipped: 1 x JPEG 2000 is not read; convert it to TIFF or PNG" in err
    assert "1 done, 3 skipped, 0 failed" in err
    rows = report_of("out/report.jsonl")
    assert {*rows} == {"a.png", "b.CR2", "c.nef", "d.jp2"}
    plan = make_plan(Request(("photos/**/*",), mask="alpha", output="new"))
    assert [record.image for record in plan.settled] == [
        "photos/b.CR2",
        "photos/c.nef",
        "photos/deep/d.jp2",
    ]


def test_folder_of_formats_that_are_not_read_is_bad_usage(here):
    (here / "photos").mkdir()
    (here / "photos/a.jp2").write_bytes(b"raw")
    with pytest.raises(PlanError, match="there are no pictures in photos") as caught:
        make_plan(Request(("photos",), mask="alpha", output="out"))
    assert caught.value.problems[1] == (
        "photos/a.jp2: JPEG 2000 is not read; convert it to TIFF or PNG"
    )


def test_further_frames_are_counted(here, weights, capsys):
    (here / "photos").mkdir()
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (10, 90, 200)]
    for name in ("a.gif", "b.tif"):
        frames[0].save(f"photos/{name}", save_all=True, append_images=frames[1:])
    put_mask("mask.png")
    assert fill("photos", "--mask", "mask.png", "-o", "out", weights=weights) == 0
    assert "passed over: 4 further frames or pages of 2 pictures" in capsys.readouterr().err
    assert report_of("out/report.jsonl")["a.gif"]["frames_left"] == 2


def test_summary_shows_a_few_reasons_and_counts_all():
    summary = Summary()
    for number in range(200):
        summary.add(Record(f"{number}.png", "skipped", message=f"reason {number}"))
        summary.add(Record(f"{number}.png", "skipped", message="the output exists"))
    lines = summary.lines()
    assert lines[0] == "skipped: 200 x the output exists"
    assert lines[1] == "skipped: 101 x other reasons"
    assert len(lines) == 6 and json.dumps(lines)

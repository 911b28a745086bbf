"""Outputs beside their pictures, and runs that share one set between them."""

import pytest
from folders import files_below, fill, put_image, put_mask, report_of

from inpaint.batch import PlanError, Request, Shard, make_plan
from inpaint.batch.records import ALPHA


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_mask("mask.png")
    return tmp_path


def outputs(*inputs, **options):
    tasks = make_plan(Request(inputs, mask=ALPHA, **options)).tasks
    return {task.image: task.output for task in tasks}


def test_suffix_is_part_of_the_names_of_outputs(here):
    for name in ("a.jpg", "deep/b.v2.png"):
        put_image(f"photos/{name}")
    assert outputs("photos", output="out", suffix="_filled") == {
        "photos/a.jpg": "out/a_filled.jpg",
        "photos/deep/b.v2.png": "out/deep/b.v2_filled.png",
    }
    assert outputs("photos/a.jpg", suffix="_x", format="png") == {"photos/a.jpg": "photos/a_x.png"}


def test_outputs_beside_their_pictures_are_no_inputs_of_the_next_run(here, weights, capsys):
    for name in ("a.png", "deep/b.png"):
        put_image(f"photos/{name}")
    arguments = ("photos", "--mask", "mask.png", "--suffix", "_filled")
    assert fill(*arguments, weights=weights) == 0
    expected = ["a.png", "a_filled.png", "deep/b.png", "deep/b_filled.png"]
    assert sorted(files_below("photos")) == expected
    put_image("photos/c.png")
    assert fill(*arguments, "--skip-existing", weights=weights) == 0
    assert sorted(files_below("photos")) == sorted([*expected, "c.png", "c_filled.png"])
    assert "skipped: 2 x its name ends with _filled, as outputs do" in capsys.readouterr().err
    into = ("-o", "photos", "--skip-existing")  # the same place, asked for in another way
    assert fill(*arguments, *into, weights=weights) == 0
    assert len(files_below("photos")) == 6


def test_suffix_into_another_folder_takes_all_pictures(here):
    put_image("photos/a_filled.png")
    found = outputs("photos", output="out", suffix="_filled")
    assert found == {"photos/a_filled.png": "out/a_filled_filled.png"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suffix": "/x", "output": "out"}, "suffix must be a part of a name, got '/x'"),
        ({"suffix": "_x", "output": "out.png"}, "a suffix is for outputs in a folder"),
        ({}, "no output is given"),
    ],
)
def test_suffix_that_makes_no_name_is_refused(here, options, message):
    put_image("a.png")
    with pytest.raises(ValueError, match=message):
        outputs("a.png", **options)


def test_shards_hold_every_picture_once_wherever_it_is_mounted(here):
    for number in range(60):
        put_image(f"photos/{number % 3}/{number}.png", 4, 4)
    parts = [outputs("photos", output="out", shard=Shard(n, 4)) for n in range(1, 5)]
    assert all(5 < len(part) < 25 for part in parts)
    assert len({image for part in parts for image in part}) == sum(map(len, parts)) == 60
    elsewhere = outputs(str(here / "photos"), output="out", shard=Shard(2, 4))
    assert [*elsewhere.values()] == [*parts[1].values()]
    put_image("photos/0/more.png", 4, 4)  # comes while runs start
    again = outputs("photos", output="out", shard=Shard(2, 4))
    assert set(parts[1]) <= set(again) <= {*parts[1], "photos/0/more.png"}


def test_shards_report_to_files_of_their_own_and_do_the_whole_set(here, weights):
    for number in range(8):
        put_image(f"photos/{number}.png")
    (here / "photos/a.jp2").write_bytes(b"jp2")
    common = ("photos", "--mask", "mask.png", "-o")
    assert fill(*common, "whole", weights=weights) == 0
    for shard in ("1/2", "2/2"):
        assert fill(*common, "out", "--shard", shard, weights=weights) == 0
    reports = [report_of(f"out/report-{number}-of-2.jsonl") for number in (1, 2)]
    assert all(reports) and not reports[0].keys() & reports[1].keys()
    assert reports[0].keys() | reports[1].keys() == report_of("whole/report.jsonl").keys()
    pictures = {name: data for name, data in files_below("out").items() if "report" not in name}
    assert pictures == files_below("whole")


def test_clash_between_shards_is_found_by_each(here):
    put_image("photos/a.jpg")
    put_image("photos/a.png")
    for number in range(1, 9):
        with pytest.raises(PlanError, match="would both be written to"):
            outputs("photos", output="out", format="webp", shard=Shard(number, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3/2", "must be 1/n to n/n, got 3/2"),
        ("0/2", "got 0/2"),
        ("a", "must be i/n"),
        ("1/", "i/n"),
    ],
)
def test_shards_that_are_none_are_refused(here, weights, capsys, text, message):
    with pytest.raises(ValueError, match=message):
        Shard.of(text)
    put_image("a.png")
    assert fill("a.png", "--mask", "mask.png", "-o", "out", "--shard", text, weights=weights) == 2
    assert message in capsys.readouterr().err

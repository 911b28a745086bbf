"""Runs over folders whose pictures are filled in groups."""

import threading

import pytest
from folders import files_below, fill, put_mask, put_picture, report_of, tiny_weights

from inpaint.batch.records import Settings, Task
from inpaint.batch.run import run_local
from inpaint.inference.inpainter import Inpainter


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


def test_run_in_groups_does_all_and_reports_each(tmp_path, weights):
    photos = tmp_path / "photos"
    for number in range(11):
        put_picture(photos / f"{number:02d}.png", 60, 80 if number % 4 else 100, seed=number)
        put_mask(tmp_path / f"masks/{number:02d}.png", 60, 80 if number % 4 else 100)
    (photos / "03.png").write_bytes(b"")
    put_mask(tmp_path / "masks/05.png", 60, 80, (0, 0, 0, 0))
    put_mask(tmp_path / "masks/06.png", 60, 80, (0, 0, 60, 80))
    outs = {}
    for name, options in {
        "alone": (),
        "groups": ("--batch-size", 4),
        "again": ("--batch-size", 4, "--workers", 4),
        "all": ("--batch-size", 50),
    }.items():
        out = tmp_path / name
        arguments = (photos, "--mask", tmp_path / "masks", "-o", out, *options)
        assert fill(*arguments, weights=weights) == 1
        outs[name] = files_below(out)
        rows = report_of(out / "report.jsonl")
        assert len(rows) == 11
        assert [row for row in rows if rows[row]["status"] != "done"] == ["03.png"]
        full = [
            row for row in rows if any("whole picture:" in n for n in rows[row].get("notes", []))
        ]
        assert full == ["06.png"]
    assert outs["alone"].keys() == outs["groups"].keys() == outs["all"].keys()
    assert outs["groups"] == outs["again"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--batch-size", 0), "--batch-size must be 1 or more, got 0"),
        (("--batch-size", 4, "--workers", 3), "--workers must be at least --batch-size, 4, got 3"),
    ],
)
def test_impossible_groups_are_refused(tmp_path, weights, capsys, options, message):
    put_picture(tmp_path / "photos/a.png")
    arguments = (
        tmp_path / "photos",
        "--mask",
        put_mask(tmp_path / "m.png"),
        "-o",
        tmp_path / "out",
    )
    assert fill(*arguments, *options, weights=weights) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("how", ["close", "interrupt"])
def test_run_in_groups_can_be_stopped_at_any_time(tmp_path, weights, how):
    inpainter = Inpainter.load(weights, device="cpu")
    mask = put_mask(tmp_path / "mask.png")
    image = put_picture(tmp_path / "a.png")
    before = set(threading.enumerate())  # of other tests and libraries among them
    for steps in range(1, 8):
        tasks = [Task(str(image), str(mask), str(tmp_path / f"o{n}.png")) for n in range(40)]
        records = run_local(tasks, inpainter, Settings(), workers=3, batch_size=3)
        for _ in range(steps):
            next(records)
        if how == "close":
            records.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                records.throw(KeyboardInterrupt)
                while True:
                    next(records)
    assert set(threading.enumerate()) <= before

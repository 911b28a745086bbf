"""Runs beside each other: their reports and temporary files, and what a report never overwrites."""

import json
import os
import threading
from pathlib import Path

import pytest
from folders import files_below, fill, put_image, put_mask, report_of

from inpaint.batch.records import Record
from inpaint.batch.report import Report
from inpaint.utils.files import (
    SURELY_STALE,
    TEMPORARY_PREFIX,
    atomic_path,
    atomic_write,
    machine,
    remove_leftovers,
)
from inpaint.utils.locks import locked


@pytest.fixture
def photos(tmp_path):
    for name in ("a.png", "b.png"):
        put_image(tmp_path / "photos" / name)
    put_mask(tmp_path / "mask.png")
    return tmp_path / "photos"


def leftover(folder, of=None):
    path = Path(folder) / f"{TEMPORARY_PREFIX}{of or machine()}0123456789abcdef01234567.tmp"
    path.touch()
    return path


def test_lines_of_runs_at_the_same_time_are_whole(tmp_path):
    path = str(tmp_path / "report.jsonl")

    def run(name):
        with Report(path) as report:  # locks of two descriptors are as those of two processes
            for number in range(100):
                report.write(Record(f"{name}{number}.png", "done", message=name * number))

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(report_of(path)) == len(Path(path).read_text().splitlines()) == 400


def test_report_is_continued_after_its_last_whole_line(tmp_path):
    path = str(tmp_path / "report.jsonl")
    with Report(path) as report:
        report.write(Record("a.png", "done"))
    with open(path, "a") as file:
        file.write('{"image": "b.p' + "x" * 10_000)
    with Report(path) as report:
        report.write(Record("\udce9\n.png", "failed", message="cut"))
    assert [*report_of(path)] == ["a.png", "\udce9\n.png"]


def test_report_of_which_only_half_a_line_was_written_starts_again(tmp_path):
    path = tmp_path / "report.jsonl"
    path.write_text('{"image": "b.p')
    with Report(str(path)) as report:
        report.write(Record("a.png", "done"))
    assert [*report_of(path)] == ["a.png"]


def test_line_that_waits_for_another_run_is_written_after_its_line(tmp_path):
    path = tmp_path / "report.jsonl"
    with Report(str(path)) as report, open(path, "ab") as other:
        thread = threading.Thread(target=report.write, args=(Record("b.png", "done"),))
        with locked(other):
            other.write(b'{"image": "a.png", "sta')
            other.flush()
            thread.start()
            other.write(b'tus": "done"}\n')
            other.flush()
        thread.join()
    assert [*report_of(path)] == ["a.png", "b.png"]


def test_a_later_run_adds_to_the_report_of_the_earlier_one(photos, weights, tmp_path):
    put_image(tmp_path / "more/c.png")
    options = ("--mask", tmp_path / "mask.png", "-o", tmp_path / "out")
    assert fill(photos, *options, weights=weights) == 0
    assert fill(tmp_path / "more", *options, weights=weights) == 0
    assert sorted(report_of(tmp_path / "out/report.jsonl")) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("link", [False, True])
def test_report_over_an_input_is_refused(photos, weights, tmp_path, capsys, link):
    manifest, report = tmp_path / "set.jsonl", tmp_path / "set.jsonl"
    manifest.write_text(json.dumps({"image": "photos/a.png", "mask": "mask.png"}))
    if link:
        report = tmp_path / "link.jsonl"
        report.symlink_to(manifest)
    before = files_below(tmp_path)
    options = ("-o", tmp_path / "out", "--report", report, "--overwrite")
    assert fill(manifest, *options, weights=weights) == 2
    assert "would overwrite an input; choose another --report" in capsys.readouterr().err
    assert files_below(tmp_path) == before


@pytest.mark.parametrize(
    "text",
    ['{"image": "a.png", "mask": "m.png"}', '{"image": "a.png"}\n{"image": "b.png"}\n', "x\n", "7"],
)
def test_report_over_something_else_is_refused(photos, weights, tmp_path, capsys, text):
    other = tmp_path / "other.jsonl"
    other.write_text(text)
    options = ("--mask", tmp_path / "mask.png", "-o", tmp_path / "out", "--report", other)
    assert fill(photos, *options, weights=weights) == 2
    assert "other.jsonl exists and is not a report" in capsys.readouterr().err
    assert other.read_text() == text and not (tmp_path / "out").exists()


def test_temporary_files_of_a_live_run_are_left_alone(tmp_path):
    stale, foreign = leftover(tmp_path), leftover(tmp_path, of="0" * 8)
    (tmp_path / ".inpaint-mine.tmp").touch()
    with atomic_path(tmp_path / "a.png") as temporary:
        temporary.write_bytes(b"a")
        remove_leftovers(tmp_path)
        assert temporary.exists() and not stale.exists()
    assert (tmp_path / "a.png").read_bytes() == b"a"
    assert foreign.exists() and (tmp_path / ".inpaint-mine.tmp").exists()
    os.utime(foreign, (0, foreign.stat().st_mtime - SURELY_STALE - 1))
    remove_leftovers(tmp_path)
    assert not foreign.exists() and (tmp_path / ".inpaint-mine.tmp").exists()


def test_file_that_was_removed_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    from inpaint.utils import files

    removed = []

    def remove_first(file):
        if not removed:
            removed.append(file.name)
            os.unlink(file.name)

    monkeypatch.setattr(files, "try_lock", remove_first)
    atomic_write(tmp_path / "a.png", b"a")
    assert removed and files_below(tmp_path) == {"a.png": b"a"}


def test_run_into_a_folder_below_leaves_the_files_of_a_run_above_alone(photos, weights, tmp_path):
    below = tmp_path / "out/sub"
    options = ("--mask", tmp_path / "mask.png", "-o", below)
    with atomic_path(below / "c.png") as temporary:  # of a run into tmp_path / "out"
        temporary.write_bytes(b"c")
        stale = leftover(below, of="0" * 8)
        mine = leftover(below)
        assert fill(photos, *options, weights=weights) == 0
    assert sorted(files_below(below)) == [stale.name, "a.png", "b.png", "c.png"]
    assert not mine.exists()

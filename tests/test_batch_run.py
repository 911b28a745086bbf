"""Runs over folders: bad pictures, broken-off runs, other file systems."""

import io
import os
import random
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib

import fsspec
import numpy as np
import pytest
from folders import files_below, fill, put_image, put_mask, report_of
from PIL import Image

from inpaint.batch.records import Record, Settings, Task
from inpaint.batch.report import Summary
from inpaint.batch.run import run_local, run_single
from inpaint.batch.work import Filler
from inpaint.images import read_image
from inpaint.inference.inpainter import Inpainter
from inpaint.utils.files import TEMPORARY_PREFIX, machine

TEMPORARY = f"{TEMPORARY_PREFIX}{machine()}0123456789abcdef01234567.tmp"


def huge_png():
    """The beginning of a PNG with 40,000 x 40,000 pixels."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def chunk(kind, body):
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def put_good_pictures(folder):
    """Pictures that look odd and are fine; their names."""
    names = ["a.jpg", "with space.png", "two\nlines.png", "Grüße 写真.webp", "a.png.jpg", "-o.bmp"]
    for name in names:
        put_image(folder / name)
    raw = os.path.join(os.fsencode(folder), b"latin-\xe9.png")
    (folder / "a.jpg").rename(folder / "b.jpg")
    with open(raw, "wb") as file:
        file.write((folder / "with space.png").read_bytes())
    Image.new("CMYK", (64, 48), (9, 80, 90, 0)).save(folder / "cmyk.jpg")
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (10, 200)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.full((48, 64), 40_000, np.uint16)).save(folder / "deep.png")
    (folder / "wrong suffix.jpg").write_bytes((folder / "with space.png").read_bytes())
    put_image(folder / "folder.png/inside.png")
    others = ["latin-\udce9.png", "cmyk.jpg", "animated.gif", "deep.png", "wrong suffix.jpg"]
    return [*names[1:], "b.jpg", *others, "folder.png/inside.png"]


def put_bad_pictures(folder):
    """Names of the bad pictures, and what the report must say about them."""
    good = put_image(folder / "x.png").read_bytes()
    (folder / "x.png").unlink()
    (folder / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("not a picture")
    (folder / "huge.png").write_bytes(huge_png())
    put_image(folder / "square.png", 48, 48)
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "self.png").symlink_to("self.png")
    os.mkfifo(folder / "pipe.png")
    return {
        "cut.png": "damaged or cut short",
        "empty.jpg": "zero bytes",
        "text.png": "not a picture",
        "huge.png": "40000 x 40000",
        "square.png": "another aspect ratio",
        "dangling.png": "No such file",
        "self.png": "symbolic links",
        "pipe.png": "not a regular file",
    }


def test_bad_pictures_are_named_and_do_not_stop_the_good_ones(tmp_path, weights, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    good, bad = put_good_pictures(photos), put_bad_pictures(photos)
    (photos / "loop").symlink_to(photos)
    mask = put_mask(tmp_path / "mask.png")
    assert fill(photos, "--mask", mask, "-o", out, weights=weights) == 1
    assert sorted(files_below(out)) == sorted(good)
    rows = report_of(out / "report.jsonl")
    assert {name for name, row in rows.items() if row["status"] == "failed"} == set(bad)
    for name, message in bad.items():
        assert message in rows[name]["message"]
    assert rows["loop"]["status"] == rows["folder.png"]["status"] == "skipped"
    assert rows["cmyk.jpg"]["notes"] == ["CMYK converted to RGB"]
    assert rows["animated.gif"]["notes"] == ["first frame of 2 used"]
    assert rows["wrong suffix.jpg"]["notes"] == ["the content is png, whatever the name says"]
    assert read_image(out / "deep.png").deep
    summary = capsys.readouterr().err
    assert f"{len(good)} done, 2 skipped, {len(bad)} failed" in summary


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_pictures_and_folders_are_named(tmp_path, weights):
    put_image(tmp_path / "photos/a.png").chmod(0)
    put_image(tmp_path / "photos/b.png")
    (tmp_path / "photos/locked").mkdir(mode=0)
    mask = put_mask(tmp_path / "mask.png")
    assert fill(tmp_path / "photos", "--mask", mask, "-o", tmp_path / "out", weights=weights) == 1
    rows = report_of(tmp_path / "out/report.jsonl")
    assert "Permission denied" in rows["a.png"]["message"]
    assert "Permission denied" in rows["locked"]["message"]
    assert rows["b.png"]["status"] == "done"


def test_failing_disk_is_a_failure_of_the_picture(tmp_path, weights, monkeypatch):
    put_image(tmp_path / "photos/a.png")
    mask = put_mask(tmp_path / "mask.png")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert fill(tmp_path / "photos", "--mask", mask, "-o", tmp_path / "out", weights=weights) == 1
    rows = report_of(tmp_path / "out/report.jsonl")
    assert rows["a.png"]["message"] == f"{tmp_path}/out/a.png: No space left on device"
    assert files_below(tmp_path / "out") == {}


def test_note_about_a_mask_is_with_every_picture_it_is_used_on(tmp_path, weights):
    for number in range(4):
        put_image(tmp_path / f"photos/{number}.png")
    mask = put_mask(tmp_path / "mask.png", box=(0, 0, 48, 60))
    assert fill(tmp_path / "photos", "--mask", mask, "-o", tmp_path / "out", weights=weights) == 0
    for row in report_of(tmp_path / "out/report.jsonl").values():
        assert ["the mask marks 94 %" in note for note in row["notes"]] == [True]


def test_result_does_not_depend_on_the_number_of_workers(tmp_path, weights):
    for number in range(8):
        put_image(tmp_path / f"photos/{number}.png", seed=number)
    mask = put_mask(tmp_path / "mask.png")
    for workers in (1, 4):
        out = tmp_path / f"out{workers}"
        options = ("--mask", mask, "-o", out, "--workers", workers)
        assert fill(tmp_path / "photos", *options, weights=weights) == 0
    assert files_below(tmp_path / "out1") == files_below(tmp_path / "out4")


def test_at_most_workers_pictures_are_in_memory(tmp_path, weights, monkeypatch):
    put_mask(tmp_path / "mask.png")
    tasks = []
    for number in range(12):
        image = put_image(tmp_path / f"{number}.png")
        tasks.append(Task(str(image), str(tmp_path / "mask.png"), str(tmp_path / f"o{number}.png")))
    lock, busy, most = threading.Lock(), [0], [0]
    run = Filler._run

    def counted(self, task, notes, on_progress):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        try:
            return run(self, task, notes, on_progress)
        finally:
            with lock:
                busy[0] -= 1

    monkeypatch.setattr(Filler, "_run", counted)
    inpainter = Inpainter.load(weights, device="cpu")
    records = list(run_local(tasks, inpainter, Settings(), workers=3))
    assert {record.status for record in records} == {"done"} and len(records) == 12
    assert 1 < most[0] <= 3


def test_killed_run_is_finished_by_skip_existing(tmp_path, weights):
    for number in range(12):
        put_image(tmp_path / f"photos/{number:02d}.png", 120, 160, seed=number)
    mask = put_mask(tmp_path / "mask.png", 120, 160)
    common = (str(tmp_path / "photos"), "--mask", str(mask))
    assert fill(*common, "-o", tmp_path / "calm", weights=weights) == 0
    calm = files_below(tmp_path / "calm")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "inpaint.cli", "fill", *common, "-o", str(out)]
    command += ["--skip-existing", "--weights", weights, "--device", "cpu", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: list(out.glob("*.png")))
        time.sleep(random.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and len(list(out.glob("*.png"))) < 12
    assert all(calm[path.name] == path.read_bytes() for path in out.glob("*.png"))
    (out / TEMPORARY).touch()
    assert fill(*common, "-o", out, "--skip-existing", weights=weights) == 0
    assert files_below(out) == calm
    rows = report_of(out / "report.jsonl")
    assert len(rows) == 12 and not any(row["status"] == "failed" for row in rows.values())


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def test_ctrl_c_finishes_what_is_in_flight_and_stops(tmp_path, weights, monkeypatch):
    tasks = [Task(f"{number}.png", "alpha", f"o{number}.png") for number in range(100)]
    started = []

    def slow(self, task, on_progress=None):
        started.append(task.image)
        time.sleep(0.02)
        return Record(task.image, "done")

    monkeypatch.setattr(Filler, "__call__", slow)
    records = run_local(tasks, Inpainter.load(weights, device="cpu"), Settings(), workers=2)
    seen = [next(records).image]
    seen.append(records.throw(KeyboardInterrupt).image)
    with pytest.raises(KeyboardInterrupt):
        while True:
            seen.append(next(records).image)
    assert len(started) < 10 and set(seen) <= set(started)


def test_summary_names_the_first_failures_and_counts_the_rest():
    summary = Summary()
    for number in range(13):
        summary.add(Record(f"{number}\n.png", "failed", message="cut"))
    lines = summary.lines()
    assert lines[0] == "failed: 0\\n.png: cut"
    assert lines[10] == "failed: 3 more"
    assert re.match(r"0 done, 0 skipped, 13 failed in [\d.]+ s", lines[11])
    assert summary.exit_code == 1


def test_remote_folders_work_as_local_ones(tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local = put_image(tmp_path / "photos/trips/a.png")
    put_mask(tmp_path / "masks/trips/a.png")
    (tmp_path / "photos/bad.png").touch()
    put_mask(tmp_path / "masks/bad.png")
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "photos"), "/bucket/photos", recursive=True)
    memory.put(str(tmp_path / "masks"), "/bucket/masks", recursive=True)
    common = ("--mask", "memory://bucket/masks", "-o", "memory://bucket/out")
    assert fill("memory://bucket/photos", *common, weights=weights) == 1
    rows = report_of(tmp_path / "report.jsonl")
    assert rows["bad.png"]["message"] == "the file is empty (zero bytes)"
    out = tmp_path / "out.png"
    assert fill(local, "--mask", tmp_path / "masks/trips", "-o", out, weights=weights) == 0
    remote = read_image(io.BytesIO(memory.cat("/bucket/out/trips/a.png")))
    assert (remote.pixels == read_image(out).pixels).all()
    assert fill("memory://bucket/photos", *common, weights=weights) == 2
    memory.rm("/bucket", recursive=True)


def test_one_picture_tells_how_far_it_is(tmp_path, weights):
    task = Task(
        str(put_image(tmp_path / "a.png")),
        str(put_mask(tmp_path / "mask.png")),
        str(tmp_path / "out.png"),
    )
    shares = []
    inpainter = Inpainter.load(weights, device="cpu")
    (record,) = run_single(task, inpainter, Settings(), shares.append)
    assert record.status == "done"
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)

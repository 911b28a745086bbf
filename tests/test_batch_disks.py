"""Full, small and read-only disks, and what is refused before the first picture."""

import os
import resource
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest
from batch_command import CAN_LOCK, command
from folders import fill, put_image, put_mask, report_of
from PIL import Image

from inpaint.images import read_image


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The folder of the test, in which its commands run."""
    monkeypatch.chdir(tmp_path)


@contextmanager
def largest_file(size):
    """No file gets more than `size` bytes, as under a quota."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(path, size):
    """A file system of `size` bytes, mounted at `path`."""
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", str(path)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def put_many(folder, count=12):
    """Pictures of 40 KB each and one small one, with one mask for all."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 96, 128, 3), np.uint8)
    (folder / "photos").mkdir()
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"photos/{number:02d}.png")
    put_image(folder / "photos/small.png", 96, 128)
    put_mask(folder / "mask.png", 96, 128)
    return ("photos", "--mask", "mask.png", "--workers", 1)


def failed_for(message, out):
    """Names of what failed for `message`; the others are done, and all are in the report."""
    rows = report_of(out / "report.jsonl")
    assert len(rows) == 13
    for name, row in rows.items():
        assert (out / name).exists() == (row["status"] == "done")
        if row["status"] == "failed":
            assert row["message"] == f"{os.path.basename(out)}/{name}: {message}"
        else:
            assert read_image(out / name).size == (96, 128)
    assert {path.name for path in out.iterdir()} <= {*rows, "report.jsonl"}
    return {name for name, row in rows.items() if row["status"] == "failed"}


def test_full_disk_fails_what_does_not_fit_and_is_resumed(tmp_path, weights):
    arguments = (*put_many(tmp_path), "-o", "out")
    with small_disk(tmp_path / "out", 256 * 1024) as out:
        assert fill(*arguments, weights=weights) == 1
        assert 5 <= len(failed_for("No space left on device", out)) < 12
        subprocess.run(["mount", "-o", "remount,size=8m", str(out)], check=True)
        assert fill(*arguments, "--skip-existing", weights=weights) == 0
        rows = report_of(out / "report.jsonl")  # the last line of each picture
        assert len(rows) == 13 and not any(row["status"] == "failed" for row in rows.values())


def test_outputs_above_a_quota_fail_and_the_others_are_done(tmp_path, weights):
    arguments = (*put_many(tmp_path), "-o", "out")
    with largest_file(32 * 1024):
        assert fill(*arguments, weights=weights) == 1
    failed = failed_for("File too large", tmp_path / "out")
    assert failed == {f"{number:02d}.png" for number in range(12)}


def test_report_that_has_no_room_is_an_error_of_the_run(tmp_path, weights, capsys):
    put_image(tmp_path / "photos/a.png")
    put_mask(tmp_path / "mask.png")
    arguments = ("photos", "--mask", "mask.png", "-o", "out", "--report", "link.jsonl")
    (tmp_path / "link.jsonl").symlink_to("/dev/full")
    assert fill(*arguments, weights=weights) == 1
    text = capsys.readouterr().err
    assert "1 done, 0 skipped, 0 failed" in text
    assert "the report lacks its last lines: No space left on device" in text


@pytest.fixture
def problems_of(tmp_path, weights, capsys):
    """Gives lines of the message of a command that must write nothing."""

    def problems(*arguments):
        before = sorted(os.walk(tmp_path))
        assert fill(*arguments, weights=weights) == 2
        assert sorted(os.walk(tmp_path)) == before
        text = capsys.readouterr()
        assert text.out == ""
        return text.err.splitlines()

    return problems


def test_what_cannot_work_is_named_before_the_first_picture(tmp_path, problems_of):
    for name in ("a.jpg", "a.png", "b\nc.png", "b\nc.gif", "d.png"):
        put_image(tmp_path / "photos" / name)
    put_mask(tmp_path / "mask.png")
    (tmp_path / "out/d.webp").mkdir(parents=True)
    arguments = ("photos", "--mask", "mask.png", "-o", "out", "--format", "webp", "--overwrite")
    first, *problems = problems_of(*arguments)
    assert first.endswith("nothing was written, because of 3 problems:")
    assert [problem.strip() for problem in problems] == [
        "photos/a.jpg and photos/a.png would both be written to out/a.webp",
        r"photos/b\nc.gif and photos/b\nc.png would both be written to out/b\nc.webp",
        "photos/d.png: its output out/d.webp is a folder",
    ]


def test_output_folder_that_is_a_file_or_on_a_read_only_disk_is_named(tmp_path, problems_of):
    put_image(tmp_path / "photos/a.png")
    put_mask(tmp_path / "mask.png")
    (tmp_path / "file").touch()
    common = ("photos", "--mask", "mask.png", "-o")
    (problem,) = problems_of(*common, "file")
    assert problem.endswith("file is a file, so there cannot be an output folder")
    with small_disk(tmp_path / "out", 1 << 20) as out:
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        (problem,) = problems_of(*common, "out")
        assert problem.endswith("out cannot be written to")


@pytest.mark.skipif(not CAN_LOCK, reason="root may write everywhere")
def test_read_only_output_folder_is_named_and_a_read_only_output_replaced(tmp_path, weights):
    put_image(tmp_path / "photos/trip/a.png")
    put_mask(tmp_path / "mask.png")
    put_image(tmp_path / "out/trip/a.png").chmod(0o400)
    (tmp_path / "out/trip").chmod(0o500)
    arguments = ("photos", "--mask", "mask.png", "-o", "out", "--overwrite")
    before = (tmp_path / "out/trip/a.png").read_bytes()
    result = command(*arguments, weights=weights)  # without root's rights
    assert result.returncode == 2 and result.stdout == ""
    (problem,) = result.stderr.splitlines()
    assert problem.endswith("out/trip cannot be written to")
    assert (tmp_path / "out/trip/a.png").read_bytes() == before
    (tmp_path / "out/trip").chmod(0o700)
    assert command(*arguments, weights=weights).returncode == 0
    assert (tmp_path / "out/trip/a.png").read_bytes() != before

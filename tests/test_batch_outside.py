"""Outputs stay below the folder that was asked for, and lists work where they lie."""

import io
import json
import os
from pathlib import Path

import fsspec
import pytest
from folders import files_below, fill, put_image, put_mask, report_of

from inpaint.batch import PlanError, Request, files, make_plan
from inpaint.batch.records import ALPHA, Settings, Task
from inpaint.batch.run import run_single
from inpaint.images import read_image
from inpaint.inference.inpainter import Inpainter


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_image("set/a.png")
    put_mask("set/m.png")
    return tmp_path


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def manifest(path, **row):
    Path(path).write_text(json.dumps({"image": "a.png", "mask": "m.png", **row}))
    return str(path)


def outputs(*inputs, **options):
    return [task.output for task in make_plan(Request(inputs, mask=ALPHA, **options)).tasks]


def problem(*inputs, **options):
    with pytest.raises(PlanError) as caught:
        make_plan(Request(inputs, mask=ALPHA, **options))
    (text,) = caught.value.problems
    return text


@pytest.mark.parametrize("name", ["../x.png", "deep/../../x.png", "/tmp/x.png", "link/x.png"])
def test_manifest_cannot_lead_out_of_the_output_folder(here, name):
    (here / "out").mkdir()
    (here / "out/link").symlink_to(here)
    path = manifest("set/one.jsonl", output=name)
    text = problem(path, output="out")
    assert f"{here}/set/a.png: its output" in text
    assert "lies outside of out; choose another --output, or --allow-outside" in text
    (allowed,) = outputs(path, output="out", allow_outside=True)
    assert os.path.realpath(allowed) in (str(here / "x.png"), "/tmp/x.png")


def test_command_refuses_outputs_outside_unless_they_are_allowed(here, weights, capsys):
    path = manifest("set/one.jsonl", output="../x.png")
    assert fill(path, "-o", "out", weights=weights) == 2
    assert "lies outside of out" in capsys.readouterr().err
    assert not (here / "x.png").exists() and not (here / "out").exists()
    assert fill(path, "-o", "out", "--allow-outside", weights=weights) == 0
    assert (here / "x.png").exists()


def test_outputs_of_a_manifest_start_at_the_output_folder_or_at_its_own(here):
    path = manifest("set/one.jsonl", output="done/x.png")
    assert outputs(path, output="out") == ["out/done/x.png"]
    assert outputs(path) == [f"{here}/set/done/x.png"]
    assert "lies outside of" in problem(manifest("set/two.jsonl", output="../x.png"))
    assert outputs(manifest("set/three.jsonl", output=f"{here}/set/x.png")) == [f"{here}/set/x.png"]


def test_links_lead_out_of_the_folders_of_outputs_and_masks_for_nobody(here):
    for folder in ("out", "masks"):
        (here / folder).mkdir()
    put_image("photos/sub/a.png")
    (here / "out/sub").symlink_to(here / "set")
    assert "its output out/sub/a.png lies outside of out" in problem("photos", output="out")
    (here / "masks/sub").symlink_to(here / "set")
    with pytest.raises(PlanError, match=r"masks/sub/a.png lies outside of masks"):
        make_plan(Request(("photos",), mask="detected", output="new", keep_masks="masks"))
    (here / "link").symlink_to(here / "out")  # the output folder itself may be one
    assert outputs("set/a.png", output="link") == ["link/a.png"]


def test_link_that_comes_after_the_plan_is_not_followed(here, weights):
    inpainter = Inpainter.load(weights, device="cpu")
    Path("out").mkdir()
    for mask in ("set/m.png", str(put_mask("set/empty.png", box=(0, 0, 0, 0)))):
        task = Task("set/a.png", mask, "out/sub/x.png", root="out")
        assert files.is_inside(task.output, "out")
        Path("out/sub").symlink_to(here / "set")
        (record,) = run_single(task, inpainter, Settings())
        assert record.message == "the output out/sub/x.png lies outside of out"
        assert not (here / "set/x.png").exists()
        Path("out/sub").unlink()
        (record,) = run_single(task, inpainter, Settings())
        assert record.status == "done"
        Path("out/sub/x.png").unlink()
        Path("out/sub").rmdir()


@pytest.mark.parametrize("kind", ["set.jsonl", "set.csv"])
def test_relative_paths_of_a_remote_list_start_at_its_folder(here, memory, weights, kind):
    row = {"image": "photos/a.png", "mask": "./photos/../m.png", "output": "done/x.png"}
    lines = [json.dumps(row)] if kind == "set.jsonl" else [",".join(row), ",".join(row.values())]
    memory.pipe(f"/bucket/{kind}", "\n".join(lines).encode())
    memory.put("set/a.png", "/bucket/photos/a.png")
    memory.put("set/m.png", "/bucket/m.png")
    assert fill(f"memory://bucket/{kind}", weights=weights) == 0
    assert fill(f"memory://bucket/{kind}", "-o", "memory://bucket/out", weights=weights) == 0
    assert fill("set/a.png", "--mask", "set/m.png", "-o", "x.png", weights=weights) == 0
    filled = read_image("x.png").pixels
    for path in ("/bucket/done/x.png", "/bucket/out/done/x.png"):
        assert (read_image(io.BytesIO(memory.cat(path))).pixels == filled).all()
    assert sorted(files_below(here)) == ["set/a.png", "set/m.png", "x.png"]
    (row,) = report_of("report.jsonl").values()
    assert row["image"] == "memory://bucket/photos/a.png"


def test_list_of_paths_on_a_remote_file_system(here, memory):
    lines = f"a.png\nmemory://other/b.png\n{here}/set/a.png\n"
    memory.pipe("/bucket/set/list.txt", lines.encode())
    assert outputs("memory://bucket/set/list.txt", output="memory://bucket/out") == [
        "memory://bucket/out/a.png",
        "memory://bucket/out/other/b.png",
        f"memory://bucket/out{here}/set/a.png",
    ]


@pytest.mark.parametrize(
    "name", ["../x.png", "memory://other/x.png", "memory://bucket/out/../x.png", "/tmp/x.png"]
)
def test_remote_manifest_cannot_lead_out_of_the_output_folder(memory, name):
    row = {"image": "a.png", "output": name}
    memory.pipe("/bucket/set.jsonl", json.dumps(row).encode())
    text = problem("memory://bucket/set.jsonl", output="memory://bucket/out")
    assert "lies outside of memory://bucket/out" in text


def test_remote_list_cannot_lead_out_of_its_bucket(memory):
    memory.pipe("/bucket/set/list.txt", b"a.png\n../../other/a.png\n")
    message = r"list.txt, line 2: ../../other/a.png leads out of memory://bucket"
    with pytest.raises(ValueError, match=message):
        make_plan(Request(("memory://bucket/set/list.txt",), mask=ALPHA, output="out"))


def test_addresses_of_local_files_are_the_files(here):
    text = problem("set/a.png", output=f"file://{here}/set/", overwrite=True)
    assert text == "set/a.png: input and output are the same file"
    assert files.is_inside(f"file://{here}/out/a.png", "out")


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("memory://a.png", "memory://", "a.png"),
        ("s3://bucket/a.png", "s3://bucket", "a.png"),
        ("s3://bucket/x/y/a.png", "s3://bucket/x/y", "a.png"),
        ("file:///a.png", "file:///", "a.png"),
        ("file:///x/a.png", "file:///x", "a.png"),
    ],
)
def test_remote_paths_are_split_and_joined(path, folder, name):
    assert files.split(path) == (folder, name)
    assert files.join(folder, name) == path

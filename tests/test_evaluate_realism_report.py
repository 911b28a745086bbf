"""Figures of all fills together in runs and reports of `inpaint.evaluate`."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from inpaint.cli import main
from inpaint.evaluate import CaseId, Method, Protocol, Row, evaluate, read_rows
from inpaint.evaluate.protocol import Cases
from inpaint.evaluate.realism import Realism
from inpaint.evaluate.realism_files import RealismFiles
from inpaint.evaluate.realism_table import ALL, pooled_figures, realism_table
from inpaint.evaluate.report import write_report


def gray(case):
    return np.full_like(case.original, 127)


def mirrored(case):
    return case.original[:, ::-1].copy()


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(4):
        small = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(small).resize((48, 48)).save(folder / f"{number}.png")
    return Cases(Protocol(root=str(folder), size=48, count=4, border="any"))


def figures_of(rows, out):
    return pooled_figures(RealismFiles(out).pools(rows))


def test_figures_of_a_report_are_those_of_its_fills(cases, tmp_path):
    rows = evaluate(cases, [Method("mirrored", "1", mirrored)], tmp_path)
    realism = Realism()
    for id in cases.ids():
        if id.bucket == 3:
            case = cases.case(id)
            realism.add_arrays(case.original, case.composite(mirrored(case)), case.hole)
    found = figures_of(rows, tmp_path)
    assert found["mirrored", (3, "any")] == pytest.approx(realism.figures(), rel=1e-6)
    assert "p_ids" in found["mirrored", ALL] and "p_ids" not in found["mirrored", (3, "any")]


def test_a_stopped_run_ends_with_the_same_figures(cases, tmp_path):
    rows = evaluate(cases, [Method("m", "1", mirrored)], tmp_path / "whole")
    calls = []

    def interrupted(case):
        calls.append(case.id)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return mirrored(case)

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        evaluate(cases, [Method("m", "1", interrupted)], cut)
    # Killed after the pool was written and before the row was: the fill is made once more.
    lines = (cut / "results.csv").read_text().splitlines(keepends=True)
    (cut / "results.csv").write_text("".join(lines[:-1]))
    evaluate(cases, [Method("m", "1", interrupted)], cut)
    assert figures_of(rows, cut) == figures_of(rows, tmp_path / "whole")


def test_pools_of_other_fills_are_left_out_with_a_warning(cases, tmp_path, caplog):
    rows = evaluate(cases, [Method("a", "1", gray), Method("b", "1", gray)], tmp_path)
    for path in (tmp_path / "realism").glob("b_0.1-0.2*"):
        path.unlink()
    found = figures_of(rows, tmp_path)
    assert ("a", ALL) in found and ("b", ALL) not in found
    assert ("b", (2, "any")) in found and ("b", (1, "any")) not in found
    assert "fills of b in class 0.1-0.2: 0 fills are kept, of 4 wanted" in caplog.text
    fewer = [row for row in rows if row.case.index < 2]
    assert figures_of(fewer, tmp_path) == {}


def test_a_report_from_before_these_figures_can_be_opened_and_added_to(cases, tmp_path):
    evaluate(cases, [Method("old", "1", gray)], tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    kept = [i for i, name in enumerate(lines[0]) if name != "lpips"]
    with (tmp_path / "results.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([line[i] for i in kept] for line in lines)
    for path in (tmp_path / "realism").iterdir():
        path.unlink()
    methods = [Method("old", "1", gray), Method("new", "1", mirrored)]
    rows = evaluate(cases, methods, tmp_path)
    assert len(rows) == len(read_rows(tmp_path / "results.csv")) == 48
    page = write_report(cases, methods, rows, tmp_path, command="inpaint").read_text()
    assert "FD3" in page
    assert {method for method, _ in figures_of(rows, tmp_path)} == {"new"}


def test_files_with_unknown_columns_are_refused(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("method,picture,index,bucket,border,hole_ratio,beauty,seconds\n")
    with pytest.raises(ValueError, match=r"other columns than wanted.*: beauty, l1"):
        read_rows(path)
    path.write_text("method,picture,l1\n")
    with pytest.raises(ValueError, match=r"other columns than wanted.*border"):
        read_rows(path)


def row(method, bucket):
    return Row(method, CaseId(0, bucket, "any"), "0.png", 0.15, 0.1, {"psnr": 20.0})


def test_table_marks_what_is_closest_to_originals():
    base = {"fd2_positions": 1234, "fd3_positions": 300, "original_seam": 1.01}
    blurred = {**base, "fd2": 40.0, "fd3": 90.0, "gradient": 0.2, "seam": 0.9}
    sharp = {**base, "fd2": 4.04, "fd3": math.nan, "gradient": 1.3, "seam": 1.2}
    figures = {
        ("a", (0, "any")): blurred,
        ("b", (0, "any")): sharp,
        ("a", ALL): blurred | {"p_ids": 1.0, "u_ids": 60.0},
    }
    table = realism_table([row("a", 0), row("b", 0)], figures)
    assert table.header == ["metric", "method", "1-10 %", "all"]
    assert table.body == [
        ["FD2", "a", "40.0", "**40.0**"],
        ["", "b", "**4.0**", ""],
        ["FD3", "a", "**90.0**", "**90.0**"],
        ["", "b", "", ""],
        ["gradient energy", "a", "0.20", "**0.20**"],
        ["", "b", "**1.30**", ""],
        ["seam", "a", "**0.90**", "**0.90**"],
        ["", "b", "1.20", ""],
        ["", "original", "1.01", "1.01"],
        ["P-IDS (%)", "a", "", "**1.0**"],
        ["", "b", "", ""],
        ["U-IDS (%)", "a", "", "**60.0**"],
        ["", "b", "", ""],
        ["positions, FD2", "all", "1,234", "1,234"],
        ["positions, FD3", "all", "300", "300"],
    ]
    assert realism_table([row("a", 0)], {}) is None


def test_command_line_prints_and_keeps_the_figures(cases, tmp_path, capsys):
    arguments = ["--root", cases.protocol.root, "--size", "48", "--count", "2", "--border", "any"]
    assert main(["evaluate", *arguments, "--methods", "telea,ns", "--out", str(tmp_path)]) == 0
    assert "| FD3 | telea |" in capsys.readouterr().out
    report = (tmp_path / "report.md").read_text()
    assert "How real the fills look" in report and "plots/perception-distortion.png" in report
    with (tmp_path / "realism.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    keys = {(line["metric"], line["method"], line["bucket"]) for line in lines}
    assert {("fd3", "ns", "0.1-0.2"), ("u_ids", "ns", "all")} <= keys
    assert {line["metric"] for line in lines} >= {"fd2", "fd3", "gradient", "seam", "p_ids"}

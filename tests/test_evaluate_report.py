"""Statistics, tables, plots and pages of `inpaint.evaluate`."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from inpaint.cli import main
from inpaint.evaluate import CaseId, Method, Protocol, Row, evaluate
from inpaint.evaluate.gallery import choose_exhibits, contact_sheet, even_cases
from inpaint.evaluate.protocol import Cases
from inpaint.evaluate.report import write_report
from inpaint.evaluate.statistics import estimate, paired_differences
from inpaint.evaluate.tables import Table, main_table, paired_table, paper_table, summary_csv
from inpaint.evaluate.usage import read_usage


def row(method, index, bucket, border="any", seconds=0.1, **metrics):
    return Row(method, CaseId(index, bucket, border), f"{index}.png", 0.15, seconds, metrics)


def gray(case):
    return np.full_like(case.original, 127)


def white(case):
    return np.full_like(case.original, 255)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(3):
        small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((48, 48)).save(folder / f"{number}.png")
    return Cases(Protocol(root=str(folder), size=48, count=3, border="any"))


def test_estimate_of_equal_values_is_certain():
    found = estimate([2.0, 2.0, 2.0])
    assert (found.mean, found.low, found.high, found.count) == (2, 2, 2, 3)
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])


def test_estimate_is_close_to_the_normal_interval():
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = estimate(values)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)
    assert estimate(values) == found


def test_paired_differences_use_cases_that_both_have():
    rows = [row("a", 0, 1, psnr=30), row("a", 1, 1, psnr=20), row("b", 0, 1, psnr=29)]
    (found,) = paired_differences(rows, "psnr", "a").values()
    assert (found.mean, found.count) == (1, 1)


def test_main_table_is_laid_out_as_in_the_paper():
    rows = [
        row("ours", 0, 1, "N", psnr=28.126, l1=1.0),
        row("ours", 0, 1, "B", psnr=26.0, l1=2.0),
        row("theirs", 0, 1, "N", psnr=27.0, l1=0.9),
        row("theirs", 0, 1, "B", psnr=26.004, l1=2.5),
    ]
    assert main_table(rows).to_markdown() == (
        "| metric | method | 10-20 % N | 10-20 % B |\n"
        "| --- | --- | ---: | ---: |\n"
        "| L1 (%) | ours | 1.00 | **2.00** |\n"
        "|  | theirs | **0.90** | 2.50 |\n"
        "| PSNR (dB) | ours | **28.13** | **26.00** |\n"
        "|  | theirs | 27.00 | **26.00** |\n"
    )


def test_paired_table_marks_certain_differences():
    rows = [row("a", i, 0, psnr=30 + i) for i in range(4)]
    rows += [row("b", i, 0, psnr=29 + i) for i in range(4)]
    assert paired_table(rows).body == [["PSNR (dB)", "a − b", "**+1.00** (+1.00 to +1.00)"]]


def test_paper_table_puts_published_figures_first():
    rows = [row("ours", 0, bucket, "B", psnr=20.0, l1=3.0, ssim=0.5) for bucket in range(6)]
    table = paper_table(rows)
    assert table.header == ["metric", "method", "10-20 % B", "20-30 % B", "30-40 % B"]
    assert table.body[2:4] == [
        ["PSNR (dB)", "PConv, as published", "28.32", "25.25", "22.89"],
        ["", "ours", "20.00", "20.00", "20.00"],
    ]


def test_summary_holds_a_line_for_each_mean():
    lines = list(csv.DictReader(summary_csv([row("a", i, 2, "B", l1=i) for i in (1, 3)]).split()))
    assert len(lines) == 1
    assert {key: lines[0][key] for key in ("metric", "bucket", "border", "pictures", "mean")} == {
        "metric": "l1", "bucket": "0.2-0.3", "border": "B", "pictures": "2", "mean": "2",
    }  # fmt: skip


def test_html_tables_escape_and_embolden():
    text = Table(["<method>"], [["**a & b**"]]).to_html()
    assert "<th>&lt;method&gt;</th>" in text
    assert "<td><b>a &amp; b</b></td>" in text


def test_exhibits_are_best_median_and_worst():
    rows = [row("a", index, 0, psnr=value) for index, value in enumerate((20.0, 40.0, 30.0))]
    exhibits = choose_exhibits(rows, "a", "psnr")
    assert [exhibit.case.index for exhibit in exhibits] == [1, 2, 0]
    assert exhibits[2].label == "1-10 %, worst: PSNR (dB) 20.00"
    assert len(choose_exhibits(rows[:1], "a", "psnr")) == 1
    with pytest.raises(ValueError, match="no lpips was measured of a"):
        choose_exhibits(rows, "a", "lpips")


def test_report_is_one_file_that_needs_nothing_else(cases, tmp_path):
    methods = [Method("gray", "1", gray), Method("<white>", "1", white)]
    rows = evaluate(cases, methods, tmp_path)
    tables = tmp_path / "docs" / "results.md"
    page = write_report(
        cases, methods, rows, tmp_path, command="inpaint", paper=True, markdown=tables
    ).read_text()
    assert "28.32" in tables.read_text() and "plots/" not in tables.read_text()
    assert not re.findall(r"""(?:src|href)=['"](?!data:image/)""", page)
    assert "http" not in page
    assert page.count("data:image/jpeg") == 6 * 3 * (2 + len(methods))  # classes, picks, pictures
    assert page.count("data:image/png") == 6  # a plot for each metric, and perception
    assert "&lt;white&gt;" in page and "<white>" not in page
    report = (tmp_path / "report.md").read_text()
    assert "28.32" in report and "gray − <white>" in report
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == sorted(
        f"{name}.png" for name in ("l1", "psnr", "ssim", "mae", "vgg", "perception-distortion")
    )


def test_usage_counts_what_was_made(cases, tmp_path):
    evaluate(cases, [Method("gray", "1", gray)], tmp_path)
    evaluate(cases, [Method("gray", "1", gray)], tmp_path)  # nothing is left to do
    (usage,) = read_usage(tmp_path)
    assert usage.results == 18
    assert usage.seconds >= 0 and usage.peak_mb >= 0


def test_even_cases_take_classes_in_turn_and_spread_pictures(cases):
    ids = even_cases(cases, 6)
    assert [id.bucket for id in ids] == [0, 1, 2, 3, 4, 5]
    assert {id.index for id in ids} == {0, 1, 2}


def test_contact_sheet_shows_hole_result_and_original(cases):
    ids = even_cases(cases, 2)
    sheet = contact_sheet(cases, [Method("gray", "1", gray)], ids)
    case = cases.case(ids[0])
    assert sheet.shape == (16 + 2 * 52, 3 * 48 + 2 * 4, 3)
    np.testing.assert_array_equal(sheet[16:64, :48][case.hole], 255)
    np.testing.assert_array_equal(sheet[16:64, 52:100][case.hole], 127)
    np.testing.assert_array_equal(sheet[16:64, 104:152], case.original)


def test_command_line_writes_a_contact_sheet(cases, tmp_path):
    arguments = ["--root", cases.protocol.root, "--size", "48", "--border", "any", "--count", "3"]
    sheet = tmp_path / "sheets" / "sheet.jpg"
    options = ["--methods", "telea", "--sheet", str(sheet), "--sheet-rows", "9"]
    assert main(["evaluate", *arguments, *options]) == 0
    with Image.open(sheet) as picture:
        assert picture.size == (2 * 152 + 16, 16 + 5 * 52)

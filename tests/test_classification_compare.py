import csv
import json

import pytest
from accelerate.state import AcceleratorState
from labelled import write_tar, write_tree

from inpaint.classification import compare as comparison
from inpaint.classification.compare import Result
from inpaint.classification.report import (
    cross_table,
    main_table,
    paired_table,
    paired_test,
    results_csv,
    write_report,
)
from inpaint.classification.train import ClassifierRun
from inpaint.cli import main

# The paper's VGG19_bn: averages of the published table, over two invented runs.
RESULTS = [
    Result("net", padding, run, run, score, 90.0, score - 1, 3, 0.5, {padding: score, "zero": 50.0})
    for run, scores in ((1, (70.0, 71.0, 69.5)), (2, (72.0, 72.5, 72.5)), (3, (71.0, 72.0, 71.0)))
    for padding, score in zip(("zero", "partial", "reflect"), scores, strict=True)
]


@pytest.fixture(autouse=True)
def no_precision_of_an_earlier_run():
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_the_table_has_the_papers_columns():
    table = main_table(RESULTS)
    assert table.header == ["network", "1_best", "2_best", "3_best", "average", "diff", "stdev"]
    assert table.body[0] == ["net_zero", "70.000", "72.000", "71.000", "71.000", "+0.000", "1.000"]
    assert table.body[1][4:] == ["71.833", "+0.833", "0.764"]


def test_an_unfinished_comparison_has_empty_cells_and_pairs_what_is_there():
    table = main_table(RESULTS[:5])
    assert table.body[2] == ["net_reflect", "69.500", "", "69.500", "-1.500", ""]
    assert paired_test(RESULTS[:5], "partial").runs == 2
    assert paired_test(RESULTS[:5], "reflect").t_test is None
    assert len(paired_table(RESULTS[:1]).body) == 0


def test_the_paired_tests_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    found = paired_test(RESULTS, "partial")
    ours, zero = [71.0, 72.5, 72.0], [70.0, 72.0, 71.0]
    assert found.difference == pytest.approx(0.8333, abs=1e-4)
    assert found.t_test == pytest.approx(stats.ttest_rel(ours, zero).pvalue)
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(ours, zero).pvalue)


def test_equal_runs_have_no_p_value():
    twins = [Result("net", p, r, r, 70.0, 90, 70, 1, 0, {}) for r in (1, 2) for p in ("zero", "a")]
    assert paired_test(twins, "a").t_test is None


def test_the_cross_table_and_the_csv_have_every_run():
    assert cross_table(RESULTS).body[1] == ["partial", "50.000", "71.833", ""]
    rows = list(csv.DictReader(results_csv(RESULTS).splitlines()))
    assert len(rows) == 9
    assert rows[1]["padding"] == "partial"
    assert float(rows[1]["tested_with_partial"]) == 71.0


def test_the_report_holds_its_command_and_a_chart(tmp_path):
    text = write_report(RESULTS, tmp_path, command="inpaint padding compare ...")
    assert (tmp_path / "table.md").read_text() == text
    assert "inpaint padding compare ..." in text
    assert "9 runs of 3 epochs, 4.5 hours" in text
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def tar(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return write_tar(write_tree(root / "tree", count=20), root / "pictures.tar")


def options(tar, out, *more):
    return ["padding", "compare", "--arch", "resnet10_small", "--paddings", "zero,partial",
            "--runs", "2", "--data", str(tar), "--out", str(out), "--epochs", "2", "--size", "32",
            "--batch-size", "8", "--lr", "0.02", "--workers", "0", "--precision", "fp32",
            "--val-share", "0.3", *more]  # fmt: skip


def test_a_killed_comparison_goes_on_where_it_stopped(tar, tmp_path, monkeypatch, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(options(tar, whole)) == 0
    table = capsys.readouterr().out
    assert "resnet10_small_partial" in table

    trained, evaluate = [], ClassifierRun.evaluate

    def stop_once(self):
        trained.append((self.config.padding, self.config.prefix))
        if len(trained) == 6:  # in the second epoch of the second run
            raise KeyboardInterrupt
        return evaluate(self)

    monkeypatch.setattr(ClassifierRun, "evaluate", stop_once)
    assert main(options(tar, parts)) == 130
    assert [path.name for path in sorted(parts.glob("*-*.json"))] == ["zero-1.json"]
    assert main(options(tar, parts)) == 0
    for padding in ("zero", "partial"):
        for run in (1, 2):
            ours, theirs = (
                json.loads((out / f"{padding}-{run}.json").read_text()) for out in (parts, whole)
            )
            del ours["hours"], theirs["hours"]
            assert ours == theirs
    # Two epochs and a cross-test each; one epoch was taken twice.
    assert len(trained) == 4 * 3 + 1


def test_other_settings_in_the_same_folder_are_refused(tar, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(comparison, "open_data", lambda config: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(options(tar, tmp_path))
    assert main(options(tar, tmp_path, "--epochs", "3")) == 2
    assert "holds a comparison with epochs 2, now it is 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong, message",
    [
        (["--paddings", "zero,circular"], "some of zero, partial, reflect, replicate, each once"),
        (["--arch", "pdresnet18"], "give 'resnet18'"),
        (["--runs", "0"], "runs must be 1 or more"),
        (["--arch", "resnet11"], "unknown architecture 'resnet11'"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_bad_options_are_one_line(tar, tmp_path, capsys, wrong, message):
    assert main(options(tar, tmp_path, *wrong)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("inpaint padding: ")
    assert message in line

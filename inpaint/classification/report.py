"""What a comparison of paddings found: the paper's table, tests, a chart and a CSV file."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from inpaint.classification.compare import Result
from inpaint.evaluate.tables import Table
from inpaint.utils.files import atomic_path

_BASE = "zero"  # differences are to this padding, or else to the first
# Okabe and Ito's colours, which people of all kinds of colour vision can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


@dataclass(frozen=True)
class PairedTest:
    """Whether a padding differs from zero padding, over the runs that both have."""

    difference: float  # mean of top-1, points
    runs: int
    t_test: float | None  # two-sided p-values; None for too few runs, or without scipy
    wilcoxon: float | None


def write_report(results: Sequence[Result], out: Path, *, command: str) -> str:
    """Write `table.md`, `results.csv` and, with matplotlib, `chart.png`; returns the first.

    command: what made the results, for the reader to repeat.
    """
    hours = sum(result.hours for result in results)
    text = (
        f"`{command}`\n\n{len(results)} runs of {results[0].epochs} epochs, {hours:.3g} hours in "
        f"all. Best top-1 of each run, in %; diff is the average's difference to "
        f"{base_of(results)} padding, stdev the standard deviation over the runs.\n\n"
        f"{main_table(results).to_markdown()}\n"
        f"{_tests(results)}"
        "Trained with one padding (rows) and tested with another (columns), without fine-tuning; "
        "top-1 averages:\n\n"
        f"{cross_table(results).to_markdown()}"
    )
    files = {"table.md": text.encode(), "results.csv": results_csv(results).encode()}
    with suppress(ImportError):  # the table says it all; the extra `evaluate` adds the image
        files["chart.png"] = chart(results)
    for name, data in files.items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(data)
    return text


def _tests(results: Sequence[Result]) -> str:
    table = paired_table(results)
    return f"Paired by run, two-sided:\n\n{table.to_markdown()}\n" if table.body else ""


def main_table(results: Sequence[Result]) -> Table:
    """The table of arXiv:1811.11718: a row for each padding, the best top-1 of each run."""
    runs = sorted({result.run for result in results})
    header = ["network", *(f"{run}_best" for run in runs), "average", "diff", "stdev"]
    base = mean(_scores(results, base_of(results)).values())
    body = []
    for padding in _paddings(results):
        scores = _scores(results, padding)
        cells = [f"{scores[run]:.3f}" if run in scores else "" for run in runs]
        average = mean(scores.values())
        spread = f"{stdev(scores.values()):.3f}" if len(scores) > 1 else ""
        name = f"{results[0].arch}_{padding}"
        body.append([name, *cells, f"{average:.3f}", f"{average - base:+.3f}", spread])
    return Table(header, body, labels=1)


def paired_table(results: Sequence[Result]) -> Table:
    """The paired tests of each padding against zero padding."""
    body = []
    for padding in _paddings(results):
        if padding == base_of(results):
            continue
        test = paired_test(results, padding)
        if test is not None:
            p = ["" if p is None else f"{p:.4f}" for p in (test.t_test, test.wilcoxon)]
            body.append([padding, str(test.runs), f"{test.difference:+.3f}", *p])
    header = ["padding", "pairs", f"difference to {base_of(results)}", "p (t-test)", "p (Wilcoxon)"]
    return Table(header, body, labels=1)


def paired_test(results: Sequence[Result], padding: str) -> PairedTest | None:
    """`padding` against zero padding; None when no run has both."""
    ours, theirs = _scores(results, padding), _scores(results, base_of(results))
    differences = [ours[run] - theirs[run] for run in ours.keys() & theirs.keys()]
    if not differences:
        return None
    return PairedTest(mean(differences), len(differences), *_p_values(differences))


def cross_table(results: Sequence[Result]) -> Table:
    """Top-1 averages by the padding in training and the padding in the test."""
    columns = _paddings(results)
    body = []
    for padding in columns:
        own = [result.crossed for result in results if result.padding == padding]
        cells = [[crossed[c] for crossed in own if c in crossed] for c in columns]
        body.append([padding, *(f"{mean(cell):.3f}" if cell else "" for cell in cells)])
    return Table(["trained with", *columns], body, labels=1)


def results_csv(results: Sequence[Result]) -> str:
    """A line for each run."""
    columns = _paddings(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["arch", "padding", "run", "seed", "best_top1", "best_top5", "last_top1", "epochs",
             "hours"]  # fmt: skip
    writer.writerow([*names, *(f"tested_with_{column}" for column in columns)])
    for result in results:
        values = [getattr(result, name) for name in names]
        crossed = [result.crossed.get(column, "") for column in columns]
        writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in [*values, *crossed]])
    return text.getvalue()


def chart(results: Sequence[Result]) -> bytes:
    """A PNG file: the average of each padding as a bar, its standard deviation, and its runs.

    Raises ImportError when matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 1.1 * len(_paddings(results)), 4), layout="constrained")
    axes = figure.subplots()
    for place, padding in enumerate(_paddings(results)):
        scores = list(_scores(results, padding).values())
        spread = stdev(scores) if len(scores) > 1 else None
        axes.bar(place, mean(scores), yerr=spread, capsize=4, alpha=0.7,
                 color=_COLOURS[place % len(_COLOURS)])  # fmt: skip
        axes.plot([place] * len(scores), scores, "k.", markersize=4)
    values = [result.best_top1 for result in results]
    margin = max(0.5, max(values) - min(values))
    axes.set_ylim(max(0, min(values) - margin), max(values) + margin / 2)  # bars cut off below
    axes.set_xticks(range(len(_paddings(results))), _paddings(results))
    axes.set(ylabel="best top-1, %", title=results[0].arch)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()


def base_of(results: Sequence[Result]) -> str:
    """The padding that differences are to."""
    return _BASE if _BASE in _paddings(results) else _paddings(results)[0]


def _p_values(differences: Sequence[float]) -> tuple[float | None, float | None]:
    """Two-sided p-values of the paired t-test and of Wilcoxon's signed-rank test."""
    if len(differences) < 2 or not any(differences):
        return None, None
    try:
        from scipy import stats
    except ImportError:
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few runs, ties and equal differences
        found = stats.ttest_1samp(differences, 0).pvalue, stats.wilcoxon(differences).pvalue
    t_test, wilcoxon = (None if math.isnan(p) else float(p) for p in found)
    return t_test, wilcoxon


def _scores(results: Sequence[Result], padding: str) -> dict[int, float]:
    """Best top-1 by run."""
    return {result.run: result.best_top1 for result in results if result.padding == padding}


def _paddings(results: Sequence[Result]) -> list[str]:
    """The paddings that occur, in order."""
    return list(dict.fromkeys(result.padding for result in results))

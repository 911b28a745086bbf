"""The report of an evaluation: Markdown, CSV, plots, and one HTML file that holds everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.gallery import choose_exhibits
from inpaint.evaluate.inception import inception_table
from inpaint.evaluate.methods import Method
from inpaint.evaluate.page import Figure, html_page, image_rows
from inpaint.evaluate.paper import PAPER_NOTE
from inpaint.evaluate.plots import plot_metrics, plot_perception
from inpaint.evaluate.protocol import Cases
from inpaint.evaluate.realism_files import RealismFiles
from inpaint.evaluate.realism_table import (
    POOLED,
    Figures,
    pooled_figures,
    realism_csv,
    realism_table,
)
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import methods_of
from inpaint.evaluate.tables import (
    Table,
    interval_table,
    main_table,
    paired_table,
    paper_table,
    speed_table,
    summary_csv,
)
from inpaint.evaluate.usage import read_usage
from inpaint.utils.files import atomic_path

Section = tuple[str, str, Table | None]  # title, text, table


def write_report(
    cases: Cases,
    methods: Sequence[Method],
    rows: Sequence[Row],
    out: Path,
    *,
    figures: Figures | None = None,
    command: str,
    paper: bool = False,
    judge: str = "psnr",
    notes: Sequence[str] = (),
    markdown: Path | None = None,
) -> Path:
    """Write the report of `rows` into `out` and return the path of its HTML file.

    Files: `report.md`, `summary.csv`, `realism.csv`, `plots/NAME.png`, `report.html`.

    figures: of all fills together; None takes those of `out/realism/`.
    command: the command line that makes it. paper: put the published figures beside.
    judge: the metric that chooses the best, median and worst image of the first method.
    notes: lines of text, such as which metrics are left out.
    markdown: one more place for the tables, without the plots.

    Raises ValueError for no rows, RuntimeError when matplotlib is not installed.
    """
    if not rows:
        raise ValueError("nothing was evaluated, so there is nothing to report")
    if figures is None:
        figures = pooled_figures(RealismFiles(out).pools(rows))
    sections = report_sections(rows, figures, cases.protocol.to_dict(), out, command, paper, notes)
    plots = plot_metrics(rows) | plot_perception(rows, figures)
    (out / "plots").mkdir(exist_ok=True)
    for name, data in plots.items():
        (out / "plots" / f"{name}.png").write_bytes(data)
    _write(out / "summary.csv", summary_csv(rows))
    _write(out / "realism.csv", realism_csv(figures))
    _write(out / "report.md", _markdown(sections, list(plots)))
    if markdown is not None:
        _write(markdown, _markdown(sections, []))
    exhibits = choose_exhibits(rows, methods[0].name, judge)
    shown = [Figure(f"{name}.png", data) for name, data in plots.items()]
    _write(out / "report.html", html_page(sections, shown, image_rows(cases, methods, exhibits)))
    return out / "report.html"


def report_sections(
    rows: Sequence[Row],
    figures: Figures,
    protocol: dict[str, Any],
    out: Path,
    command: str,
    paper: bool,
    notes: Sequence[str],
) -> list[Section]:
    """What the report says, in order."""
    pictures = len({row.case.index for row in rows})
    settings = ", ".join(f"{key} {value}" for key, value in protocol.items() if value is not None)
    intro = (
        f"{pictures} pictures, {len({row.case for row in rows})} holes; every method fills the "
        "same holes, and its result is pasted into the original and rounded to 8 bits. N: holes "
        "that keep away from the border; B: holes that reach it. Means over pictures; the best of "
        f"each class in bold.\n\nMade by `{command}`\n\nSettings: {settings}."
    )
    sections: list[Section] = [("Results", intro, main_table(rows))]
    if (table := realism_table(rows, figures)) is not None:
        text = "Figures of all fills of a class together, against their originals."
        sections.append(("How real the fills look", text, table))
    if paper:
        sections.append(("Next to the paper", PAPER_NOTE, paper_table(rows)))
    text = "From 2,000 bootstrap resamples of the pictures."
    if len(methods_of(rows)) > 1:
        title = "Differences on the same holes, with 95 % intervals"
        sections.append((title, f"{text} Bold where 0 lies outside.", paired_table(rows)))
    sections.append(("95 % intervals of the means", text, interval_table(rows)))
    if (table := inception_table(rows, out)) is not None:
        text = "Of all composites of a method together, against the originals."
        sections.append(("FID and inception score", text, table))
    sections.append(("Time", _usage_text(out), speed_table(rows)))
    sections.append(("What is measured", _definitions(rows, figures, notes), None))
    return sections


def _markdown(sections: Sequence[Section], plots: Sequence[str]) -> str:
    parts = ["# Evaluation\n"]
    for title, text, table in sections:
        parts += [f"## {title}\n", f"{text}\n", table.to_markdown() if table else ""]
    parts += ["## Plots\n"] if plots else []
    parts += [f"![{name}](plots/{name}.png)\n" for name in plots]
    return "\n".join(part for part in parts if part)


def _usage_text(out: Path) -> str:
    runs = read_usage(out)
    if not runs:
        return ""
    results, seconds = sum(run.results for run in runs), sum(run.seconds for run in runs)
    peak = max(run.peak_mb for run in runs)
    memory = f"; the process took at most {peak:,.0f} MB of memory" if peak else ""
    rate = f"{1000 * seconds / results:,.0f} s for a thousand"
    return f"{results:,} results were made and measured in {seconds:,.0f} s, {rate}{memory}."


def _definitions(rows: Sequence[Row], figures: Figures, notes: Sequence[str]) -> str:
    lines = [
        f"{info.title}: {info.definition}"
        for name, info in METRICS.items()
        if any(name in row.metrics for row in rows)
    ]
    lines += [f"{info.title}: {info.definition}" for info in POOLED.values() if figures]
    known = "x is the original and y the composite, RGB in [0, 1]; each picture by itself."
    return known + "\n\n" + "\n".join(f"- {line}" for line in [*lines, *notes])


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""Results as tables, laid out as table 1 of arXiv:1804.07723: methods by hole-ratio buckets."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.paper import PAPER, PAPER_NAME
from inpaint.evaluate.protocol import bucket_name
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import (
    Column,
    Estimate,
    columns_of,
    estimates,
    methods_of,
    paired_differences,
)


@dataclass(frozen=True)
class Table:
    """Cells of text; `**bold**` is bold. The first `labels` columns are words, not numbers."""

    header: list[str]
    body: list[list[str]]
    labels: int = 2

    def to_markdown(self) -> str:
        """GitHub's pipe table."""
        rule = ["---"] * self.labels + ["---:"] * (len(self.header) - self.labels)
        lines = [self.header, rule, *self.body]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def to_html(self) -> str:
        """A `table` element with everything escaped."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        body = "".join(f"<tr>{''.join(map(_html_cell, cells))}</tr>\n" for cells in self.body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"


def main_table(rows: Sequence[Row]) -> Table:
    """Means of all metrics that were measured, the best method of each class in bold."""

    def cells(metric: str, found: Mapping[tuple[str, Column], Estimate], method: str) -> list[str]:
        info = METRICS[metric]
        texts = []
        for column in columns_of(rows):
            own = [e.mean for (_, place), e in found.items() if place == column]
            best = (max if info.rising else min)(own, default=0.0)
            text = _number(found.get((method, column)), info.digits)
            texts.append(f"**{text}**" if text == f"{best:.{info.digits}f}" else text)
        return texts

    return _by_metric(rows, methods_of(rows), lambda metric: estimates(rows, metric), cells)


def interval_table(rows: Sequence[Row]) -> Table:
    """Bootstrap 95 % intervals of the means."""

    def cells(metric: str, found: Mapping[tuple[str, Column], Estimate], method: str) -> list[str]:
        digits = METRICS[metric].digits
        return [_interval(found.get((method, column)), digits) for column in columns_of(rows)]

    return _by_metric(rows, methods_of(rows), lambda metric: estimates(rows, metric), cells)


def paired_table(rows: Sequence[Row]) -> Table:
    """The first method minus each other one, with intervals; bold where 0 lies outside."""
    first, *others = methods_of(rows)

    def cells(metric: str, found: Mapping[tuple[str, Column], Estimate], method: str) -> list[str]:
        digits = METRICS[metric].digits
        return [_difference(found.get((method, column)), digits) for column in columns_of(rows)]

    names = {other: f"{first} − {other}" for other in others}
    table = _by_metric(rows, others, lambda metric: paired_differences(rows, metric, first), cells)
    body = [[row[0], names[row[1]], *row[2:]] for row in table.body]
    return Table(table.header, body)


def paper_table(rows: Sequence[Row]) -> Table:
    """The classes and metrics the paper's figures are known for, with border or mixed."""
    columns = [c for c in columns_of(rows) if c[1] != "N" and c[0] in PAPER["psnr"]]
    body = []
    for metric, known in PAPER.items():
        digits = METRICS[metric].digits
        found = estimates(rows, metric)
        cells = [f"{known[bucket]:.{digits}f}" for bucket, _ in columns]
        body.append([METRICS[metric].title, PAPER_NAME, *cells])
        for method in methods_of(rows):
            cells = [_number(found.get((method, column)), digits) for column in columns]
            body.append(["", method, *cells])
    return Table(["metric", "method", *map(column_title, columns)], body)


def speed_table(rows: Sequence[Row]) -> Table:
    """Mean and longest time of each method to fill one hole."""
    body = []
    for method in methods_of(rows):
        times = [row.seconds for row in rows if row.method == method]
        body.append(
            [method, str(len(times)), f"{sum(times) / len(times):.3g}", f"{max(times):.3g}"]
        )
    return Table(["method", "holes", "mean (s)", "longest (s)"], body, labels=1)


def summary_csv(rows: Sequence[Row]) -> str:
    """A line for each metric, method and class: images, mean, low, high."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["metric", "method", "bucket", "border", "pictures", "mean", "low", "high"])
    for metric in METRICS:
        for (method, (bucket, border)), e in estimates(rows, metric).items():
            numbers = [f"{value:.6g}" for value in (e.mean, e.low, e.high)]
            writer.writerow([metric, method, bucket_name(bucket), border, e.count, *numbers])
    return text.getvalue()


def column_title(column: Column) -> str:
    """Such as `10-20 % B`."""
    low, high = (float(bound) * 100 for bound in bucket_name(column[0]).split("-"))
    border = "" if column[1] == "any" else f" {column[1]}"
    return f"{low:g}-{high:g} %{border}"


def _by_metric(
    rows: Sequence[Row],
    methods: Sequence[str],
    find: Callable[[str], Mapping[tuple[str, Column], Estimate]],
    cells: Callable[[str, Mapping[tuple[str, Column], Estimate], str], list[str]],
) -> Table:
    """Rows for each metric that was measured, and in it for each method."""
    body = []
    for metric, info in METRICS.items():
        found = find(metric)
        measured = [method for method in methods if any(key[0] == method for key in found)]
        for method in measured:
            title = info.title if method == measured[0] else ""
            body.append([title, method, *cells(metric, found, method)])
    return Table(["metric", "method", *map(column_title, columns_of(rows))], body)


def _number(found: Estimate | None, digits: int) -> str:
    return "" if found is None else f"{found.mean:.{digits}f}"


def _interval(found: Estimate | None, digits: int) -> str:
    return "" if found is None else f"{found.low:.{digits}f} to {found.high:.{digits}f}"


def _difference(found: Estimate | None, digits: int) -> str:
    if found is None:
        return ""
    mean = f"{found.mean:+.{digits}f}"
    mean = f"**{mean}**" if found.low > 0 or found.high < 0 else mean
    return f"{mean} ({found.low:+.{digits}f} to {found.high:+.{digits}f})"


def _html_cell(text: str) -> str:
    bold = re.sub(r"[*]{2}(.+?)[*]{2}", r"<b>\1</b>", html.escape(text))
    return f"<td>{bold}</td>"

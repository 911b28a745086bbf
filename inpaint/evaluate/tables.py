"""Results as tables, laid out as table 1 of arXiv:1804.07723: methods by hole-ratio buckets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inpaint.evaluate.metrics import METRICS
from inpaint.evaluate.protocol import bucket_name
from inpaint.evaluate.results import Row

Column = tuple[int, str]  # bucket and border class


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The classes that occur, by bucket, then N before B."""
    return sorted({(row.case.bucket, row.case.border) for row in rows}, key=_order)


def column_title(column: Column) -> str:
    """Such as `10-20 % B`."""
    low, high = (float(bound) * 100 for bound in bucket_name(column[0]).split("-"))
    border = "" if column[1] == "any" else f" {column[1]}"
    return f"{low:g}-{high:g} %{border}"


def means(rows: Sequence[Row], metric: str) -> dict[tuple[str, Column], float]:
    """Mean of a metric over pictures by method and column; absent where nothing was measured."""
    values: dict[tuple[str, Column], list[float]] = {}
    for row in rows:
        if metric in row.metrics:
            key = (row.method, (row.case.bucket, row.case.border))
            values.setdefault(key, []).append(row.metrics[metric])
    return {key: float(np.mean(found)) for key, found in values.items()}


def markdown_table(rows: Sequence[Row]) -> str:
    """All metrics that were measured, the best method of each column in bold."""
    columns = columns_of(rows)
    methods = list(dict.fromkeys(row.method for row in rows))
    lines = ["| metric | method | " + " | ".join(map(column_title, columns)) + " |"]
    lines.append("|---|---|" + "---:|" * len(columns))
    for metric, info in METRICS.items():
        found = means(rows, metric)
        for method in methods:
            cells = []
            for column in columns:
                best = best_value(found, methods, column, rising=info.rising)
                cells.append(_cell(found.get((method, column)), best, info.digits))
            if any(cells):
                title = info.title if method == methods[0] else ""
                lines.append(f"| {title} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def best_value(
    found: dict[tuple[str, Column], float], methods: Sequence[str], column: Column, *, rising: bool
) -> float | None:
    """The best mean of a column, None when there is none."""
    values = [found[method, column] for method in methods if (method, column) in found]
    return (max(values) if rising else min(values)) if values else None


def _cell(value: float | None, best: float | None, digits: int) -> str:
    if value is None or best is None:
        return ""
    text = f"{value:.{digits}f}"
    return f"**{text}**" if text == f"{best:.{digits}f}" else text


def _order(column: Column) -> tuple[int, bool]:
    return column[0], column[1] == "B"

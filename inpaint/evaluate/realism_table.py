"""Figures of all fills of a class together, as a table and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inpaint.evaluate.protocol import bucket_name
from inpaint.evaluate.realism import RealismPool
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import Column, columns_of, methods_of
from inpaint.evaluate.tables import Table, column_title

ALL: Column = (-1, "all")  # in place of a class: all of them together


@dataclass(frozen=True)
class PooledInfo:
    """A figure of many fills together, its definition and how it is shown."""

    title: str
    digits: int  # after the decimal point
    best: float  # what originals have; the closer the better
    definition: str


POOLED = {
    "fd2": PooledInfo(
        "FD2", 1, 0,
        "Fréchet distance, as in FID, of VGG-16's relu2_2 of all fills to that of all originals, "
        "divided by 300 (the authors' weights), at the positions in the hole: those of which at "
        "least half of the 2x2 pixels are hole. VGG sees the composite. Biased upwards by few "
        "positions, the same way for all methods.",
    ),
    "fd3": PooledInfo(
        "FD3", 1, 0,
        "the same of relu3_3, divided by 280, at positions of 4x4 pixels.",
    ),
    "gradient": PooledInfo(
        "gradient energy", 2, 1,
        "sum over all fills of the squared differences of neighbouring gray pixels (BT.601, "
        "horizontal and vertical pairs with both pixels in the hole), over that of the originals: "
        "below 1 is blur.",
    ),
    "seam": PooledInfo(
        "seam", 2, 1,
        "mean absolute difference of the gray pixel pairs with one pixel in the hole, over that "
        "of the pairs that continue them by one pixel to either side; above 1 the hole's boundary "
        "shows as an edge.",
    ),
    "p_ids": PooledInfo(
        "P-IDS (%)", 1, 50,
        "share of the pairs whose fill looks more real than its original to a linear SVM on "
        "VGG-16 features (relu1_2, relu2_2, relu3_3, means over the hole), as in "
        "arXiv:2103.10428, but for pictures that it has not learnt from (10 folds); 50 is best.",
    ),
    "u_ids": PooledInfo(
        "U-IDS (%)", 1, 50,
        "share of the fills and originals that this SVM takes for the other kind.",
    ),
}  # fmt: skip

Figures = dict[tuple[str, Column], dict[str, float]]  # by method and class, then name


def pooled_figures(pools: Mapping[tuple[str, Column], RealismPool]) -> Figures:
    """Figures of each pool and, under ALL, of all classes of a method, with IDS only there.

    A method lacks those of ALL when one of its classes is missing.
    """
    found: Figures = {key: pool.figures() for key, pool in pools.items()}
    columns = {column for _, column in pools}
    for method in dict.fromkeys(method for method, _ in pools):
        own = [pool for (name, _), pool in pools.items() if name == method]
        if len(own) == len(columns):
            total = RealismPool()
            for pool in own:
                total.merge(pool)
            found[method, ALL] = total.figures() | total.discriminative_scores()
    return found


def realism_table(rows: Sequence[Row], figures: Figures) -> Table | None:
    """Figures by method and class, the one closest to the best in bold; None without figures."""
    if not figures:
        return None
    columns = [*columns_of(rows), ALL]
    methods = [name for name in methods_of(rows) if any(key[0] == name for key in figures)]
    body = []
    for metric, info in POOLED.items():
        found = {key: own[metric] for key, own in figures.items() if metric in own}
        for method in methods:
            title = info.title if method == methods[0] else ""
            cells = [_cell(found, method, column, info) for column in columns]
            body.append([title, method, *cells])
        if metric == "seam":
            body.append(["", "original", *_shared(figures, columns, "original_seam", ".2f")])
    for level in ("fd2", "fd3"):
        cells = _shared(figures, columns, f"{level}_positions", ",d")
        body.append([f"positions, {POOLED[level].title}", "all", *cells])
    titles = [column_title(column) for column in columns[:-1]]
    return Table(["metric", "method", *titles, "all"], body)


def realism_csv(figures: Figures) -> str:
    """A line for each figure of each method and class; `all` is all classes together."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["metric", "method", "bucket", "border", "value"])
    for (method, column), own in figures.items():
        bucket = "all" if column == ALL else bucket_name(column[0])
        for name, value in own.items():
            writer.writerow([name, method, bucket, column[1], f"{value:.6g}"])
    return text.getvalue()


def _cell(
    found: Mapping[tuple[str, Column], float], method: str, column: Column, info: PooledInfo
) -> str:
    """A figure as text, bold where none of the column is closer to the best."""
    known = [v for (_, place), v in found.items() if place == column and not math.isnan(v)]
    value = found.get((method, column), math.nan)
    if math.isnan(value):
        return ""
    text = f"{value:.{info.digits}f}"
    closest = min(known, key=lambda v: abs(v - info.best))
    return f"**{text}**" if text == f"{closest:.{info.digits}f}" else text


def _shared(figures: Figures, columns: Sequence[Column], name: str, style: str) -> list[str]:
    """A number that is the same for all methods, by class."""
    values = [
        next((own[name] for (_, place), own in figures.items() if place == column), math.nan)
        for column in columns
    ]
    return ["" if math.isnan(value) else format(value, style) for value in values]

"""How sure the means are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inpaint.evaluate.results import Row

Column = tuple[int, str]  # bucket and border class

_RESAMPLES = 2000
_CHUNK = 1 << 22  # drawn numbers held at once, 32 MB


@dataclass(frozen=True)
class Estimate:
    """A mean over images with its bootstrap 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


def estimate(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Mean of `values` and the 2.5 and 97.5 percentiles of the means of 2,000 resamples.

    The same values and seed give the same interval. Raises ValueError for no values.
    """
    if len(values) == 0:
        raise ValueError("an estimate needs at least one value, got none")
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(array))
    parts = [
        array[rng.integers(len(array), size=(min(step, _RESAMPLES - start), len(array)))].mean(1)
        for start in range(0, _RESAMPLES, step)
    ]
    low, high = np.percentile(np.concatenate(parts), [2.5, 97.5])
    return Estimate(float(array.mean()), float(low), float(high), len(array))


def estimates(rows: Sequence[Row], metric: str) -> dict[tuple[str, Column], Estimate]:
    """Estimates of a metric by method and class; absent where nothing was measured."""
    values: dict[tuple[str, Column], list[float]] = {}
    for row in rows:
        if metric in row.metrics:
            values.setdefault((row.method, column_of(row)), []).append(row.metrics[metric])
    return {key: estimate(found) for key, found in values.items()}


def paired_differences(
    rows: Sequence[Row], metric: str, first: str
) -> dict[tuple[str, Column], Estimate]:
    """Estimates of `first` minus each other method, over the cases that both have.

    Images differ far more than methods, so these intervals are much narrower than those of the
    methods' own means.
    """
    reference = {row.case: row.metrics[metric] for row in rows
                 if row.method == first and metric in row.metrics}  # fmt: skip
    values: dict[tuple[str, Column], list[float]] = {}
    for row in rows:
        if row.method != first and metric in row.metrics and row.case in reference:
            difference = reference[row.case] - row.metrics[metric]
            values.setdefault((row.method, column_of(row)), []).append(difference)
    return {key: estimate(found) for key, found in values.items()}


def column_of(row: Row) -> Column:
    """The class of a row."""
    return row.case.bucket, row.case.border


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The classes that occur, by bucket, then N before B."""
    return sorted(set(map(column_of, rows)), key=lambda column: (column[0], column[1] == "B"))


def methods_of(rows: Sequence[Row]) -> list[str]:
    """The methods that occur, in order."""
    return list(dict.fromkeys(row.method for row in rows))

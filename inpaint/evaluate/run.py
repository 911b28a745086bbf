"""The evaluation itself: every method on every case, and on with it where it was stopped."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from inpaint.evaluate.inception import InceptionFiles
from inpaint.evaluate.methods import Method
from inpaint.evaluate.metrics import Metrics
from inpaint.evaluate.protocol import Case, Cases, case_settings
from inpaint.evaluate.realism_files import RealismFiles
from inpaint.evaluate.results import ResultsFile, Row, check_settings, read_rows
from inpaint.evaluate.usage import Usage, peak_memory, save_usage
from inpaint.images import ImageError

logger = logging.getLogger(__name__)


def evaluate(
    cases: Cases,
    methods: Sequence[Method],
    out: Path,
    *,
    metrics: Metrics | None = None,
    inception: InceptionFiles | None = None,
    progress: bool = False,
) -> list[Row]:
    """The results of all methods on all cases, also kept in `out/results.csv`.

    `out/realism/` takes what figures of many fills together are made of, see RealismFiles.
    Results that lie there already are not made again. An unreadable image is left out for all
    methods, with a warning. A metric that some of the results lack is left out of all.

    metrics: None measures all that need no further weights. inception: keeps the features that
    FID and the inception score are made of. progress: show a bar.

    Raises ValueError when `out` holds results of other images or holes, when two methods have
    one name, or when a result does not fit its image; and what a method raises.
    """
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"methods need different names, got {', '.join(names)}; write NAME=...")
    identities = {method.name: method.identity for method in methods}
    out.mkdir(parents=True, exist_ok=True)
    check_settings(out, case_settings(cases.protocol), identities)
    file = ResultsFile(out)
    before, start = len(file.done), time.perf_counter()
    measure = _Measure(Metrics() if metrics is None else metrics, RealismFiles(out), inception)
    _fill_gaps(cases, methods, file, measure, progress)
    if made := len(file.done) - before:
        save_usage(out, Usage(made, round(time.perf_counter() - start, 1), peak_memory()))
    wanted = set(cases.ids())
    rows = [row for row in read_rows(file.path) if row.method in identities and row.case in wanted]
    return _complete(sorted(rows, key=lambda row: (names.index(row.method), row.case)))


def _fill_gaps(
    cases: Cases, methods: Sequence[Method], file: ResultsFile, measure: _Measure, progress: bool
) -> None:
    """Make the results that are not there yet, image by image."""
    todo = [id for id in cases.ids() if any((m.name, id) not in file.done for m in methods)]
    with tqdm(total=len(todo), unit="hole", disable=not progress) as bar:
        for index, ids in groupby(todo, key=lambda id: id.index):
            own = list(ids)
            try:
                original = cases.picture(index)
            except (OSError, ImageError) as error:
                logger.warning("picture %s left out: %s", cases.source.name(index), error)
                bar.update(len(own))
                continue
            for id in own:
                lacking = [m for m in methods if (m.name, id) not in file.done]
                file.add(measure(cases.case(id, original), lacking))
                bar.update()


class _Measure:
    """Fills and measures one case."""

    def __init__(
        self, metrics: Metrics, realism: RealismFiles, inception: InceptionFiles | None
    ) -> None:
        self.metrics = metrics
        self.realism = realism
        self.inception = inception

    def __call__(self, case: Case, methods: Sequence[Method]) -> list[Row]:
        composites, seconds = {}, []
        for method in methods:
            start = time.perf_counter()
            try:
                composites[method.name] = case.composite(method.run(case))
            except ValueError as error:
                raise ValueError(f"{method.name} on {case.id}: {error}") from error
            seconds.append(time.perf_counter() - start)
        if self.inception is not None:
            self.inception.add(case, composites)
        return [
            self._row(case, name, composite, spent)
            for (name, composite), spent in zip(composites.items(), seconds, strict=True)
        ]

    def _row(self, case: Case, method: str, composite: np.ndarray, seconds: float) -> Row:
        values, original, fill = self.metrics.measure(case, composite)
        self.realism.add(method, case.id, original, fill)
        ratio = float(case.hole.mean())
        return Row(method, case.id, case.picture, ratio, seconds, values)


def _complete(rows: list[Row]) -> list[Row]:
    """The rows without the metrics that only some of them have."""
    counts = Counter(name for row in rows for name in row.metrics)
    partial = [name for name, count in counts.items() if count < len(rows)]
    if not partial:
        return rows
    logger.warning(
        "left out: %s, measured of a part of the results only; a new --out has it of all",
        ", ".join(partial),
    )
    return [
        replace(row, metrics={n: v for n, v in row.metrics.items() if n not in partial})
        for row in rows
    ]

"""Results on disk: `results.csv`, a row for each case and method, and `settings.json`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.protocol import CaseId
from inpaint.utils.files import atomic_path

_FACTS = ("method", "picture", "index", "bucket", "border", "hole_ratio", "seconds")
_COLUMNS = (*_FACTS[:-1], *METRICS, _FACTS[-1])


@dataclass(frozen=True)
class Row:
    """A method's result of one case."""

    method: str
    case: CaseId
    picture: str  # its name in the source
    hole_ratio: float  # in (0, 1]
    seconds: float  # to fill the hole
    metrics: dict[str, float] = field(default_factory=dict)  # by the names in METRICS


class ResultsFile:
    """`results.csv` of a report folder, to which rows are added as they are found."""

    def __init__(self, folder: Path) -> None:
        """Creates the folder and the file, or drops the cut-off last line of a killed run."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "results.csv"
        rows = read_rows(self.path) if self.path.is_file() else []
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows(map(_values, rows))
        self.done = {(row.method, row.case) for row in rows}

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows; they are on disk when this returns."""
        with self.path.open("a", newline="") as file:
            for row in rows:
                csv.writer(file, lineterminator="\n").writerow(_values(row))
                self.done.add((row.method, row.case))


def read_rows(path: Path) -> list[Row]:
    """All whole rows of a `results.csv`.

    Metrics may be missing, as in a file from before they were measured.

    Raises:
        ValueError: For other columns than `_COLUMNS`, or when one of `_FACTS` is missing.
    """
    lines = path.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    reader = csv.DictReader(whole)
    found = set(reader.fieldnames or ())
    if whole and not set(_FACTS) <= found <= set(_COLUMNS):
        raise ValueError(
            f"{path} has other columns than wanted, {', '.join(_COLUMNS)}: "
            f"{', '.join(sorted(found ^ set(_COLUMNS)))}"
        )
    try:
        return [_row(line) for line in reader]
    except (TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}, line {reader.line_num} is no result: {error}") from error


def check_settings(folder: Path, cases: dict[str, Any], methods: dict[str, str]) -> None:
    """Write `settings.json`, or check that an earlier run's results may be added to.

    cases: what images, holes and measures depend on; that may not change, but there may be more
        cases.
    methods: identity by name. Methods may be added, identities may not change.
    Raises ValueError that names what differs.
    """
    path = folder / "settings.json"
    if path.is_file():
        earlier = json.loads(path.read_text())
        before = {"hole_generator": None if cases.get("masks") else 1, **earlier["cases"]}
        changed = [key for key in cases if cases[key] != before.get(key)]
        changed += [n for n in methods if methods[n] != earlier["methods"].get(n, methods[n])]
        if changed:
            raise ValueError(
                f"{folder} holds results with another {', '.join(changed)}: choose another --out, "
                "give a method whose weights, options or code changed another name (NAME=...), or "
                "delete the folder"
            )
        methods = {**earlier["methods"], **methods}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"cases": cases, "methods": methods}, indent=2))


def _values(row: Row) -> list[str]:
    metrics = [f"{row.metrics[name]:.6g}" if name in row.metrics else "" for name in METRICS]
    case = [str(row.case.index), str(row.case.bucket), row.case.border]
    return [
        row.method, row.picture, *case, f"{row.hole_ratio:.6g}", *metrics, f"{row.seconds:.4g}"
    ]  # fmt: skip


def _row(line: dict[str, str]) -> Row:
    return Row(
        line["method"],
        CaseId(int(line["index"]), int(line["bucket"]), line["border"]),
        line["picture"],
        float(line["hole_ratio"]),
        float(line["seconds"]),
        {name: float(line[name]) for name in METRICS if line.get(name)},
    )

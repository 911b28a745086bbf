"""Pools of fills in a report folder, so that a stopped run goes on and methods can be added."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np

from inpaint.evaluate.frechet import FeatureStatistics
from inpaint.evaluate.gradients import HoleGradients
from inpaint.evaluate.protocol import CaseId, bucket_name
from inpaint.evaluate.realism import FRECHET_LEVELS, HoleMeasures, RealismPool
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import Column, column_of
from inpaint.utils.files import atomic_path

logger = logging.getLogger(__name__)


@dataclass
class _Stored:
    """A pool and the cases that were added to it, by name."""

    cases: list[str] = field(default_factory=list)
    pool: RealismPool = field(default_factory=RealismPool)


class RealismFiles:
    """A pool for each method and class, `realism/METHOD_BUCKET_BORDER.npz` of a report.

    A file takes 0.7 MB and another 4 kB a fill, whatever the size of the images.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / "realism"
        self._stored: dict[tuple[str, Column], _Stored] = {}

    def add(self, method: str, case: CaseId, original: HoleMeasures, fill: HoleMeasures) -> None:
        """Add a fill, unless it is there from a run that was stopped; it is on disk after this."""
        column = (case.bucket, case.border)
        stored = self._read(method, column)
        if str(case) in stored.cases:
            return
        stored.pool.add(original, fill, picture=case.index)
        stored.cases.append(str(case))
        with atomic_path(self._path(method, column)) as temporary, temporary.open("wb") as file:
            np.savez(file, **_to_arrays(stored))  # type: ignore[arg-type]

    def pools(self, rows: Sequence[Row]) -> dict[tuple[str, Column], RealismPool]:
        """The pools of all methods and classes in `rows`.

        One that does not hold the same fills, as of a report from before there were pools or of
        fewer images than it was made of, is left out with a warning.
        """
        wanted: dict[tuple[str, Column], set[str]] = {}
        for row in rows:
            wanted.setdefault((row.method, column_of(row)), set()).add(str(row.case))
        found = {}
        for (method, column), cases in wanted.items():
            stored = self._read(method, column)
            if set(stored.cases) == cases:
                found[method, column] = stored.pool
            else:
                logger.warning(
                    "no figures of all fills of %s in class %s: %d fills are kept, of %d wanted; "
                    "a new --out has them",
                    method, bucket_name(column[0]), len(stored.cases), len(cases),
                )  # fmt: skip
        return found

    def _read(self, method: str, column: Column) -> _Stored:
        if (method, column) not in self._stored:
            path, stored = self._path(method, column), _Stored()
            if path.is_file():
                with np.load(path) as arrays:
                    stored = _from_arrays(dict(arrays))
            self._stored[method, column] = stored
        return self._stored[method, column]

    def _path(self, method: str, column: Column) -> Path:
        name = f"{quote(method, safe=' ')}_{bucket_name(column[0])}_{column[1]}.npz"
        return self.folder / name


def _to_arrays(stored: _Stored) -> dict[str, np.ndarray]:
    pool = stored.pool
    arrays = {
        "cases": np.array(stored.cases),
        "pictures": np.array(pool.pictures),
        "pooled": np.array(pool.pooled),  # (N, 2, 448)
        "gradients": np.array([[astuple(one) for one in pair] for pair in pool.gradients]),
    }
    for kind, statistics in (("original", pool.originals), ("fill", pool.fills)):
        for level, found in statistics.items():
            arrays |= {f"{kind}-{level}-{key}": a for key, a in found.to_arrays().items()}
    return arrays


def _from_arrays(arrays: dict[str, np.ndarray]) -> _Stored:
    pool = RealismPool()
    pool.pictures = arrays["pictures"].tolist()
    pool.pooled = [(pair[0], pair[1]) for pair in arrays["pooled"]]
    pool.gradients = [
        (HoleGradients(*pair[0]), HoleGradients(*pair[1])) for pair in arrays["gradients"].tolist()
    ]
    for kind, statistics in (("original", pool.originals), ("fill", pool.fills)):
        for level in FRECHET_LEVELS:
            keys = ("count", "sum", "outer")
            own = {key: arrays[f"{kind}-{level}-{key}"] for key in keys}
            statistics[level] = FeatureStatistics.from_arrays(own)
    return _Stored(arrays["cases"].tolist(), pool)

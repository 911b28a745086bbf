"""FID and the inception score: features of each image on disk, so that a stopped run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from inpaint.evaluate.frechet import FeatureStatistics, frechet_distance
from inpaint.evaluate.optional import FEATURES, inception_score
from inpaint.evaluate.protocol import Case
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import methods_of
from inpaint.evaluate.tables import Table
from inpaint.utils.files import atomic_path

_TRUTH = " original"  # no method's name starts with a space


class InceptionFiles:
    """Features of the inception network in `inception/` of a report, a file for each case."""

    def __init__(self, out: Path, network: Callable[[Sequence[np.ndarray]], np.ndarray]) -> None:
        """network: see `load_inception`."""
        self.folder = out / "inception"
        self.network = network
        self._truth: tuple[int, np.ndarray] | None = None  # image and features, of the last case

    def add(self, case: Case, composites: dict[str, np.ndarray]) -> None:
        """Keep the features of composites by method, RGB uint8 (H, W, 3), and of the original."""
        path = self.folder / f"{case.id}.npz"
        found = _read(path) | {_TRUTH: self._features_of(case)}
        rows = self.network(list(composites.values())).astype(np.float16)
        found |= dict(zip(composites, rows, strict=True))
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **found)  # type: ignore[arg-type]

    def _features_of(self, case: Case) -> np.ndarray:
        if self._truth is None or self._truth[0] != case.id.index:
            features = self.network([case.original])[0].astype(np.float16)
            self._truth = (case.id.index, features)
        return self._truth[1]


def inception_table(rows: Sequence[Row], out: Path) -> Table | None:
    """FID and inception score of each method over all its holes; None when there are none.

    The paper gives the score for each class; so few images as are usual here make that, and FID
    all the more, too noisy. A method lacks figures when features of some of its holes are missing.
    """
    body = []
    for method in methods_of(rows):
        own = [row for row in rows if row.method == method]
        kept = [_read(out / "inception" / f"{row.case}.npz") for row in own]
        if len(own) < 2 or not all(method in one for one in kept):
            continue
        truth, features = (np.stack([one[n] for one in kept]) for n in (_TRUTH, method))
        pools = (torch.from_numpy(array[:, :FEATURES]) for array in (truth, features))
        fid = frechet_distance(*map(FeatureStatistics.of, pools))
        score = inception_score(features[:, FEATURES:].astype(np.float32))
        body.append([method, str(len(own)), f"{fid:.2f}", f"{score:.3f}"])
    return Table(["method", "holes", "FID", "inception score"], body, labels=1) if body else None


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    with np.load(path) as arrays:
        return dict(arrays)

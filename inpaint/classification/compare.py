"""The published comparison: train one network with several paddings, several times.

Runs are paired: run r of every padding has the same seed, so the same first weights, the same
order of images and the same crops. They take turns, run 1 of every padding first, so that a
comparison that is stopped is balanced.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaint.classification.config import AUTO_RESUME, PADDINGS, ClassifierConfig
from inpaint.classification.data import LabelledImages
from inpaint.classification.train import BEST, LAST, ClassifierRun, Outcome, open_data, train
from inpaint.padding.convert import convert
from inpaint.padding.models import load_checkpoint
from inpaint.utils.files import atomic_path

logger = logging.getLogger(__name__)

# What may differ between two parts of one comparison: where it runs, and what it is named.
_FREE = ("data_train", "data_val", "workers", "threads", "log_steps", "padding", "seed", "prefix",
         "ckptdirprefix", "resume", "weights", "evaluate")  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One finished training run."""

    arch: str
    padding: str
    run: int  # from 1
    seed: int
    best_top1: float  # %, of the best epoch
    best_top5: float  # %, of the same epoch
    last_top1: float  # %, of the last epoch
    epochs: int
    hours: float
    crossed: dict[str, float]  # top-1 in % of the best weights by padding put in at the test


def check_paddings(paddings: Sequence[str]) -> None:
    """Raises ValueError for a padding that is unknown or there twice."""
    if not paddings or len(set(paddings)) < len(paddings) or set(paddings) - PADDINGS.keys():
        raise ValueError(
            f"paddings must be some of {', '.join(PADDINGS)}, each once, got {','.join(paddings)!r}"
        )


def compare(
    config: ClassifierConfig, paddings: Sequence[str], runs: int, out: Path
) -> Iterator[list[Result]]:
    """Train every padding `runs` times; the finished results so far, after each run.

    config: what all runs share; its seed is that of run 1, and run r has seed + r - 1.
    out: a folder; a comparison that was stopped goes on there, from the end of its last epoch.

    Raises ValueError when `out` holds a comparison with other settings, or one of the settings
    cannot work.
    """
    check_paddings(paddings)
    if runs < 1:
        raise ValueError(f"runs must be 1 or more, got {runs}")
    if config.arch.startswith("pd"):
        raise ValueError(f"--paddings decides about the padding; give {config.arch[2:]!r}")
    _check_settings(config, out)
    data = open_data(config)
    results: list[Result] = []
    for run in range(1, runs + 1):
        for padding in paddings:
            path = out / f"{padding}-{run}.json"
            if not path.is_file():
                own = _config_of(config, padding, run, out)
                _write_json(path, dataclasses.asdict(_train_one(own, run, paddings, data)))
            results.append(Result(**json.loads(path.read_text())))
            yield results


def _config_of(config: ClassifierConfig, padding: str, run: int, out: Path) -> ClassifierConfig:
    own = dataclasses.replace(
        config,
        padding=padding,
        seed=config.seed + run - 1,
        prefix=f"{padding}_{run}",
        ckptdirprefix=f"{out}/",
    )
    begun = (Path(own.folder) / LAST).is_file()
    return dataclasses.replace(own, resume=AUTO_RESUME if begun else None)


def _train_one(
    config: ClassifierConfig,
    run: int,
    paddings: Sequence[str],
    data: tuple[LabelledImages, LabelledImages],
) -> Result:
    logger.info("run %d with %s padding", run, config.padding)
    outcome = train(config, data)
    return Result(
        arch=config.arch,
        padding=str(config.padding),
        run=run,
        seed=config.seed,
        best_top1=outcome.best.top1,
        best_top5=outcome.best.top5,
        last_top1=outcome.history[-1].top1,
        epochs=len(outcome.history),
        hours=outcome.seconds / 3600,
        crossed=_cross_test(config, outcome, paddings, data),
    )


def _cross_test(
    config: ClassifierConfig,
    outcome: Outcome,
    paddings: Sequence[str],
    data: tuple[LabelledImages, LabelledImages],
) -> dict[str, float]:
    """Top-1 of the best weights with each padding put in at the test (the paper's cross-test)."""
    run = ClassifierRun(dataclasses.replace(config, resume=None), data)
    load_checkpoint(run.network, outcome.folder / BEST)
    found = {}
    for padding in paddings:
        if padding == config.padding:
            found[padding] = outcome.best.top1
            continue
        convert(run.network, PADDINGS[padding], warn=False)  # type: ignore[arg-type]
        found[padding] = run.evaluate().top1
    return found


def _check_settings(config: ClassifierConfig, out: Path) -> None:
    """Keep the settings in `out`, or compare them with those that are there."""
    facts: dict[str, Any] = {
        name: value for name, value in dataclasses.asdict(config).items() if name not in _FREE
    }
    facts["first seed"] = config.seed
    path = out / "settings.json"
    if not path.is_file():
        _write_json(path, facts)
        return
    found = json.loads(path.read_text())
    for name, value in facts.items():
        if found.get(name) != value:
            raise ValueError(
                f"{out} holds a comparison with {name} {found.get(name)}, now it is {value}; give "
                "the same options, or another --out"
            )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")

"""The command `inpaint padding train`, and train_padding.py."""

from __future__ import annotations

import argparse

from inpaint.classification.config import ClassifierConfig, add_arguments, config_from

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Train or evaluate a classifier as the options say; returns 0.

    Raises:
        ValueError, OSError: Settings or data that cannot work.
        NonFiniteLossError: The training diverged.
        KeyboardInterrupt: Ctrl-C ended it.
    """
    config = config_from(arguments)
    try:
        print(_evaluate(config) if config.evaluate else _train(config))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("stopped; --resume continues after the last epoch") from error
    return 0


def _evaluate(config: ClassifierConfig) -> str:
    from inpaint.classification.train import ClassifierRun  # brings torch and torchvision

    run = ClassifierRun(config)
    try:
        return str(run.evaluate())
    finally:
        run.close()


def _train(config: ClassifierConfig) -> str:
    from inpaint.classification.train import train

    outcome = train(config)
    return f"done: best {outcome.best}; {outcome.folder / 'model_best.pth.tar'}"

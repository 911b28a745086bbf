"""What train_detector.py does with its options."""

from __future__ import annotations

import argparse

from inpaint.detect.config import DetectTrainConfig
from inpaint.utils.options import add_options, from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each field of DetectTrainConfig."""
    add_options(parser, DetectTrainConfig)


def run(arguments: argparse.Namespace) -> int:
    """Train as the options say; returns 0.

    Raises:
        ValueError, OSError: Settings or data that cannot work.
        RuntimeError: The training diverged, or the data cannot be used.
        TrainingStopped: Ctrl-C or SIGTERM ended it.
    """
    from inpaint.detect.train import WEIGHTS, train_detector

    folder = train_detector(from_options(DetectTrainConfig, arguments))
    print(f"done: {folder / WEIGHTS}")
    return 0

"""The command `inpaint train`, and train_inpaint.py."""

from __future__ import annotations

import argparse

from inpaint.training import add_arguments, config_from

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Train as the options say; returns 0.

    Raises:
        ValueError, OSError: Settings or data that cannot work.
        NonFiniteLossError: The training diverged.
        TrainingStopped: Ctrl-C or SIGTERM ended it.
    """
    from inpaint.training import train  # brings torch, which --help can do without

    folder = train(config_from(arguments))
    print(f"done: {folder / 'ema.safetensors'}")
    return 0

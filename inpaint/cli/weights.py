"""The command `inpaint weights`: what weight files hold, whether they are whole, and conversion."""

from __future__ import annotations

import argparse
from pathlib import Path

from inpaint.checkpoints.names import DEFAULT_WEIGHTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `inpaint weights` to its parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the shipped weights")
    show = actions.add_parser("show", help="size, SHA-256, configuration and notes of weights")
    show.add_argument("weights", help="name of shipped weights, or a file")
    verify = actions.add_parser("verify", help="compare files with their SHA-256")
    verify.add_argument("weights", nargs="*", help="names of shipped weights (all of them)")
    convert = actions.add_parser(
        "convert",
        help="make a weight file of a checkpoint of naoto0804's or mmagic's partial convolutions, "
        "or of a U-Net of the reference layer",
    )
    convert.add_argument("checkpoint", type=Path, help="a .pth or .safetensors file")
    convert.add_argument("out", type=Path, help="the .safetensors file to write")
    pack = actions.add_parser(
        "pack", help="make a small weight file of a training run's, with notes for its users"
    )
    pack.add_argument("weights", help="the ema.safetensors of a run")
    pack.add_argument("out", type=Path, help="the .safetensors file to write, in float16")
    pack.add_argument("--notes", default="{}", metavar="JSON", help="what the file shall say")
    pack.add_argument("--overwrite", action="store_true", help="replace an existing file")
    hub = actions.add_parser(
        "hub", help="write a folder for a model hub: weights, config.json and a card"
    )
    hub.add_argument("folder", type=Path, help="a new folder; nothing is uploaded")
    hub.add_argument(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME|FILE",
        help="shipped weights by name, or a file; default: %(default)s",
    )
    convert.add_argument("--half", action="store_true", help="in float16, half the size")
    convert.add_argument("--overwrite", action="store_true", help="replace an existing file")


def run(arguments: argparse.Namespace) -> int:
    """Do an action; 0, or 1 when a file is not what it should be."""
    from inpaint.cli.run_weights import run_weights  # brings torch, which --help can do without

    return run_weights(arguments)

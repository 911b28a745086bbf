"""The command `inpaint evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.settings import Protocol
from inpaint.utils.options import add_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint evaluate` to its parser."""
    add_options(parser, Protocol)
    parser.add_argument(
        "--methods",
        default=f"{DEFAULT_WEIGHTS},telea,ns",
        metavar="A,B,...",
        help="shipped weights, weight files, telea, ns, patchmatch, biharmonic, shiftmap, "
        "fsr_fast, fsr_best, ONNX files of LaMa or MI-GAN, module:function, folders of results; "
        "NAME=... names one; differences are to the first (%(default)s)",
    )
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="NAME=SPEC",
        help="one more, such as 'lama=python run.py {image} {mask} {out}'",
    )
    parser.add_argument(
        "--out", type=Path, metavar="REPORT", help="report folder; a stopped run goes on there"
    )
    parser.add_argument("--paper", action="store_true", help="put published figures beside ours")
    parser.add_argument(
        "--markdown", type=Path, metavar="PATH", help="also write the tables to this file"
    )
    parser.add_argument(
        "--judge",
        choices=METRICS,
        default="psnr",
        help="metric that picks the best, median and worst pictures (%(default)s)",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="PATH", help="write a contact sheet and nothing else"
    )
    parser.add_argument(
        "--sheet-rows", type=int, default=24, metavar="N", help="rows of the sheet (%(default)s)"
    )
    parser.add_argument(
        "--write-cases",
        type=Path,
        metavar="DIR",
        help="write pictures and masks, to make results elsewhere, and nothing else",
    )
    parser.add_argument(
        "--threads",
        type=int,
        help="CPU threads of torch; 1 is faster where other programs are busy (torch's choice)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure and report; returns 0. Raises as `evaluate` does."""
    from inpaint.cli.run_evaluate import run_evaluate  # brings torch, which --help can do without

    return run_evaluate(arguments)

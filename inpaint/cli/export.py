"""The command `inpaint export`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from inpaint.checkpoints.onnx import export_onnx
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, find_weights

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint export` to its parser."""
    parser.add_argument("out", type=Path, metavar="MODEL.onnx", help="file to write")
    parser.add_argument(
        "--weights", default=DEFAULT_WEIGHTS, help="shipped name or file (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the ONNX file that `inpaint export` asks for."""
    if arguments.out.suffix != ".onnx":
        raise ValueError(f"the output must end in .onnx, got {arguments.out}")
    difference = export_onnx(find_weights(arguments.weights), arguments.out)
    logger.info("%s written, within %.1g of torch", arguments.out, difference)
    return 0

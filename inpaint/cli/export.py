"""The command `inpaint export`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import get_args

from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.checkpoints.onnx_config import ImageType, OnnxConfig, Precision

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint export` to its parser."""
    parser.add_argument("out", type=Path, metavar="MODEL.onnx", help="file to write")
    parser.add_argument(
        "--weights", default=DEFAULT_WEIGHTS, help="shipped name or file (%(default)s)"
    )
    parser.add_argument(
        "--image",
        choices=get_args(ImageType),
        default=OnnxConfig.image,
        help="type of image, mask and composite: float32 in [0, 1], or uint8 (%(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default=OnnxConfig.precision,
        help="of weights and features; float16 halves the file (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the ONNX file that `inpaint export` asks for."""
    # They bring torch, which --help can do without.
    from inpaint.checkpoints.onnx_export import export_onnx
    from inpaint.checkpoints.weights import find_weights

    if arguments.out.suffix != ".onnx":
        raise ValueError(f"the output must end in .onnx, got {arguments.out}")
    config = OnnxConfig(arguments.image, arguments.precision)
    difference = export_onnx(find_weights(arguments.weights), arguments.out, config)
    logger.info("%s written, within %.1g of torch", arguments.out, difference)
    return 0

"""The command `inpaint masks`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint masks` to its parser."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    parser.add_argument(
        "--count", type=int, default=12000, help="number of holes, a multiple of 12 (%(default)s)"
    )
    parser.add_argument("--size", type=int, default=512, help="side in pixels (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same holes (%(default)s)")
    parser.add_argument("--workers", type=int, help="number of threads (one per CPU)")


def run(args: argparse.Namespace) -> int:
    """Write the test set that `inpaint masks` asks for; 0, or an error as `write_test_set`."""
    from inpaint.masks import write_test_set  # brings OpenCV, which --help can do without

    manifest = write_test_set(
        args.out,
        count=args.count,
        size=args.size,
        seed=args.seed,
        workers=args.workers,
        progress=True,
    )
    logger.info("%d holes, listed in %s", args.count, manifest)
    return 0

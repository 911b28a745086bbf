"""Options that `inpaint fill` and `inpaint detect` share."""

from __future__ import annotations

import argparse

from inpaint.detect.settings import DEFAULT_DETECTOR, DEFAULT_LIMIT
from inpaint.images.formats import DEFAULT_MAX_PIXELS


def add_inputs(parser: argparse.ArgumentParser, *, epilog: str, help: str) -> None:
    """Add the pictures, and an epilog whose lines stay as they are.

    help: What an input may be.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = epilog
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=help)


def add_detection(group: argparse._ArgumentGroup, *, beyond: str) -> None:
    """Add the options of how damage is looked for.

    beyond: What happens to a picture with more damage than the limit, for the help.
    """
    group.add_argument(
        "--sensitivity",
        type=float,
        default=0.5,
        metavar="S",
        help="from 0, what is certain, to 1, what is possible; default: %(default)s",
    )
    group.add_argument(
        "--detector",
        default=DEFAULT_DETECTOR,
        metavar="NAME|FILE",
        help="weights of the detector; default: %(default)s",
    )
    group.add_argument(
        "--limit-share",
        type=float,
        default=DEFAULT_LIMIT,
        metavar="SHARE",
        help=f"a picture with a larger share of damage {beyond}; default: %(default)s",
    )


def add_max_megapixels(group: argparse._ArgumentGroup) -> None:
    """Add the limit of what is read."""
    group.add_argument(
        "--max-megapixels",
        type=float,
        default=DEFAULT_MAX_PIXELS / 1e6,
        metavar="M",
        help="larger pictures and masks fail before they are decoded; default: %(default)g",
    )


def add_shard(group: argparse._ArgumentGroup) -> None:
    """Add the part of the pictures that a run does."""
    group.add_argument(
        "--shard", metavar="I/N", help="do the I-th of N parts; N machines do the whole set"
    )


def classes_of(text: str) -> tuple[str, ...]:
    """The names in a list with commas, without the spaces around them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())

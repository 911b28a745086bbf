"""Options of the commands that find damage."""

from __future__ import annotations

import argparse

from inpaint.detect.settings import DEFAULT_DETECTOR


def add_detection(group: argparse._ArgumentGroup) -> None:
    """Add the options of how closely is looked."""
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


def classes_of(text: str) -> tuple[str, ...]:
    """The classes of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())

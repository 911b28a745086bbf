"""Options of the commands that go through many pictures: how much they say."""

from __future__ import annotations

import argparse


def add_verbosity(group: argparse._ArgumentGroup) -> None:
    """Add --quiet and --verbose."""
    either = group.add_mutually_exclusive_group()
    either.add_argument("-q", "--quiet", action="store_true", help="say what failed, no more")
    either.add_argument("-v", "--verbose", action="store_true", help="a line for every picture")

"""The command `inpaint evaluate`."""

from __future__ import annotations

import argparse
import logging
from dataclasses import fields
from pathlib import Path

import torch

from inpaint.checkpoint import DEFAULT_WEIGHTS
from inpaint.data import DATA_NAMES
from inpaint.evaluate.methods import parse_method
from inpaint.evaluate.outside import write_case
from inpaint.evaluate.protocol import Cases, Protocol
from inpaint.evaluate.run import evaluate
from inpaint.evaluate.tables import markdown_table

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint evaluate` to its parser."""
    default = Protocol()
    parser.add_argument("--data", choices=DATA_NAMES, default=default.data,
                        help="kind of data (%(default)s)")  # fmt: skip
    parser.add_argument("--root", metavar="PATH", help="folder or tar files with the pictures")
    parser.add_argument("--size", type=int, default=default.size,
                        help="side in pixels (%(default)s)")  # fmt: skip
    parser.add_argument("--count", type=int, default=default.count,
                        help="the first so many pictures (%(default)s)")  # fmt: skip
    parser.add_argument(
        "--fit", choices=("square", "crop", "whole"), default=default.fit,
        help="the centre square scaled to the size, the centre of that size at full detail, or "
        "whole pictures scaled to that shorter side (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--buckets", choices=("all", "cycle"), default=default.buckets,
        help="each picture with a hole of every class, or with one of them in turn (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--border", choices=("both", "any", "N", "B"), default=default.border,
        help="holes away from the border (N), touching it (B), both apart, or mixed (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--masks", metavar="DIR", help="mask files instead of generated holes")
    parser.add_argument("--seed", type=int, default=default.seed,
                        help="of generated holes (%(default)s)")  # fmt: skip
    parser.add_argument(
        "--methods", default=f"{DEFAULT_WEIGHTS},telea,ns", metavar="A,B,...",
        help="shipped weights, weight files, telea, ns, patchmatch, biharmonic, module:function, "
        "folders of results; NAME=... names one (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--method", action="append", default=[], metavar="NAME=SPEC",
        help="one more method, such as 'lama=python run.py {image} {mask} {out}'",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, help="CPU threads of torch; fewer are faster when "
                        "other programs need the CPU, too (torch's own choice)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="REPORT", help="folder of the report; a "
                        "stopped evaluation goes on there")  # fmt: skip
    parser.add_argument("--write-cases", type=Path, metavar="DIR", help="only write the pictures "
                        "and masks, to make results elsewhere")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table, write the report; 0, or an error as `evaluate` raises it."""
    settings = {field.name: getattr(args, field.name) for field in fields(Protocol)}
    cases = Cases(Protocol(**settings))
    if args.write_cases is not None:
        ids = cases.ids()
        for id in ids:
            write_case(args.write_cases, cases.case(id))
        logger.info("%d pictures and masks in %s", len(ids), args.write_cases)
        return 0
    if args.out is None:
        raise ValueError("give a folder for the report with --out")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    specs = [*filter(None, args.methods.split(",")), *args.method]
    rows = evaluate(cases, [parse_method(spec) for spec in specs], args.out, progress=True)
    print(markdown_table(rows))
    return 0

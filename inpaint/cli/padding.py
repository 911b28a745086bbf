"""The command `inpaint padding`: training a classifier, and comparing paddings."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import shlex
import sys
from pathlib import Path

from inpaint.classification.config import PADDINGS, config_from
from inpaint.classification.config import add_arguments as add_training_arguments

logger = logging.getLogger(__name__)

# Fields of the configuration that the comparison sets itself.
_OWN = ("arch", "padding", "data_train", "data_val", "prefix", "ckptdirprefix", "weights",
        "resume", "evaluate", "start_epoch", "pretrained", "gpu", "world_size", "dist_url",
        "dist_backend")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint padding` to its parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "train or evaluate one classifier"
    add_training_arguments(
        actions.add_parser("train", help=text, description=text.capitalize() + ".")
    )
    text = "train a network with several paddings, several times, and report"
    command = actions.add_parser("compare", help=text, description=text.capitalize() + ".")
    command.add_argument(
        "-a", "--arch", default="resnet18", help="a name without pd in front (%(default)s)"
    )
    command.add_argument(
        "--paddings",
        default=",".join(PADDINGS),
        metavar="A,B,...",
        help="in the order of the table (%(default)s)",
    )
    command.add_argument(
        "--runs", type=int, default=5, help="runs of each padding, with paired seeds (%(default)s)"
    )
    command.add_argument(
        "--data",
        required=True,
        help="a folder with one folder of pictures for each class, or tar files",
    )
    command.add_argument("--val", help="the same for validation; default: some are held out")
    command.add_argument(
        "--out", type=Path, required=True, help="folder for results; a stopped run goes on there"
    )
    add_training_arguments(command, without=_OWN, schedule="cosine", precision="auto", workers=1)


def run(args: argparse.Namespace) -> int:
    """Do what `inpaint padding` asks for; 0, or an error as `compare` raises it."""
    try:
        if args.action == "train":
            from inpaint.cli import train_padding

            return train_padding.run(args)
        from inpaint.classification.compare import compare
        from inpaint.classification.report import write_report
    except ModuleNotFoundError as error:  # an extra is missing; the message says which
        raise RuntimeError(str(error)) from error
    config = config_from(args, arch=args.arch, data_train=args.data, data_val=args.val)
    paddings = [name for name in args.paddings.split(",") if name]
    command = shlex.join(["inpaint", *sys.argv[1:]])
    text = ""
    for results in compare(config, paddings, args.runs, args.out):
        text = write_report(results, args.out, command=command)
        last = dataclasses.asdict(results[-1])
        logger.info("run %(run)d, %(padding)s padding: best top-1 %(best_top1).3f %%", last)
    print(text, end="")
    logger.info("report: %s", args.out / "table.md")
    return 0

"""The command `inpaint detect`: masks of damage for images and folders."""

from __future__ import annotations

import argparse

from inpaint.batch.report import REPORT_NAME
from inpaint.cli.detection import add_detection, add_inputs, add_max_megapixels, add_shard
from inpaint.cli.verbosity import add_verbosity
from inpaint.detect.settings import DAMAGE, DEFAULT_GROW

EPILOG = f"""\
examples:
  inpaint detect photos/ -o masks/
  inpaint detect scan.tif -o mask.png --classes scratch,dust --sensitivity 0.7
  inpaint detect photos/ --repeated -o mask.png
  inpaint detect - -o - < scan.jpg > mask.png
  inpaint fill photos/ --mask masks/ -o out/

White in a mask means damage; a picture without any gets a black mask. The report
({REPORT_NAME} in the folder of masks) has the shares of the classes. Exit code: 0 all done, 1 some
pictures failed, 2 nothing was written, 130 stopped by Ctrl-C (a second one stops at once).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_inputs(
        parser,
        epilog=EPILOG,
        help="picture, folder (with its sub-folders), glob pattern, list of paths (.txt), or - for "
        "standard input",
    )
    parser.set_defaults(mask=None, format="png", dry_run=False)  # as `fill` has them, for streams
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="a folder of masks, or for one picture a PNG file or - (standard output)",
    )
    parser.add_argument(
        "--classes",
        default=",".join(DAMAGE),
        help="what to look for, with commas between; default: %(default)s",
    )
    group = parser.add_argument_group("finding damage")
    add_detection(group, beyond="gets a note in the report")
    group.add_argument(
        "--grow",
        type=int,
        default=DEFAULT_GROW,
        metavar="PX",
        help="grow the masks by PX, as damage has a faint rim; default: %(default)s",
    )
    group.add_argument(
        "--repeated",
        action="store_true",
        help="find what repeats at the same place of all pictures, such as a logo, instead",
    )
    group = parser.add_argument_group("running")
    group.add_argument("--skip-existing", action="store_true", help="finish an earlier run")
    group.add_argument("--overwrite", action="store_true", help="replace masks that exist")
    group.add_argument(
        "--allow-outside", action="store_true", help="let links lead out of the folder of masks"
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="pictures that something is to be noted about, but for what was found, fail",
    )
    add_shard(group)
    group.add_argument("--limit", type=int, metavar="N", help="look at N pictures at most")
    add_verbosity(group)
    group.add_argument("--device", help="cpu, cuda, cuda:1; default: the GPU if there is one")
    add_max_megapixels(group)
    group.add_argument("--report", metavar="PATH", help="a JSON line for every picture")


def run(arguments: argparse.Namespace) -> int:
    """Plan, look, report; returns the exit code 0 or 1. Raises for bad usage before writing."""
    from inpaint.cli.run_detect import run_detect, run_repeated  # they bring torch and OpenCV

    return run_repeated(arguments) if arguments.repeated else run_detect(arguments)

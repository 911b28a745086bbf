"""The command `inpaint fill`: images, folders, lists and manifests."""

from __future__ import annotations

import argparse
from typing import get_args

from inpaint.batch.records import ALPHA, PAINTS
from inpaint.batch.report import REPORT_NAME
from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.cli.detection import add_detection, add_inputs, add_max_megapixels, add_shard
from inpaint.cli.verbosity import add_verbosity
from inpaint.detect.settings import DAMAGE, DEFAULT_GROW
from inpaint.images import FORMATS
from inpaint.inference.style import DEFAULT_STYLE, Style

FORMAT_NAMES = ("keep", *FORMATS)

EPILOG = f"""\
examples:
  inpaint fill photo.jpg --mask hole.png -o out.jpg
  inpaint fill photos/ --mask masks/ -o out/
  inpaint fill scans/ --mask watermark.png -o out/ --grow 3 --skip-existing
  inpaint fill erased.png --mask {ALPHA} -o out.png
  inpaint fill painted.png --mask magenta --grow 3 -o out.png
  inpaint fill photos/ --detect scratch,dust -o out/
  inpaint fill manifest.csv               columns: image, mask, output, exclude
  inpaint fill - --mask hole.png -o - < photo.jpg > out.jpg

White in a mask, or paint on a transparent ground, means fill. Exit code: 0 all done, 1 some
pictures failed (the report says which and why), 2 nothing was written, 130 stopped by Ctrl-C (a
second one stops at once).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_inputs(
        parser,
        epilog=EPILOG,
        help="picture, folder (with its sub-folders), glob pattern, list of paths (.txt), "
        "manifest (.csv, .jsonl) with image, mask, output and exclude, or - for standard input",
    )
    _add_files(parser.add_argument_group("files"))
    _add_detection(parser.add_argument_group("finding damage"))
    _add_treatment(parser.add_argument_group("filling"))
    _add_running(parser.add_argument_group("running"))


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-m",
        "--mask",
        metavar="MASKS",
        help="one mask for all; a folder with a mask for each, of the same name, "
        f"with or without _mask behind it; '{ALPHA}': what is transparent is filled; "
        f"{', '.join(PAINTS)}: what was painted over in this colour is; or - for standard input",
    )
    group.add_argument(
        "--exclude",
        metavar="MASKS",
        help="what texture is not copied from (white): one mask for all, or a folder with one for "
        "each, of the same name",
    )
    group.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="a folder, or for one file a file or - (standard output)",
    )
    group.add_argument(
        "--suffix",
        default="",
        metavar="TEXT",
        help="outputs are called NAME + TEXT, and lie beside the pictures without OUTPUT",
    )
    group.add_argument("--mask-suffix", metavar="TEXT", help="masks are called NAME + TEXT")
    group.add_argument(
        "--format", choices=FORMAT_NAMES, default="keep", help="default: %(default)s"
    )
    group.add_argument("--quality", type=int, help="1 to 100; default: as the source")
    group.add_argument(
        "--frames",
        choices=("first", "all"),
        default="first",
        help="of animations (GIF, PNG, WebP) and TIFF files with several pages; all are written "
        "into one file; default: %(default)s",
    )
    group.add_argument("--skip-existing", action="store_true", help="finish an earlier run")
    group.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    group.add_argument(
        "--allow-outside",
        action="store_true",
        help="let outputs of manifests, and links, lead out of OUTPUT",
    )
    group.add_argument(
        "--skip-unmasked", action="store_true", help="leave out pictures without mask"
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="pictures that something is to be noted about, such as a suspicious mask, fail",
    )
    group.add_argument(
        "--report",
        metavar="PATH",
        help=f"a JSON line for every picture; default: {REPORT_NAME} in an output folder",
    )


def _add_detection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--detect",
        nargs="?",
        const=",".join(DAMAGE),
        metavar="CLASSES",
        help=f"fill the damage that is found: some of {','.join(DAMAGE)}; all without CLASSES",
    )
    add_detection(group, beyond="is reported, not filled")
    group.add_argument("--keep-masks", metavar="FOLDER", help="write the masks that were found")


def _add_treatment(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--invert", action="store_true", help="white in a mask means keep")
    group.add_argument(
        "--grow",
        type=int,
        metavar="PX",
        help=f"grow the holes by PX; default: 0, and {DEFAULT_GROW} with --detect",
    )
    group.add_argument(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME|FILE",
        help="shipped weights by name, or a file; default: %(default)s",
    )
    group.add_argument(
        "--style",
        choices=get_args(Style),
        default=DEFAULT_STYLE,
        help="natural: what looks real; faithful: closest on average, nothing is invented; plain: "
        "no texture from the rest of the picture; default: %(default)s",
    )
    group.add_argument("--detail", help=argparse.SUPPRESS)  # what --style was called before
    group.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the search for texture; the same gives the same fill; default: %(default)s",
    )


def _add_running(group: argparse._ArgumentGroup) -> None:
    add_verbosity(group)
    group.add_argument("--device", help="cpu, cuda, cuda:1; default: the GPU if there is one")
    group.add_argument(
        "--workers",
        type=int,
        help="pictures in memory at once, or actors of Ray; default: by cores",
    )
    group.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="default: %(default)s"
    )
    group.add_argument("--address", help="of a Ray cluster; default: a new one on this machine")
    add_shard(group)
    group.add_argument("--limit", type=int, metavar="N", help="fill N pictures at most")
    add_max_megapixels(group)
    group.add_argument(
        "--max-memory",
        type=float,
        metavar="GB",
        help="of the whole run: fewer pictures at once, and what would take more fails; default: "
        "what is free",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print what would be done as a JSONL manifest"
    )


def run(arguments: argparse.Namespace) -> int:
    """Plan, fill, report; returns the exit code 0 or 1. Raises for bad usage before writing."""
    from inpaint.cli.run_fill import run_fill  # brings torch, which --help can do without

    return run_fill(arguments)

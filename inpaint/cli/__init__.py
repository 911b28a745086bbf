"""The command `inpaint`: one sub-command a module, and errors as one line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from inpaint.cli.interrupts import stoppable
from inpaint.utils.extras import advice

# Name, module and help of each sub-command. A module offers add_arguments(parser) and
# run(arguments) -> exit code; it is imported when its command is used, so that --help is quick.
COMMANDS = {
    "fill": ("inpaint.cli.fill", "fill the holes of an image or of whole folders"),
    "detect": ("inpaint.cli.detect", "find scratches, dust and stamps, and write their masks"),
    "app": ("inpaint.cli.app", "serve the page where photos are brushed and filled"),
    "serve": ("inpaint.cli.serve", "serve fills to programs, by HTTP"),
    "train": ("inpaint.cli.train", "train an inpainting network"),
    "train-detector": ("inpaint.cli.train_detector", "train the detector of damage"),
    "evaluate": ("inpaint.cli.evaluate", "measure methods on fixed images and holes"),
    "masks": ("inpaint.cli.masks", "write a test set of irregular holes"),
    "weights": ("inpaint.cli.weights", "list, check and convert weight files"),
    "export": ("inpaint.cli.export", "write a network as ONNX"),
    "padding": ("inpaint.cli.padding", "train and compare classifiers with different paddings"),
}

_HEADLESS = "pip uninstall opencv-python, then pip install --force-reinstall opencv-python-headless"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 1 failed, 2 bad usage, 130 stopped by Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="inpaint", description="Image inpainting with partial convolutions."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = arguments[0] if arguments else None
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        if name == chosen and not _add_arguments(module, command):
            return 1
    return _run(COMMANDS[parser.parse_args(arguments).command][0], parser, arguments)


def run_script(module: str, prog: str, description: str | None) -> int:
    """Run one command's module as a script of its own; returns the exit code as main does.

    Args:
        module: Name of a module with `add_arguments` and `run`.
        prog: Name of the script, which its messages start with.
        description: Text of its `--help`.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    if not _add_arguments(module, parser):
        return 1
    return _run(module, parser, sys.argv[1:])


class _Version(argparse.Action):
    """Not argparse's own: the version is looked up when it is asked for only."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from inpaint.utils.version import __version__

        print(f"{parser.prog} {__version__}")
        parser.exit()


def _add_arguments(module: str, parser: argparse.ArgumentParser) -> bool:
    """Add a command's options; False, with a message, where a package it needs is missing."""
    try:
        import_module(module).add_arguments(parser)
    except ImportError as error:
        print(f"{parser.prog}: {_advised(error)}", file=sys.stderr)
        return False
    return True


def _advised(error: ImportError) -> str:
    """The message, and what to do about a missing extra, or what OpenCV's windows need."""
    if "libGL" in str(error) or "libgthread" in str(error):
        return f"{error}; either apt-get install libgl1 libglib2.0-0, or {_HEADLESS}"
    return advice(error) if isinstance(error, ModuleNotFoundError) else str(error)


def _run(module: str, parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    options = parser.parse_args(arguments)
    prog = f"{parser.prog} {options.command}" if "command" in options else parser.prog
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger("inpaint").setLevel(logging.INFO)
    try:
        with stoppable(prog):
            code: int = import_module(module).run(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError | FileNotFoundError) else 1
    except ImportError as error:  # an extra, or a library that an installed package needs
        print(f"{prog}: {_advised(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"{prog}: {stopped or 'stopped'}", file=sys.stderr)
        return 128 + getattr(stopped, "signum", 2)
    return code

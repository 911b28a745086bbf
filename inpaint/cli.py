"""The command `inpaint`: one sub-command a module, and errors as one line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

# Name, module and help of each sub-command. A module offers add_arguments(parser) and
# run(arguments) -> exit code; it is imported when it is asked for, so that --help is quick.
COMMANDS = {
    "fill": ("inpaint.batch.command", "fill the holes of a picture or of whole folders"),
    "batch": ("inpaint.batch.command", "the same as fill"),
    "export": ("inpaint.export", "write a network as ONNX"),
    "masks": ("inpaint.masks.testset", "write a test set of irregular holes"),
    "evaluate": ("inpaint.evaluate.command", "measure methods on fixed pictures and holes"),
    "padding": ("inpaint.padding.command", "compare paddings of a classifier by training it"),
    "weights": ("inpaint.weights_command", "list, check and convert weight files"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 bad usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="inpaint", description="Image inpainting with partial convolutions."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        if arguments[:1] == [name]:
            import_module(module).add_arguments(command)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger("inpaint").setLevel(logging.INFO)
    try:
        code: int = import_module(COMMANDS[options.command][0]).run(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"inpaint {options.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError | FileNotFoundError) else 1
    except KeyboardInterrupt:
        print(f"inpaint {options.command}: stopped", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())

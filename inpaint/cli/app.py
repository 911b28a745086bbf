"""The command `inpaint app`, and app.py: the page where people brush away what they don't want."""

from __future__ import annotations

import argparse
import os
import signal

from inpaint.app.serving import ServingOptions, serve
from inpaint.utils.options import add_options, from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each field of ServingOptions, and --open."""
    add_options(parser, ServingOptions)
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def options_from(arguments: argparse.Namespace) -> ServingOptions:
    """How the page is served; the password may come from the environment. Raises ValueError."""
    auth = arguments.auth or os.environ.get("INPAINT_AUTH") or None
    return from_options(ServingOptions, arguments, auth=auth)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl+C or SIGTERM; returns 0.

    Raises:
        ValueError: Options that cannot work, or weights that hold no network.
        FileNotFoundError: No such weights.
        OSError: The port is taken.
        ModuleNotFoundError: Gradio is not installed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's Ctrl+C
    serve(options_from(arguments), in_browser=arguments.open)
    return 0

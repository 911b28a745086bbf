"""The command `inpaint serve`: the HTTP API for programs."""

from __future__ import annotations

import argparse
import os
import signal

from inpaint.api.options import ServeOptions
from inpaint.utils.options import add_options, from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each field of ServeOptions."""
    add_options(parser, ServeOptions)


def options_from(arguments: argparse.Namespace) -> ServeOptions:
    """How the API is served; the token may come from the environment. Raises ValueError."""
    token = arguments.token or os.environ.get("INPAINT_TOKEN") or None
    return from_options(ServeOptions, arguments, token=token)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl+C or SIGTERM; returns 0. Raises as inpaint.api.serving.serve does."""
    options = options_from(arguments)
    from inpaint.api.serving import serve

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises what it caught again
    try:
        serve(options)
    except KeyboardInterrupt:
        return 0
    return 0

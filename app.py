"""Serve the page where people brush away what they don't want: `python app.py`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from inpaint.app.serving import parse_options, serve


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl+C. Returns the exit code: 0 stopped, 1 could not start."""
    options, in_browser = parse_options(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's Ctrl+C
    try:
        serve(options, in_browser=in_browser)
    except (ImportError, OSError, ValueError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

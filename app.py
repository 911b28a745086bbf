"""Serve the page where people brush away what they don't want: python app.py"""

import sys

from inpaint.cli import run_script


def main() -> int:
    """Returns 0: stopped. 1: the port is taken, or a package is missing. 2: options or weights that
    cannot work."""
    return run_script("inpaint.cli.app", "app.py", __doc__)


if __name__ == "__main__":
    sys.exit(main())

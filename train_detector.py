"""Train the damage detector: python train_detector.py --data folder --root photos/"""

import sys

from inpaint.cli import run_script


def main() -> int:
    """Returns 0: done. 1: the training diverged. 2: settings or data that cannot work. 130, 143:
    stopped by Ctrl-C or SIGTERM."""
    return run_script("inpaint.cli.train_detector", "train_detector.py", __doc__)


if __name__ == "__main__":
    sys.exit(main())

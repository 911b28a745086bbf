"""Train a partial-convolution U-Net: python train_inpaint.py --data places2"""

import sys

from inpaint.cli import run_script


def main() -> int:
    """Returns 0: done. 1: the training diverged. 2: settings or data that cannot work. 130, 143:
    stopped by Ctrl-C or SIGTERM."""
    return run_script("inpaint.cli.train", "train_inpaint.py", __doc__)


if __name__ == "__main__":
    sys.exit(main())

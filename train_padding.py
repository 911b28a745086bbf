"""Train a classifier with zero or partial-convolution padding:
python train_padding.py -a pdresnet50 --data_train DIR --data_val DIR
"""

import sys

from inpaint.cli import run_script


def main() -> int:
    """Returns 0: done. 1: the training diverged. 2: settings or data that cannot work. 130: stopped
    by Ctrl-C."""
    return run_script("inpaint.cli.train_padding", "train_padding.py", __doc__)


if __name__ == "__main__":
    sys.exit(main())

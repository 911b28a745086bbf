"""Train a partial-convolution U-Net: python train_inpaint.py --data places2"""

import argparse
import logging
import sys

try:
    from inpaint.train import (
        NonFiniteLossError,
        TrainingStopped,
        add_arguments,
        config_from,
        train,
    )
except ModuleNotFoundError as error:
    sys.exit(f"train_inpaint.py: {error}")


def main() -> int:
    """0: done. 1: the training diverged. 2: settings or data that cannot work. 130, 143: stopped
    by Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        folder = train(config_from(arguments))
    except (ValueError, OSError) as error:
        print(f"train_inpaint.py: {error}", file=sys.stderr)
        return 2
    except NonFiniteLossError as error:
        print(f"train_inpaint.py: {error}", file=sys.stderr)
        return 1
    except TrainingStopped as stopped:
        print(f"train_inpaint.py: {stopped}", file=sys.stderr)
        return 128 + stopped.signum
    except KeyboardInterrupt:
        return 130
    print(f"done: {folder / 'ema.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

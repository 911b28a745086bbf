"""Train a partial-convolution U-Net: python train_inpaint.py --data places2"""

import argparse
import logging
import sys

from inpaint.train import NonFiniteLossError, add_arguments, config_from, train


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        folder = train(config_from(arguments))
    except (ValueError, FileNotFoundError) as error:
        print(f"train_inpaint.py: {error}", file=sys.stderr)
        return 2
    except NonFiniteLossError as error:
        print(f"train_inpaint.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; go on with --resume", file=sys.stderr)
        return 130
    print(f"done: {folder / 'ema.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

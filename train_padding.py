"""Train a classifier with zero or partial-convolution padding:
python train_padding.py -a pdresnet50 --data_train DIR --data_val DIR
"""

import argparse
import logging
import sys

try:
    from inpaint.padding.config import ClassifierConfig, add_arguments, config_from
    from inpaint.padding.train import ClassifierRun, train
    from inpaint.train import NonFiniteLossError
except ModuleNotFoundError as error:
    sys.exit(f"train_padding.py: {error}")


def main() -> int:
    """0: done. 1: the training diverged. 2: settings or data that cannot work. 130: stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        print(_run(config_from(arguments)))
    except (ValueError, OSError) as error:
        print(f"train_padding.py: {error}", file=sys.stderr)
        return 2
    except NonFiniteLossError as error:
        print(f"train_padding.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train_padding.py: stopped; --resume goes on after the last epoch", file=sys.stderr)
        return 130
    return 0


def _run(config: ClassifierConfig) -> str:
    if config.evaluate:
        run = ClassifierRun(config)
        try:
            return str(run.evaluate())
        finally:
            run.close()
    outcome = train(config)
    return f"done: best {outcome.best}; {outcome.folder / 'model_best.pth.tar'}"


if __name__ == "__main__":
    sys.exit(main())

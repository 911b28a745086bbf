"""Training a PConvUNet: whole runs, and the parts of a loop of one's own."""

from typing import TYPE_CHECKING

from inpaint.utils.extras import install
from inpaint.utils.lazy import lazy_dir, lazy_names

if TYPE_CHECKING:
    from inpaint.checkpoints.vgg import VGG16
    from inpaint.masks.generate import random_hole
    from inpaint.training.config import (
        RECIPES,
        Phase,
        Recipe,
        TrainConfig,
        add_arguments,
        config_from,
    )
    from inpaint.training.loop import train
    from inpaint.training.losses import inpainting_loss, inpainting_terms
    from inpaint.training.stop import NonFiniteLossError, TrainingStopped
    from inpaint.training.weights import LossWeights

__all__ = [
    "RECIPES",
    "VGG16",
    "LossWeights",
    "NonFiniteLossError",
    "Phase",
    "Recipe",
    "TrainConfig",
    "TrainingStopped",
    "add_arguments",
    "config_from",
    "inpainting_loss",
    "inpainting_terms",
    "random_hole",
    "train",
]

# Imported on first use: losses work without what whole runs need, Accelerate and TensorBoard.
_MODULES = {
    "VGG16": "inpaint.checkpoints.vgg",
    "random_hole": "inpaint.masks.generate",
    "LossWeights": "inpaint.training.weights",
    **dict.fromkeys(("inpainting_loss", "inpainting_terms"), "inpaint.training.losses"),
    **dict.fromkeys(("RECIPES", "Phase", "Recipe", "TrainConfig", "add_arguments", "config_from"),
                    "inpaint.training.config"),
    **dict.fromkeys(("NonFiniteLossError", "TrainingStopped"), "inpaint.training.stop"),
    "train": "inpaint.training.loop",
}  # fmt: skip

_find = lazy_names(__name__, _MODULES)


def __getattr__(name: str) -> object:
    try:
        return _find(name)
    except ModuleNotFoundError as error:
        if error.name not in ("accelerate", "tensorboard"):
            raise
        raise ModuleNotFoundError(
            f"training needs {error.name}; get it with: {install('train')}",
            name=error.name,
        ) from error


__dir__ = lazy_dir(__name__)

"""Training a PConvUNet."""

from inpaint.train.config import RECIPES, Phase, Recipe, TrainConfig, add_arguments, config_from
from inpaint.train.loop import NonFiniteLossError, train

__all__ = [
    "RECIPES",
    "NonFiniteLossError",
    "Phase",
    "Recipe",
    "TrainConfig",
    "add_arguments",
    "config_from",
    "train",
]

"""Training a PConvUNet."""

from inpaint.training.config import RECIPES, Phase, Recipe, TrainConfig, add_arguments, config_from

try:
    from inpaint.training.loop import NonFiniteLossError, TrainingStopped, train
except ModuleNotFoundError as error:
    if error.name not in ("accelerate", "tensorboard"):
        raise
    raise ModuleNotFoundError(
        f"training needs {error.name}; get it with: pip install 'inpaint[train]'", name=error.name
    ) from error

__all__ = [
    "RECIPES",
    "NonFiniteLossError",
    "Phase",
    "Recipe",
    "TrainConfig",
    "TrainingStopped",
    "add_arguments",
    "config_from",
    "train",
]

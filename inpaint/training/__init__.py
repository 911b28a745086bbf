"""Training a PConvUNet."""

from typing import TYPE_CHECKING, Any

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.training.config import (
        RECIPES,
        Phase,
        Recipe,
        TrainConfig,
        add_arguments,
        config_from,
    )
    from inpaint.training.loop import NonFiniteLossError, TrainingStopped, train

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

_CONFIG, _LOOP = "inpaint.training.config", "inpaint.training.loop"
_find = lazy_names(
    __name__,
    {
        **dict.fromkeys(("NonFiniteLossError", "TrainingStopped", "train"), _LOOP),
        **dict.fromkeys(("RECIPES", "Phase", "Recipe", "TrainConfig"), _CONFIG),
        **dict.fromkeys(("add_arguments", "config_from"), _CONFIG),
    },
)


def __getattr__(name: str) -> Any:
    """A public name, imported on first use: the detector's trainer needs none of the extras."""
    try:
        return _find(name)
    except ModuleNotFoundError as error:
        if error.name not in ("accelerate", "tensorboard"):
            raise
        raise ModuleNotFoundError(
            f"training needs {error.name}; get it with: pip install 'inpaint[train]'",
            name=error.name,
        ) from error

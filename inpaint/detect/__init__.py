"""Finding scratches, dust and stamps: masks without a brush."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.detect.config import DetectTrainConfig
    from inpaint.detect.train import train_detector

__all__ = ["DetectTrainConfig", "train_detector"]

_MODULES = {
    "DetectTrainConfig": "inpaint.detect.config",
    "train_detector": "inpaint.detect.train",
}

__getattr__ = lazy_names(__name__, _MODULES)

"""Finding scratches, dust and stamps: masks without a brush."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.detect.config import DetectTrainConfig
    from inpaint.detect.detector import DamageDetector, Detection, detect
    from inpaint.detect.repeated import repeated_overlay
    from inpaint.detect.settings import DetectSettings
    from inpaint.detect.train import train_detector

__all__ = [
    "DamageDetector",
    "DetectSettings",
    "DetectTrainConfig",
    "Detection",
    "detect",
    "repeated_overlay",
    "train_detector",
]

_MODULES = {
    "DamageDetector": "inpaint.detect.detector",
    "DetectSettings": "inpaint.detect.settings",
    "DetectTrainConfig": "inpaint.detect.config",
    "Detection": "inpaint.detect.detector",
    "detect": "inpaint.detect.detector",
    "repeated_overlay": "inpaint.detect.repeated",
    "train_detector": "inpaint.detect.train",
}

__getattr__ = lazy_names(__name__, _MODULES)

"""What an ONNX file takes and how it computes; light, for command lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ImageType = Literal["float32", "uint8"]
Precision = Literal["float32", "float16"]

# Largest difference to torch in float32, of values in [0, 1].
TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "float16": 1.5 / 255}
_ROUNDING = 0.5 / 255  # of uint8


@dataclass(frozen=True)
class OnnxConfig:
    """What an ONNX file takes and how it computes. Raises ValueError for another type.

    Attributes:
        image: Type of image, mask and composite: "float32" with values in [0, 1], or "uint8".
        precision: Of the weights and the features. "float16" halves the file; what is counted in
            masks stays float32.
    """

    image: ImageType = "float32"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name, kinds in (("image", ImageType), ("precision", Precision)):
            if getattr(self, name) not in get_args(kinds):
                allowed = " or ".join(get_args(kinds))
                raise ValueError(f"{name} must be {allowed}, got {getattr(self, name)!r}")

    @property
    def tolerance(self) -> float:
        """Largest difference to the composite of torch in float32, of values in [0, 1]."""
        return TOLERANCES[self.precision] + (_ROUNDING if self.image == "uint8" else 0)

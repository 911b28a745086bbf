"""The architectures that weight files can hold.

A new architecture is a module of this package and one line of `ARCHITECTURES`. Its configuration is
a frozen dataclass with `to_dict()` and `from_dict(values)`, which raises ValueError or TypeError,
and its network takes that configuration and keeps it as `config`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from inpaint.models.detector import Detector, DetectorConfig
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.unet import PConvUNet, UNetConfig

Role = Literal["network", "refiner", "detector"]


@dataclass(frozen=True)
class Architecture:
    """How a kind of network is configured and built."""

    config: Any  # class of its configuration
    network: Any  # class of the network
    role: Role  # "network": (image, valid) -> image; the others: see their `forward`


# By the name in a file's metadata ("format").
ARCHITECTURES = {
    "inpaint-pconv-unet": Architecture(UNetConfig, PConvUNet, "network"),
    "inpaint-refiner": Architecture(RefinerConfig, Refiner, "refiner"),
    "inpaint-detector": Architecture(DetectorConfig, Detector, "detector"),
}
DEFAULT_KIND = "inpaint-pconv-unet"  # of files without a name


def architecture(kind: str) -> Architecture:
    """The architecture of a kind. Raises ValueError that lists the kinds there are."""
    if kind not in ARCHITECTURES:
        raise ValueError(f"format must be one of {', '.join(ARCHITECTURES)}, got {kind!r}")
    return ARCHITECTURES[kind]


def kind_of(network: nn.Module) -> str:
    """The kind of a network. Raises TypeError for one that is not registered."""
    for kind, found in ARCHITECTURES.items():
        if type(network) is found.network:
            return kind
    raise TypeError(f"{type(network).__name__} is not in {__name__}.ARCHITECTURES")


def build(kind: str, settings: dict[str, Any]) -> Any:
    """An untrained network of a kind, with the settings that its configuration's `to_dict` gave.

    Raises:
        ValueError, TypeError: No such kind, or settings that make no network.
    """
    found = architecture(kind)
    return found.network(found.config.from_dict(settings))

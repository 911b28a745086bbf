"""The architectures that weight files can hold.

A new architecture is a module of this package and one line of `ARCHITECTURES`. Its configuration is
a frozen dataclass with `to_dict()` and `from_dict(values)`, which raises ValueError. Its network
takes that configuration and keeps it as `config`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from inpaint.models.detector import Detector, DetectorConfig
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.utils.settings import shortened

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
_RANDOM = (
    *(Tensor.normal_, Tensor.uniform_),
    *(nn.init.normal_, nn.init.uniform_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_),
)
DEFAULT_KIND = "inpaint-pconv-unet"  # of files without a name


def architecture(kind: str) -> Architecture:
    """The architecture of a kind. Raises ValueError that lists the kinds there are."""
    if kind not in ARCHITECTURES:
        raise ValueError(f"format must be one of {', '.join(ARCHITECTURES)}, got {shortened(kind)}")
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
        ValueError: No such kind, or settings that make no network.
    """
    found = architecture(kind)
    return found.network(found.config.from_dict(settings))


def build_empty(kind: str, settings: dict[str, Any], device: str = "cpu") -> Any:
    """As `build`, but with random weights left as they are in memory, for others to be loaded.

    On the device "meta" it takes no memory, whatever its size.
    """
    with torch.device(device), _WithoutRandomness():
        return build(kind, settings)


class _WithoutRandomness(TorchFunctionMode):
    """Leaves out random initialisation, which takes most of the time that building takes."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _RANDOM:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)

"""Where networks are computed: a device by its name, checked before anything is loaded."""

from __future__ import annotations

from typing import Any

import torch


def parse_device(device: Any) -> torch.device:
    """The device of a name, whether this machine has it or not.

    Raises:
        ValueError: For what is no name of a device.
    """
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be cpu, cuda, cuda:1 or the like, got {device!r}") from error


def usable_device(device: Any = None) -> torch.device:
    """The device of a name; None is the GPU if there is one, and the CPU otherwise.

    Raises:
        ValueError: For what is no name of a device, and for one that this machine does not have.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = parse_device(device)
    try:
        torch.zeros(1, device=found).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"device {str(device)!r} cannot be used on this machine: {reason}"
        ) from error
    return found

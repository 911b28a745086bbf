"""Reading tensors from safetensors and torch files, which are untrusted input."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one that does not fit."""


def check_finite(output: Tensor, what: str) -> Tensor:
    """The output of a network, if it holds neither NaN nor infinity.

    Weights can be finite each and still overflow together; a NaN would become a black pixel.

    Args:
        output: Of any shape.
        what: Names the network in the message.

    Raises:
        CheckpointError: For other output.
    """
    if not output.isfinite().all():
        raise CheckpointError(
            f"the {what}'s output holds NaN or infinity: its weights are damaged or too large"
        )
    return output


def load_torch_file(path: str | Path, *, what: str = "checkpoint") -> Any:
    """What a safetensors or torch file holds, on the CPU.

    A torch file is read as tensors and plain types only; one that would run code is refused.

    Args:
        path: A file that ends in `.safetensors`, or one that `torch.save` wrote.
        what: What the messages call the file.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, or holds more than tensors and plain types.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no {what} at {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is no readable {what}: it is damaged, or holds more than tensors and plain "
            "types, so that it could run code and is not opened. Save its state_dict() alone, "
            "where you trust it"
        ) from error
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is no readable {what}: {reason}") from error

"""Reading tensors from safetensors and torch files, which are untrusted input."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from inpaint.utils.settings import one_line, shortened

MAX_REPEATED = 1 << 26  # bytes that views in a file may have beyond their memory


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
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        _check_tensors(content)
        return content
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
        raise CheckpointError(f"{path} is no readable {what}: {one_line(reason)}") from error


def _check_archive(path: Path) -> None:
    """Raise ValueError for a compressed archive, which could unpack to any size.

    torch stores tensors as they are.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > path.stat().st_size:
            raise ValueError(f"it is compressed: it would unpack to {unpacked} bytes")


def _check_tensors(content: Any) -> None:
    """Raise ValueError for tensors that are not plain, or that repeat their memory.

    A view may say that it is of any size: the first copy of it would take that much memory.
    """
    repeated = 0
    for tensor in _tensors_in(content):
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ValueError(f"it holds a tensor that is not dense: {tensor.layout}")
        size = tensor.numel() * tensor.element_size()
        repeated += max(0, size - tensor.untyped_storage().nbytes())
        if repeated > MAX_REPEATED:
            raise ValueError(
                f"a tensor of shape {shortened(tuple(tensor.shape))} is larger than what the file "
                "holds of it"
            )


def _tensors_in(content: Any) -> Iterator[Tensor]:
    """All tensors of nested containers, which may hold themselves."""
    stack, seen = [content], set()
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            stack += value.values() if isinstance(value, Mapping) else value

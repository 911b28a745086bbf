"""ONNX: a network as one file that onnxruntime or OpenVINO runs without torch's Python code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inpaint.checkpoints.weights import CheckpointError

# Names in a file of `inpaint export`, see docs/onnx.md. No other known network has these outputs.
INPUTS = ("image", "mask")
OUTPUTS = ("composite", "output")


class OnnxNetwork:
    """A network in an ONNX file, called like a PConvUNet; runs on the CPU by onnxruntime."""

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        """threads: of the CPU; None takes torch's number.

        Raises FileNotFoundError, ImportError that names the extra, or CheckpointError.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no ONNX file at {path}")
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        try:
            self._session = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has an exception class for each status
            raise CheckpointError(f"{path} is not a usable ONNX file: {error}") from error
        _check_contract(self._session, path)
        stored = self._session.get_modelmeta().custom_metadata_map
        self.notes: dict[str, Any] = json.loads(stored.get("notes", "{}"))

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """See PConvUNet.forward; both tensors on the CPU, as many masks as images."""
        mask = (valid <= 0).to(image.dtype)
        inputs = {"image": image.contiguous().numpy(), "mask": mask.contiguous().numpy()}
        return torch.from_numpy(self._session.run(["output"], inputs)[0])


def is_own(session: Any) -> bool:
    """Whether `inpaint export`, also of version 0.1, wrote the file of a session."""
    names = tuple(value.name for value in session.get_outputs())
    return names == OUTPUTS or _is_of_0_1(session)


def _is_of_0_1(session: Any) -> bool:
    return [value.name for value in session.get_inputs()] == ["image", "valid"]


def _check_contract(session: Any, path: Path) -> None:
    """Raises CheckpointError unless a session takes and gives what OnnxNetwork needs."""
    inputs = session.get_inputs()
    names = [value.name for value in inputs]
    if _is_of_0_1(session):
        raise CheckpointError(
            f"{path} was written by version 0.1; write it again with: inpaint export {path.name}"
        )
    if not is_own(session):
        raise CheckpointError(f"{path} takes {names}, and is not one of `inpaint export`")
    if inputs[0].type != "tensor(float)":
        raise CheckpointError(
            f"{path} takes {inputs[0].type}; this package runs files of float32, which "
            "`inpaint export` writes without --image"
        )


def import_onnxruntime() -> Any:
    """The package onnxruntime. Raises ImportError that names the extra."""
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime") from error
    return onnxruntime


def missing(package: str) -> ImportError:
    """The error for a package that is not installed."""
    return ImportError(f"{package} is not installed; ONNX needs: pip install 'inpaint[export]'")

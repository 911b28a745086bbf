"""ONNX: a network as one file that onnxruntime or OpenVINO runs without torch's Python code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint.checkpoints.metadata import read_object
from inpaint.checkpoints.torch_file import CheckpointError, check_finite
from inpaint.utils.extras import not_installed
from inpaint.utils.settings import one_line, shortened

# Names in a file of `inpaint export`, see docs/onnx.md. No other known network has these outputs.
INPUTS = ("image", "mask")
OUTPUTS = ("composite", "output")
MAX_BYTES = 1 << 31  # what the format can hold in one file
_FATAL = 4  # onnxruntime's level of logging


class OnnxNetwork:
    """A network in an ONNX file, called like a PConvUNet; runs on the CPU by onnxruntime.

    It can be copied and pickled, and holds the file for that.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        """threads: of the CPU; None takes torch's number, where it is unpickled anew.

        Raises FileNotFoundError, ImportError that names the extra, or CheckpointError.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no ONNX file at {path}")
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{path} is not a usable ONNX file: it is larger than 2 GB")
        self._name, self._threads = str(path), threads
        # Given bytes, onnxruntime reads no other file that these may name.
        self._model = path.read_bytes()
        self._session = self._start()
        try:
            inputs = [(v.name, v.type, v.shape) for v in self._session.get_inputs()]
            texts = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{path} is not a usable ONNX file: {error}") from error
        self.in_channels = self._check_inputs(inputs)
        self.notes: dict[str, Any] = read_object(path, texts, "notes")
        self.out_channels = self._try_out()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._session = self._start()

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """See PConvUNet.forward; both tensors on the CPU, as many masks as images.

        Raises CheckpointError when the file's network does not answer with an image.
        """
        output = self._run(image, valid)
        if output.shape != (len(image), self.out_channels, *image.shape[2:]):
            raise CheckpointError(
                f"{self._name} answers an image of shape {tuple(image.shape)} with one of shape "
                f"{tuple(output.shape)}"
            )
        return output

    def _start(self) -> Any:
        """A session with the model. Raises CheckpointError, or ImportError that names the extra."""
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self._threads or torch.get_num_threads()
        options.log_severity_level = _FATAL  # what is wrong is in the exception
        try:
            return runtime.InferenceSession(
                self._model,
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # it would print the error, and try the same again
            )
        except Exception as error:  # onnxruntime has an exception class for each status
            raise CheckpointError(
                f"{self._name} is not a usable ONNX file: {one_line(str(error))}"
            ) from error

    def _check_inputs(self, inputs: list[tuple[str, str, list[Any]]]) -> int:
        """The number of the image's channels. Raises CheckpointError for another network.

        inputs: Names, types and shapes.
        """
        names = [name for name, _, _ in inputs]
        if _is_of_0_1(names):
            raise CheckpointError(
                f"{self._name} was written by version 0.1; write it again with: inpaint export "
                f"{Path(self._name).name}"
            )
        if names != list(INPUTS):
            raise CheckpointError(
                f"{self._name} takes {shortened(names)}, not image and mask: not one of ours"
            )
        if inputs[0][1] == "tensor(uint8)":
            raise CheckpointError(
                f"{self._name} takes tensor(uint8); this package runs files of float32, which "
                "`inpaint export` writes without --image"
            )
        for name, kind, shape in inputs:
            channels = shape[1] if len(shape) == 4 else None
            if kind != "tensor(float)" or not isinstance(channels, int) or channels < 1:
                raise CheckpointError(
                    f"{self._name} takes {name} as {one_line(kind)} {shortened(shape)}, not as "
                    "tensor(float) of (batch, channels, height, width)"
                )
        return int(inputs[0][2][1])

    def _try_out(self) -> int:
        """The number of channels of its answer. Raises CheckpointError for what is no image."""
        image = torch.linspace(0, 1, 2 * self.in_channels * 33 * 50)
        valid = torch.ones(2, 1, 33, 50)
        valid[..., 11:22, 20:30] = 0
        output = self._run(image.view(2, self.in_channels, 33, 50), valid)
        if output.dim() != 4 or (len(output), *output.shape[2:]) != (2, 33, 50):
            raise CheckpointError(
                f"{self._name} answers images of shape {(2, self.in_channels, 33, 50)} with "
                f"{tuple(output.shape)}"
            )
        check_finite(output, f"network in {self._name}")
        return output.shape[1]

    def _run(self, image: Tensor, valid: Tensor) -> Tensor:
        mask = (valid <= 0).to(image.dtype)
        inputs = {"image": image.contiguous().numpy(), "mask": mask.contiguous().numpy()}
        try:
            output = self._session.run(["output"], inputs)[0]
        except Exception as error:  # as in _start
            raise CheckpointError(f"{self._name} cannot be run: {one_line(str(error))}") from error
        if not isinstance(output, np.ndarray) or output.dtype != np.float32:
            kind = getattr(output, "dtype", type(output).__name__)
            raise CheckpointError(f"{self._name} answers with {kind}, not with float32")
        return torch.from_numpy(output)


def is_own(session: Any) -> bool:
    """Whether `inpaint export`, also of version 0.1, wrote the file of a session."""
    names = tuple(value.name for value in session.get_outputs())
    return names == OUTPUTS or _is_of_0_1([value.name for value in session.get_inputs()])


def _is_of_0_1(inputs: list[str]) -> bool:
    return inputs == ["image", "valid"]


def import_onnxruntime() -> Any:
    """The package onnxruntime. Raises ImportError that names the extra."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(not_installed("onnxruntime")) from error
    return onnxruntime

"""ONNX: a network as one file that onnxruntime or OpenVINO runs without torch's Python code."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inpaint.checkpoints.weights import (
    CheckpointError,
    load_network,
    read_metadata,
)
from inpaint.models.unet import PConvUNet
from inpaint.utils.extras import install
from inpaint.utils.files import atomic_path

CHECK_SIZES = ((64, 64), (37, 91), (256, 200), (130, 320))  # (height, width)
TOLERANCE = 1e-4  # largest difference to torch, of values in [0, 1]


class OnnxNetwork:
    """A network in an ONNX file, called like a PConvUNet; runs on the CPU by onnxruntime."""

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        """threads: of the CPU; None takes torch's number.

        Raises FileNotFoundError, ImportError that names the extra, or CheckpointError.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no ONNX file at {path}")
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        try:
            self._session = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has an exception class for each status
            raise CheckpointError(f"{path} is not a usable ONNX file: {error}") from error
        names = [value.name for value in self._session.get_inputs()]
        if names != ["image", "valid"]:
            raise CheckpointError(f"{path} takes {names}, not image and valid: not one of ours")
        stored = self._session.get_modelmeta().custom_metadata_map
        self.notes: dict[str, Any] = json.loads(stored.get("notes", "{}"))

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """See PConvUNet.forward; both tensors on the CPU, as many masks as images."""
        inputs = {"image": image.contiguous().numpy(), "valid": valid.contiguous().numpy()}
        return torch.from_numpy(self._session.run(["output"], inputs)[0])


def export_onnx(weights: str | Path, path: str | Path) -> float:
    """Write the network of a weight file as ONNX for any batch size, height and width.

    Returns the largest difference to torch over several sizes. Raises CheckpointError when it
    is above TOLERANCE, and ImportError that names the extra when an exporter is missing.
    """
    network = load_network(weights)
    with atomic_path(path) as temporary:
        _export(network, read_metadata(weights)["notes"], temporary)
        difference = _largest_difference(network, OnnxNetwork(temporary))
        if not difference <= TOLERANCE:
            raise CheckpointError(
                f"the exported network differs from torch by {difference:g}, more than {TOLERANCE}"
            )
    return difference


def _export(network: PConvUNet, notes: dict[str, Any], path: Path) -> None:
    try:
        import onnxscript  # noqa: F401  (what torch's exporter is built on)
    except ImportError as error:
        raise _missing("onnxscript") from error
    channels = network.config.in_channels
    example = torch.rand(2, channels, 193, 271), torch.ones(2, 1, 193, 271)
    axes = {
        0: torch.export.Dim("batch", min=1, max=1 << 15),
        2: torch.export.Dim("height", min=1, max=1 << 15),
        3: torch.export.Dim("width", min=1, max=1 << 15),
    }
    with warnings.catch_warnings():
        # The exporter remarks that image and valid share their sizes, as they shall.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            example,
            dynamo=True,
            verbose=False,
            input_names=["image", "valid"],
            output_names=["output"],
            dynamic_shapes={"image": axes, "valid": axes},
        )
    assert program is not None
    program.model.metadata_props["notes"] = json.dumps(notes)
    program.save(str(path))


def _largest_difference(network: PConvUNet, exported: OnnxNetwork) -> float:
    rng = torch.Generator().manual_seed(0)
    differences = []
    for batch, (height, width) in enumerate(CHECK_SIZES, start=1):
        image = torch.rand(batch, network.config.in_channels, height, width, generator=rng)
        small = torch.rand(batch, 1, height // 8 + 1, width // 8 + 1, generator=rng)
        valid = torch.nn.functional.interpolate((small > 0.3).float(), size=(height, width))
        with torch.inference_mode():
            expected = network(image, valid)
        differences.append((expected - exported(image, valid)).abs().max().item())
    return max(differences)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime") from error
    return onnxruntime


def _missing(package: str) -> ImportError:
    return ImportError(f"{package} is not installed; ONNX needs: {install('export')}")

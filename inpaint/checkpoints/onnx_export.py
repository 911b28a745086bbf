"""Writing ONNX: an image and its mask in, the filled image out, see docs/onnx.md."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inpaint.checkpoints.onnx import INPUTS, OUTPUTS, import_onnxruntime
from inpaint.checkpoints.onnx_config import OnnxConfig
from inpaint.checkpoints.weights import CheckpointError, load_network, read_metadata
from inpaint.models.unet import PConvUNet
from inpaint.utils.extras import not_installed
from inpaint.utils.files import atomic_path

OPSET = 18  # of ONNX, in files of its IR version 10, which onnxruntime 1.18 and later run
# (batch, height, width) that each file is checked with: single pixels and lines, odd and even
# sizes, fewer pixels than the network has levels, and far from the size of the example.
CHECK_SIZES = (
    *((1, 1, 1), (2, 1, 5), (3, 37, 91), (4, 64, 64)),
    *((1, 130, 320), (2, 200, 255), (1, 256, 256), (1, 513, 129)),
)


class CompositeNetwork(nn.Module):
    """A network with what is around it in an ONNX file: the mask applied, the holes filled."""

    def __init__(self, network: PConvUNet, config: OnnxConfig) -> None:
        """network: in float32; is changed."""
        super().__init__()
        self.config = config
        self.network = network.half() if config.precision == "float16" else network

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The composite and the network's own output.

        Args:
            image: (B, C, H, W), float32 in [0, 1] or uint8; what it holds in holes is not seen.
            mask: (B, 1, H, W) of the same type; hole where above 0.5, so 0 and 1, or 0 and 255.

        Returns:
            composite: Like the image, its known pixels bit for bit.
            output: (B, C, H, W) float32, about [0, 1] but not clamped.
        """
        # Not mask > 0 of uint8, which onnxruntime 1.18 has no kernel for.
        hole = mask > 0.5 if self.config.image == "float32" else mask.to(torch.bool)
        colours = image if self.config.image == "float32" else image.float() / 255
        dtype = self.network.mean.dtype
        output = self.network(colours.to(dtype), (~hole).to(dtype)).float()
        fill = output.clamp(0, 1)
        if self.config.image == "uint8":
            fill = (fill * 255).round().to(torch.uint8)
        return torch.where(hole, fill, image), output


def export_onnx(weights: str | Path, path: str | Path, config: OnnxConfig | None = None) -> float:
    """Write the network of a weight file as ONNX for any batch size, height and width.

    Args:
        weights: A weight file.
        path: Where to write.
        config: None is float32.

    Returns:
        The largest difference of the composite to torch's in float32 over CHECK_SIZES, of values
        in [0, 1].

    Raises:
        CheckpointError: The difference is above the tolerance, a known pixel changed, or the
            network's output is no image like its input.
        ImportError: That names the extra when an exporter is missing.
    """
    config = OnnxConfig() if config is None else config
    network = load_network(weights)
    channels = network.config.in_channels, network.config.out_channels
    if channels[0] != channels[1]:
        raise CheckpointError(
            f"{weights} makes {channels[1]} channels of {channels[0]}, which are no composite"
        )
    with atomic_path(path) as temporary:
        _export(CompositeNetwork(load_network(weights), config), weights, temporary)
        difference = _largest_difference(network, temporary, config)
        if not difference <= config.tolerance:
            raise CheckpointError(
                f"the exported network differs from torch by {difference:g}, more than "
                f"{config.tolerance:g}"
            )
    return difference


def _export(network: CompositeNetwork, weights: str | Path, path: Path) -> None:
    try:
        import onnxscript  # noqa: F401  (what torch's exporter is built on)
    except ImportError as error:
        raise ImportError(not_installed("onnxscript")) from error
    channels = network.network.config.in_channels
    dtype = torch.uint8 if network.config.image == "uint8" else torch.float32
    example = torch.ones(2, channels, 193, 271, dtype=dtype), torch.zeros(2, 1, 193, 271).to(dtype)
    axes = {
        0: torch.export.Dim("batch", min=1, max=1 << 15),
        2: torch.export.Dim("height", min=1, max=1 << 15),
        3: torch.export.Dim("width", min=1, max=1 << 15),
    }
    with warnings.catch_warnings():
        # The exporter remarks that image and mask share their sizes, as they shall.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            example,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=dict.fromkeys(INPUTS, axes),
        )
    assert program is not None
    program.model.metadata_props["notes"] = json.dumps(read_metadata(weights)["notes"])
    program.save(str(path))


def _largest_difference(network: PConvUNet, path: Path, config: OnnxConfig) -> float:
    """Of the file's composite to the network's, over CHECK_SIZES."""
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    return max(
        _difference(network, session, config, size, generator=generator) for size in CHECK_SIZES
    )


def _difference(
    network: PConvUNet,
    session: Any,
    config: OnnxConfig,
    size: tuple[int, int, int],
    *,
    generator: torch.Generator,
) -> float:
    """Of one batch of (batch, height, width). Raises CheckpointError if a known pixel changed."""
    batch, height, width = size
    small = torch.rand(batch, 1, height // 8 + 1, width // 8 + 1, generator=generator)
    hole = nn.functional.interpolate(small, size=(height, width)) < 0.3
    image = torch.rand(batch, network.config.in_channels, height, width, generator=generator)
    image = (image * 255).round() / 255
    with torch.inference_mode():
        output = network(image, ~hole)
    expected = torch.where(hole, output.clamp(0, 1), image).numpy()
    scale, kind = (255, np.uint8) if config.image == "uint8" else (1, np.float32)
    feed = {
        "image": np.rint(image.numpy() * 255).astype(kind) if scale > 1 else image.numpy(),
        "mask": hole.numpy().astype(kind),
    }
    composite = session.run(["composite"], feed)[0]
    known = np.broadcast_to(~hole.numpy(), composite.shape)
    if not np.array_equal(composite[known], feed["image"][known]):
        raise CheckpointError(f"the exported network changes known pixels of {height} x {width}")
    return float(np.abs(composite.astype(np.float32) / scale - expected).max())

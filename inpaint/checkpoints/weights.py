"""Weight files: safetensors that rebuild their own network, and where the shipped ones lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.utils.files import atomic_path

DEFAULT_WEIGHTS = "places2-compact"

# What a file holds, as its metadata name it.
UNET_FORMAT, REFINER_FORMAT = "inpaint-pconv-unet", "inpaint-refiner"


def weights_folder() -> Path:
    """Where the shipped weights lie: `weights/` beside the package in a checkout, or the copy of
    it that a wheel installs inside the package."""
    package = Path(__file__).parents[1]
    beside = package.parent / "weights"
    return beside if beside.is_dir() else package / "_weights"


def shipped_weights(name: str = DEFAULT_WEIGHTS) -> Path:
    """Path of the shipped weight file called `name`, without its ending.

    Raises FileNotFoundError that lists the names there are.
    """
    path = weights_folder() / f"{name}.safetensors"
    if not path.is_file():
        names = sorted(p.stem for p in weights_folder().glob("*.safetensors"))
        raise FileNotFoundError(
            f"no shipped weights called {name!r} in {weights_folder()}; "
            f"there are: {', '.join(names) or 'none'}"
        )
    return path


def find_weights(weights: str | Path) -> Path:
    """The path of a weight file: a name without an ending is one of the shipped files."""
    return Path(weights) if Path(weights).suffix else shipped_weights(str(weights))


def save_weights(
    network: PConvUNet | Refiner,
    path: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    notes: dict[str, Any] | None = None,
) -> None:
    """Write the network's weights with its configuration.

    dtype: of the kernels in the file; float16 halves it. Biases and batch-norm statistics stay
        float32: they are small, and a large variance is beyond float16.
    notes: JSON-able facts about the training that travel in the file's metadata.
    """
    tensors = {
        key: value.detach().cpu().to(dtype if value.ndim > 1 else torch.float32).contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    metadata = {
        "format": UNET_FORMAT if isinstance(network, PConvUNet) else REFINER_FORMAT,
        "config": json.dumps(network.config.to_dict()),
        "notes": json.dumps(notes or {}),
    }
    with atomic_path(path) as temporary:
        # save_file would make a file that only its owner can read, whatever the umask.
        temporary.write_bytes(save(tensors, metadata=metadata))


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Format, configuration and notes of a weight file: {"format", "config", "notes"}.

    Raises FileNotFoundError, or CheckpointError when the file is not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    if "config" not in metadata:
        raise CheckpointError(f"{path} holds no network configuration, so it is not one of ours")
    try:
        config, notes = json.loads(metadata["config"]), json.loads(metadata.get("notes", "{}"))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path} has unreadable metadata: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} has an unusable configuration: {config!r}")
    return {"format": metadata.get("format", UNET_FORMAT), "config": config, "notes": notes}


def load_network(path: str | Path, device: str | torch.device = "cpu") -> PConvUNet:
    """The network of a weight file, float32, in eval mode.

    Raises FileNotFoundError, or CheckpointError naming what does not fit.
    """
    network = load_weights(path)
    if not isinstance(network, PConvUNet):
        raise CheckpointError(f"{path} holds a refiner; weights of a network are wanted here")
    return network.to(device)


def load_refiner(path: str | Path) -> Refiner:
    """The refiner of a weight file, like load_network."""
    refiner = load_weights(path)
    if not isinstance(refiner, Refiner):
        raise CheckpointError(f"{path} holds a network; weights of a refiner are wanted here")
    return refiner


def build_network(kind: str, settings: dict[str, Any]) -> PConvUNet | Refiner:
    """An untrained network of a format, with the settings that to_dict of its configuration gave.

    Raises ValueError or TypeError for settings that make none.
    """
    if kind == REFINER_FORMAT:
        return Refiner(RefinerConfig.from_dict(settings))
    return PConvUNet(UNetConfig.from_dict(settings))


def load_weights(path: str | Path) -> PConvUNet | Refiner:
    """What a weight file holds, float32, in eval mode, on the CPU; errors as of load_network."""
    metadata = read_metadata(path)
    try:
        network = build_network(metadata["format"], metadata["config"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has an unusable configuration: {error}") from error
    state = {key: value.float() for key, value in load_file(path).items()}
    counters = {key for key in network.state_dict() if key.endswith("num_batches_tracked")}
    try:
        wrong = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit its configuration: {error}") from error
    missing = sorted(set(wrong.missing_keys) - counters)
    if missing or wrong.unexpected_keys:
        raise CheckpointError(
            f"{path} does not fit its configuration: missing {missing}, "
            f"unexpected {sorted(wrong.unexpected_keys)}"
        )
    return network.eval()

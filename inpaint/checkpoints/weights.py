"""Weight files: safetensors that rebuild their own network, and where the shipped ones lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.models.detector import Detector
from inpaint.models.refiner import Refiner
from inpaint.models.registry import DEFAULT_KIND, Role, architecture, build, kind_of
from inpaint.models.unet import PConvUNet
from inpaint.utils.files import atomic_path
from inpaint.utils.shipped import shipped_folder


def weights_folder() -> Path:
    """Where the shipped weights lie."""
    return shipped_folder("weights")


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
    network: nn.Module,
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
    config: Any = network.config
    metadata = {
        "format": kind_of(network),
        "config": json.dumps(config.to_dict()),
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
        advice = "" if path.suffix == ".safetensors" else f"; {_advice(path)}"
        raise CheckpointError(f"{path} is not a safetensors file: {error}{advice}") from error
    if "config" not in metadata:
        raise CheckpointError(
            f"{path} holds no network configuration, so it is not one of ours; {_advice(path)}"
        )
    try:
        config, notes = json.loads(metadata["config"]), json.loads(metadata.get("notes", "{}"))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path} has unreadable metadata: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} has an unusable configuration: {config!r}")
    return {"format": metadata.get("format", DEFAULT_KIND), "config": config, "notes": notes}


def _advice(path: Path) -> str:
    target = path.with_suffix(".safetensors").name
    if path.suffix == ".safetensors":
        target = f"{path.stem}-inpaint.safetensors"
    return (
        f"a checkpoint of another project becomes one by: inpaint weights convert {path} {target}"
    )


def load_network(path: str | Path, device: str | torch.device = "cpu") -> PConvUNet:
    """The network of a weight file, float32, in eval mode.

    Raises FileNotFoundError, or CheckpointError naming what does not fit.
    """
    network: PConvUNet = _load_role(path, "network")
    return network.to(device)


def load_refiner(path: str | Path) -> Refiner:
    """The refiner of a weight file, like load_network."""
    refiner: Refiner = _load_role(path, "refiner")
    return refiner


def load_detector(path: str | Path) -> Detector:
    """The detector of a weight file, like load_network."""
    detector: Detector = _load_role(path, "detector")
    return detector


def _load_role(path: str | Path, role: Role) -> Any:
    """What a file holds, if it has this role. Raises CheckpointError for another."""
    network = load_weights(path)
    found = architecture(kind_of(network)).role
    if found != role:
        raise CheckpointError(f"{path} holds a {found}; weights of a {role} are wanted here")
    return network


def load_weights(path: str | Path) -> Any:
    """What a weight file holds, float32, in eval mode, on the CPU; errors as of load_network."""
    metadata = read_metadata(path)
    try:
        network: nn.Module = build(metadata["format"], metadata["config"])
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

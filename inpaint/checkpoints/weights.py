"""Weight files: safetensors that rebuild their own network, and where the shipped ones lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from inpaint.checkpoints.metadata import read_object
from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.models.detector import Detector
from inpaint.models.refiner import Refiner
from inpaint.models.registry import DEFAULT_KIND, Role, architecture, build_empty, kind_of
from inpaint.models.unet import PConvUNet
from inpaint.utils.files import atomic_path
from inpaint.utils.settings import one_line, shortened
from inpaint.utils.shipped import shipped_folder

MAX_HEADER = 1 << 24  # bytes; those of our files have some thousand
_DTYPES = ("F16", "BF16", "F32", "F64")


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
    """The path of a weight file: a name without an ending is one of the shipped files.

    Raises FileNotFoundError for another name, and TypeError for what is no name and no path.
    """
    if not isinstance(weights, str | os.PathLike):
        raise TypeError(f"weights must be a name or a path, got {weights!r}")
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

    The format is one of ARCHITECTURES, the configuration one of that, and the notes an object.

    Raises FileNotFoundError, or CheckpointError when the file is not one of ours.
    """
    path = Path(path)
    with _opened(path) as file:
        return _metadata(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The safetensors file, of which nothing but the header is read yet."""
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}")
    try:
        _check_header(path)
        file = safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        advice = "" if path.suffix == ".safetensors" else f"; {_advice(path)}"
        reason = one_line(str(error))
        raise CheckpointError(f"{path} is not a safetensors file: {reason}{advice}") from error
    with file as opened:
        yield opened


def _check_header(path: Path) -> None:
    """Raise ValueError for a header larger than any of ours; the library allows 100 MB."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER:
        raise ValueError(f"its header would have {size} bytes, wanted at most {MAX_HEADER}")


def _metadata(path: Path, file: Any) -> dict[str, Any]:
    texts = file.metadata() or {}
    if "config" not in texts:
        raise CheckpointError(
            f"{path} holds no network configuration, so it is not one of ours; {_advice(path)}"
        )
    config, notes = (read_object(path, texts, name) for name in ("config", "notes"))
    kind = texts.get("format", DEFAULT_KIND)
    try:
        architecture(kind).config.from_dict(config)
    except ValueError as error:
        raise CheckpointError(f"{path} has an unusable configuration: {error}") from error
    return {"format": kind, "config": config, "notes": notes}


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
    path = Path(path)
    with _opened(path) as file:
        metadata = _metadata(path, file)
        kind, config = metadata["format"], metadata["config"]
        # Takes no memory, whatever the configuration says.
        wanted = build_empty(kind, config, "meta").state_dict()
        keys = _fitting_keys(path, file, wanted)
        network: nn.Module = build_empty(kind, config)
        network.load_state_dict({key: _values(path, file, key) for key in keys}, strict=False)
    return network.eval()


def _fitting_keys(path: Path, file: Any, wanted: dict[str, Tensor]) -> list[str]:
    """Names of the tensors to load. Raises CheckpointError unless they have the wanted shapes.

    Counters of batch norms, which nothing needs, may be missing.
    """
    found = set(file.keys())
    needed = [key for key in wanted if not key.endswith("num_batches_tracked")]
    missing, unexpected = sorted(set(needed) - found), sorted(found - set(wanted))
    if missing or unexpected:
        raise CheckpointError(
            f"{path} does not fit its configuration: missing {shortened(missing)}, "
            f"unexpected {shortened(unexpected)}"
        )
    for key in needed:
        tensor = file.get_slice(key)
        shape, dtype = tuple(tensor.get_shape()), tensor.get_dtype()
        if shape != tuple(wanted[key].shape) or dtype not in _DTYPES:
            raise CheckpointError(
                f"{path} does not fit its configuration: {key} must be {tuple(wanted[key].shape)} "
                f"of {', '.join(_DTYPES)}, got {shape} of {dtype}"
            )
    return needed


def _values(path: Path, file: Any, key: str) -> Tensor:
    """A tensor as float32. Raises CheckpointError for values that no network of ours has."""
    values: Tensor = file.get_tensor(key).float()
    if not values.isfinite().all():
        raise CheckpointError(f"{path} is damaged: {key} holds values that are not finite")
    if key.endswith("running_var") and (values < 0).any():
        raise CheckpointError(f"{path} is damaged: {key}, a variance, holds negative values")
    return values

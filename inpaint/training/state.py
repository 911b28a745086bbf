"""What a training run keeps: the average of its weights, and its checkpoint."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from inpaint.checkpoints.torch_file import CheckpointError, load_torch_file
from inpaint.utils.files import atomic_path

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class WeightAverage(Generic[AnyNetwork]):
    """Exponential moving average of a network's parameters and batch-norm statistics.

    The decay is smaller in the first steps, (1 + t) / (10 + t), so that the random start is
    forgotten.
    """

    def __init__(self, network: AnyNetwork, decay: float) -> None:
        self.network: AnyNetwork = deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move a step towards `network`."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages, values = [], []
        for average, value in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if average.is_floating_point():
                averages.append(average)
                values.append(value.to(average.dtype))
            else:
                average.copy_(value)
        torch._foreach_lerp_(averages, values, 1 - decay)


_KEYS = {
    *("step", "config", "phases", "network_config", "network", "average", "updates"),
    *("optimizer", "scaler"),
}
_LATER_KEYS = {"adversary", "hole_generator", "processes"}  # which older states lack


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state of tensors and plain types, whole or not at all."""
    assert set(state) == _KEYS | _LATER_KEYS
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state. Raises FileNotFoundError or CheckpointError."""
    state = load_torch_file(path)
    missing = sorted(_KEYS - set(state)) if isinstance(state, dict) else sorted(_KEYS)
    if missing:
        raise CheckpointError(f"{path} is no training checkpoint: it lacks {', '.join(missing)}")
    return state

"""Adam as a run uses it: on a GPU it can be part of a CUDA graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def adam(
    parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], device: torch.device
) -> torch.optim.Adam:
    """Adam for parameters on the device; set its learning rate with `set_learning_rate`."""
    on_gpu = device.type == "cuda"
    return torch.optim.Adam(
        parameters,
        lr=torch.tensor(lr, device=device) if on_gpu else lr,
        betas=betas,
        fused=on_gpu,
        capturable=on_gpu,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set it for the steps to come, those of a graph that is recorded already too."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """As load_state_dict, but what depends on the device stays as the optimiser has it."""
    own = [
        {name: group[name] for name in ("lr", "fused", "capturable")}
        for group in optimizer.param_groups
    ]
    groups = [{**group, **kept} for group, kept in zip(state["param_groups"], own, strict=True)]
    optimizer.load_state_dict({**state, "param_groups": groups})

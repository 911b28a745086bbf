"""What a run computes on, in words."""

from __future__ import annotations

import torch
from accelerate import Accelerator


def describe_devices(accelerator: Accelerator) -> str:
    """Such as "4 processes on cuda (NVIDIA H100), bf16", for the log of a run."""
    kind = accelerator.device.type
    name = f" ({torch.cuda.get_device_name(accelerator.device)})" if kind == "cuda" else ""
    count = accelerator.num_processes
    processes = "1 process" if count == 1 else f"{count} processes"
    precision = {"no": "float32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
    idle = torch.cuda.device_count() - count if kind == "cuda" else 0
    more = f"; {idle} more GPUs are idle, accelerate launch uses them" if idle > 0 else ""
    return f"{processes} on {kind}{name}, {precision}{more}"


def describe_batch(batch_size: int, lr: float, processes: int) -> str:
    """Samples of a step and learning rate, which does not depend on the number of processes.

    Args:
        batch_size: Samples of a step in each process.
        lr: Learning rate of the first step.
        processes: How many take each step together.
    """
    if processes == 1:
        return f"{batch_size} pictures a step, learning rate {lr:g}"
    return (
        f"{batch_size} pictures a step in each of {processes} processes, "
        f"{batch_size * processes} in all; learning rate {lr:g} as for one process "
        f"(scaled by the square root of their number it would be --lr {lr * processes**0.5:.2g})"
    )

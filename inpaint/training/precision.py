"""The precision a training run computes in."""

from __future__ import annotations

import torch


def mixed_precision(precision: str, *, size: int, halvings: int, device: str | None = None) -> str:
    """Accelerate's name of a precision.

    On CPUs oneDNN leaves a part of the weight gradient uninitialised when a bfloat16 convolution
    with stride 2 sees a single pixel (seen in torch 2.14). So images that the network reduces to
    one pixel before its last such convolution are trained in float32 there.

    Args:
        precision: "fp32", "bf16", "fp16", or "auto": bf16 where the hardware computes in it.
        size: Side of the smallest samples, px.
        halvings: How many convolutions or poolings with stride 2 follow each other in the network.
        device: Type of the device, "cpu" or "cuda"; None: the GPU if there is one.

    Raises:
        ValueError: "bf16" where gradients would be wrong.
    """
    if device == "cuda" or (device is None and torch.cuda.is_available()):
        fast, unsafe = torch.cuda.is_bf16_supported(including_emulation=False), False
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        unsafe = size <= 2 ** (halvings - 1)
    if precision == "bf16" and unsafe:
        raise ValueError(
            f"bf16 on a CPU needs samples larger than {2 ** (halvings - 1)} px for this network; "
            "use --precision fp32"
        )
    if precision == "auto":
        precision = "bf16" if fast and not unsafe else "fp32"
    return "no" if precision == "fp32" else precision

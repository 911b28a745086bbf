"""The precision a run computes in."""

from __future__ import annotations

import torch

from inpaint.models.unet import UNetConfig
from inpaint.training.config import RECIPES, REFINER, TrainConfig


def mixed_precision(config: TrainConfig) -> str:
    """Accelerate's name of the precision; auto is bf16 where the hardware computes in it.

    On CPUs oneDNN leaves a part of the weight gradient uninitialised when a bfloat16 convolution
    with stride 2 sees a single pixel (seen in torch 2.14). So pictures that the encoder reduces
    to one pixel before its last level are trained in float32 there.
    """
    precision = config.precision
    if torch.cuda.is_available():
        fast, unsafe = torch.cuda.is_bf16_supported(including_emulation=False), False
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        levels = _strides(RECIPES[config.config].network)
        unsafe = min(phase.size for phase in config.phases()) <= 2 ** (levels - 1)
    if precision == "bf16" and unsafe:
        raise ValueError(
            f"bf16 on a CPU needs samples larger than {2 ** (levels - 1)} px for this network; "
            "use --precision fp32"
        )
    if precision == "auto":
        precision = "bf16" if fast and not unsafe else "fp32"
    return "no" if precision == "fp32" else precision


def _strides(network: str) -> int:
    """How many convolutions with stride 2 follow each other in a recipe's network."""
    return 0 if network == REFINER else len(UNetConfig.named(network).widths)

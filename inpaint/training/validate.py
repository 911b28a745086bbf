"""Figures on fixed images with fixed holes, while training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from inpaint.masks.generate import HOLE_BUCKETS
from inpaint.training.losses import composite_image


@torch.no_grad()
def validate(network: nn.Module, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
    """L1 in % and PSNR in dB of the composite against the original, by hole bucket and overall.

    batches: dicts with `image` uint8 (B, 3, H, W), `hole` bool (B, 1, H, W) and `bucket` (B,).
    Keys are `l1` and `psnr`, and `l1/0.01-0.1` and so on. Both are means over images.
    """
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    device = next(network.parameters()).device
    for batch in batches:
        image, hole = unpack(batch, device)
        composite = composite_image(network(image, 1 - hole).clamp(0, 1), image, hole)
        l1 = (composite - image).abs().flatten(1).mean(1) * 100
        mse = (composite - image).square().flatten(1).mean(1)
        found.append((batch["bucket"], l1.cpu(), -10 * mse.clamp(min=1e-10).log10().cpu()))
    buckets, l1, psnr = (torch.cat(column) for column in zip(*found, strict=True))
    figures = {"l1": l1.mean().item(), "psnr": psnr.mean().item()}
    for number, (low, high) in enumerate(HOLE_BUCKETS):
        chosen = buckets == number
        if chosen.any():
            figures[f"l1/{low:g}-{high:g}"] = l1[chosen].mean().item()
            figures[f"psnr/{low:g}-{high:g}"] = psnr[chosen].mean().item()
    return {name: round(value, 4) for name, value in figures.items()}


def unpack(batch: dict[str, Any], device: torch.device) -> tuple[Tensor, Tensor]:
    """image (B, 3, H, W) in [0, 1] and hole (B, 1, H, W) in {0, 1}, float32, on the device."""
    return unpack_image(batch, device), unpack_hole(batch, device)


def unpack_image(batch: dict[str, Any], device: torch.device) -> Tensor:
    """image (B, 3, H, W) in [0, 1], float32, on the device; it travels as uint8."""
    return to_unit(batch["image"].to(device, non_blocking=True).float())


def unpack_hole(batch: dict[str, Any], device: torch.device) -> Tensor:
    """hole (B, 1, H, W) in {0, 1}, float32, on the device; it travels as bool."""
    return batch["hole"].to(device, non_blocking=True).float()


def to_unit(levels: Tensor) -> Tensor:
    """Levels from 0 to 255, (B, 3, H, W), as an image in [0, 1], channels last in memory."""
    return (levels / 255).contiguous(memory_format=torch.channels_last)

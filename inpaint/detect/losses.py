"""What the detector is trained for, and how its answers are counted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.damage.damage import BITS, UNSURE

BCE_WEIGHT = 5.0  # damage is rare, so the mean cross entropy is small beside the Dice term


def targets(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Truth and weight of each pixel, from labels (B, H, W) uint8.

    Returns:
        (B, classes, H, W) float32, 1 = damage; and (B, 1, H, W) float32, 0 where either answer is
        right.
    """
    bits = torch.tensor(list(BITS.values()), device=labels.device, dtype=torch.uint8)
    truth = (labels[:, None] & bits[:, None, None]) > 0
    unsure = (labels[:, None] & UNSURE) > 0
    return truth.float(), (~unsure).float()


def detection_losses(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The terms of the loss: `bce`, and `dice`, one minus the Dice coefficient, over the classes.

    Both are sums over the whole batch, so that images without damage count too.

    Args:
        logits: (B, classes, H, W).
        labels: (B, H, W) uint8.
    """
    truth, weight = targets(labels)
    logits = logits.float()
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    probability = logits.sigmoid() * weight
    both = (probability * truth).sum((0, 2, 3))
    total = probability.sum((0, 2, 3)) + (truth * weight).sum((0, 2, 3))
    dice = 1 - (2 * both + 1) / (total + 1)  # 1 px: a class that is absent has a gradient, too
    return {"bce": (bce * weight).mean(), "dice": dice.mean()}


def total_loss(terms: dict[str, Tensor]) -> Tensor:
    """The weighted sum of detection_losses."""
    return BCE_WEIGHT * terms["bce"] + terms["dice"]


def counts(found: Tensor, labels: Tensor) -> Tensor:
    """True positives, false positives and false negatives of each class, (classes, 3) float64.

    Args:
        found: (B, classes, H, W) bool.
        labels: (B, H, W) uint8; pixels that are UNSURE do not count.
    """
    truth, weight = targets(labels)
    true, sure = truth > 0, weight > 0
    rows = [found & true, found & ~true & sure, ~found & true]
    return torch.stack([row.double().sum((0, 2, 3)) for row in rows], 1)

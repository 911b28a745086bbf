"""The conjugate gradient method."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_gradient(
    operator: Callable[[Tensor], Tensor], rhs: Tensor, *, max_iter: int, rtol: float
) -> Tensor:
    """x with operator(x) = rhs, a system of equations for each column.

    Args:
        operator: A symmetric, positive definite matrix times its argument, (N, C).
        rhs: (N, C).
        max_iter: Iterations at most.
        rtol: Ends when every column's residual norm is at most this share of its right side's.

    Returns:
        (N, C), starting from 0.
    """
    x = torch.zeros_like(rhs)
    residual, direction = rhs, rhs
    power = residual.square().sum(0)
    target = power * rtol**2
    for _ in range(max_iter):
        if bool((power <= target).all()):
            break
        image = operator(direction)
        step = power / (direction * image).sum(0).clamp(min=1e-30)
        x = x + step * direction
        residual = residual - step * image
        previous, power = power, residual.square().sum(0)
        direction = residual + power / previous.clamp(min=1e-30) * direction
    return x

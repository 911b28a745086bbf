"""Conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def solve(apply: Callable[[Tensor], Tensor], right: Tensor, *, steps: int, enough: float) -> Tensor:
    """x with apply(x) = right, (N, C), a system of equations for each of the C columns.

    apply: a symmetric, positive definite matrix times what it is given. The search starts at 0 and
    ends after so many steps, or when every column's residual is `enough` of its first.
    """
    x = torch.zeros_like(right)
    residual, direction = right, right
    power = residual.square().sum(0)
    little = power * enough**2
    for _ in range(steps):
        if bool((power <= little).all()):
            break
        image = apply(direction)
        step = power / (direction * image).sum(0).clamp(min=1e-30)
        x = x + step * direction
        residual = residual - step * image
        before, power = power, residual.square().sum(0)
        direction = residual + power / before.clamp(min=1e-30) * direction
    return x

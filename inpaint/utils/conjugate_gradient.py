"""The conjugate gradient method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numba import njit
from torch import Tensor


def conjugate_gradient(
    operator: Callable[[Tensor], Tensor], rhs: Tensor, *, max_iter: int, rtol: float
) -> Tensor:
    """x with operator(x) = rhs, a system of equations for each column.

    Args:
        operator: A symmetric, positive definite matrix times its argument, (N, C), on the CPU.
            The next call may overwrite what it returns.
        rhs: (N, C).
        max_iter: Iterations at most.
        rtol: Ends when every column's residual norm is at most this share of its right side's.

    Returns:
        (N, C), starting from 0.
    """
    x, scratch = torch.zeros_like(rhs), torch.empty_like(rhs)  # new memory takes as long as a sum
    residual, direction = rhs.clone(), rhs.clone()
    power = residual.square().sum(0)
    target = power * rtol**2
    for _ in range(max_iter):
        if bool((power <= target).all()):
            break
        image = operator(direction)
        step = power / torch.mul(direction, image, out=scratch).sum(0).clamp(min=1e-30)
        _add(x.numpy(), step.numpy(), direction.numpy())
        _add(residual.numpy(), -step.numpy(), image.numpy())
        previous, power = power, torch.mul(residual, residual, out=scratch).sum(0)
        ratio = power / previous.clamp(min=1e-30)
        _scale_and_add(direction.numpy(), ratio.numpy(), residual.numpy())
    return x


# Torch takes several times as long for rows of three.
@njit(cache=True, nogil=True)
def _add(values: np.ndarray, scale: np.ndarray, other: np.ndarray) -> None:
    """values += scale * other, in place; (N, C), (C,) and (N, C)."""
    for i in range(len(values)):
        for c in range(len(scale)):
            values[i, c] += scale[c] * other[i, c]


@njit(cache=True, nogil=True)
def _scale_and_add(values: np.ndarray, scale: np.ndarray, other: np.ndarray) -> None:
    """values = scale * values + other, in place; (N, C), (C,) and (N, C)."""
    for i in range(len(values)):
        for c in range(len(scale)):
            values[i, c] = scale[c] * values[i, c] + other[i, c]

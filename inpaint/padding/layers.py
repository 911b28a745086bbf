"""Convolutions whose padding counts as unknown, at the cost of zero padding.

With no mask but the image's own frame, the partial convolution (arXiv:1811.11718) is

    y = (W^T x) * r + b    with r = sum(1) / sum(M), the window's size over its part inside

r is 1 but at the border, and a product over the axes: for 3x3 windows with a padding of one pixel
it is 1.5 along the edges and 2.25 in the corners. So an ordinary convolution runs, and then a few
rows and columns of its output are scaled in place. The bias is in the output already by then;
(W^T x + b) * r + b * (1 - r) is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from inpaint.models.partial_conv import padding_count, rescale

# (axis from the last, as -1, first window, number of windows, ratio)
Strip = tuple[int, int, int, float]


@lru_cache(maxsize=4096)
def axis_strips(
    length: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> tuple[tuple[int, int, float], ...]:
    """Where the ratio of one axis differs from 1: (first window, number of windows, ratio).

    All arguments are pixels or, for `stride` and `dilation`, steps in pixels. Neighbours of equal
    ratio are one entry. The ratio is infinite where a window lies in the padding altogether.
    """
    reach = dilation * (kernel - 1)
    windows = (length + before + after - reach - 1) // stride + 1
    first_inside = min(windows, -(-before // stride))
    past_inside = (length - 1 - reach + before) // stride + 1
    outside = [*range(first_inside), *range(max(first_inside, past_inside), windows)]

    def ratio(window: int) -> float:
        start = window * stride - before
        taps = sum(0 <= start + tap * dilation < length for tap in range(kernel))
        return kernel / taps if taps else math.inf

    strips = []
    # A run's windows keep their distance to their places in the list; a gap ends it.
    for (value, _), run in groupby(
        enumerate(outside), lambda item: (ratio(item[1]), item[1] - item[0])
    ):
        members = [window for _, window in run]
        if value != 1:
            strips.append((members[0], len(members), value))
    return tuple(strips)


def scale_strips_(y: Tensor, strips: Sequence[Strip], bias: Tensor | None) -> Tensor:
    """(y - b) * r + b in place: y (..., C, *size); bias (C, 1, ...), broadcastable to y."""
    for axis, first, count, ratio in strips:
        strip = y.narrow(axis, first, count).mul_(ratio)
        if bias is not None:
            strip.add_(bias, alpha=1 - ratio)
    return y


class _ScaleStrips(torch.autograd.Function):
    """scale_strips_ with a gradient that copies once; autograd's own copies for every strip."""

    @staticmethod
    def forward(y: Tensor, strips: tuple[Strip, ...], bias: Tensor | None) -> Tensor:
        return scale_strips_(y, strips, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        y, ctx.strips, bias = inputs
        ctx.bias = None if bias is None else (bias.shape, bias.dtype)
        ctx.mark_dirty(y)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, Tensor | None]:
        grad = grads[0].clone()
        if ctx.bias is None or not ctx.needs_input_grad[2]:
            return scale_strips_(grad, ctx.strips, None), None, None
        shape, dtype = ctx.bias
        to_bias = grad.new_zeros(shape, dtype=dtype)
        for axis, first, count, ratio in ctx.strips:
            strip = grad.narrow(axis, first, count)
            to_bias = to_bias + strip.sum_to_size(shape).to(dtype) * (1 - ratio)
            strip.mul_(ratio)
        return grad, None, to_bias


class PartialPaddingNd(_ConvNd):
    """What the three layers share. A call leaves nothing behind."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolution of `input`, (B, C, *size) or (C, *size), its padding counted as unknown.

        A window that sees nothing but padding gives 0, also with a bias.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return self._by_map(input)  # for any size, and the compiler fuses it
        strips = tuple(self._strips(input.shape))
        if any(math.isinf(ratio) for *_, ratio in strips):
            return self._by_map(input)
        y = self._plain_forward(input)
        if not strips:
            return y
        bias = self.bias
        if bias is not None:
            bias = bias.to(y.dtype).view(-1, *[1] * len(self.kernel_size))
        if not torch.is_grad_enabled():
            return scale_strips_(y, strips, bias)
        scaled: Tensor = _ScaleStrips.apply(y, strips, bias)
        return scaled

    def _plain_forward(self, input: Tensor) -> Tensor:
        """The convolution with zero padding and bias, a fresh tensor."""
        y: Tensor = self._conv_forward(input, self.weight, self.bias)
        return y

    def _strips(self, shape: Sequence[int]) -> Iterator[Strip]:
        dims = len(self.kernel_size)
        sides = self._sides(shape[-dims:])
        for axis, (before, after) in zip(range(-dims, 0), sides, strict=True):
            for first, count, ratio in axis_strips(
                shape[axis],
                self.kernel_size[axis],
                self.stride[axis],
                before,
                after,
                self.dilation[axis],
            ):
                yield axis, first, count, ratio

    def _sides(self, size: Sequence[int]) -> list[tuple[int, int]]:
        """Padding (before, after) along each axis of an input of this size; F.pad's order is the
        last axis first."""
        flat = self._reversed_padding_repeated_twice
        return list(zip(flat[::2], flat[1::2], strict=True))[::-1]

    def _by_map(self, x: Tensor) -> Tensor:
        """The same by a ratio for each window of the output."""
        dims = len(self.kernel_size)
        y = self._plain_forward(x)
        if self.bias is not None:
            y = y - self.bias.to(y.dtype).view(-1, *[1] * dims)
        batch = y if y.dim() == dims + 2 else y[None]
        count = padding_count(
            x.shape[-dims:],
            self.kernel_size,
            stride=self.stride,
            padding=self._sides(x.shape[-dims:]),
            dilation=self.dilation,
            device=x.device,
        )
        scaled, _ = rescale(batch, self.bias, count, math.prod(self.kernel_size))
        return scaled if y.dim() == dims + 2 else scaled[0]


class PartialPaddingConv1d(PartialPaddingNd, nn.Conv1d):
    """nn.Conv1d with partial-convolution padding; see PartialPaddingConv2d."""


class PartialPaddingConv2d(PartialPaddingNd, nn.Conv2d):
    """nn.Conv2d with partial-convolution padding: constructor, weights and output size are its
    own. `padding_mode` must be "zeros".

    PartialConv2d without a mask gives the same values; this layer only knows that case, and costs
    what nn.Conv2d costs.
    """


class PartialPaddingConv3d(PartialPaddingNd, nn.Conv3d):
    """nn.Conv3d with partial-convolution padding; see PartialPaddingConv2d."""

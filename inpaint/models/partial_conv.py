"""Partial convolutions: convolutions that count only what is known.

For a window with features x, valid mask M (1 = known) and window size sum(1) over all its
input channels (Liu et al., arXiv:1804.07723, eq. 1 and 2):

    y = W^T (x * M) * sum(1) / sum(M) + b    where sum(M) > 0, else 0
    M' = 1                                   where sum(M) > 0, else 0

Zero padding counts as unknown. With no mask at all the same formula is the padding scheme of
arXiv:1811.11718.

sum(M) depends neither on the output channel nor on channels that share a mask, so it is found by
one small convolution over the distinct masks, where the reference layer convolves with a kernel
of ones of shape (C_out, C_in, ...). The values are the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, groupby
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}

IntOrInts = int | tuple[int, ...]


def window_count(
    valid: Tensor,
    kernel_size: Sequence[int],
    *,
    weights: Sequence[int] = (1,),
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Number of known entries in each window, sum(M).

    valid: (B, K, *size), any dtype, 1 = known, 0 = unknown; one channel for each distinct mask.
    kernel_size: one integer for each spatial axis; stride, padding, dilation as in a convolution.
    weights: K integers, how many feature channels each mask stands for.

    Returns (B, 1, *out_size), float32, whole numbers. float32 holds them exactly to 2^24; half
    precision would not, so autocast is switched off here.
    """
    ones = valid.new_ones(1, 1, *kernel_size, dtype=torch.float32)
    # Multiplied, not made of a list: a list is copied to the device, and the copy waited for.
    runs = [(weight, len(list(run))) for weight, run in groupby(weights)]
    kernel = torch.cat([(ones * w).expand(-1, n, *kernel_size) for w, n in runs], 1)
    with without_autocast(valid.device):
        return _CONV[len(kernel_size)](
            valid.float(), kernel, stride=stride, padding=padding, dilation=dilation
        )


def grouped_window_count(
    valid: Tensor,
    kernel_size: Sequence[int],
    *,
    groups: int,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Number of known entries in each window of each group of a grouped convolution.

    valid: (B, C, *size), one mask channel for each feature channel. Returns
    (B, groups, *out_size), float32.
    """
    kernel = valid.new_ones(groups, valid.shape[1] // groups, *kernel_size, dtype=torch.float32)
    with without_autocast(valid.device):
        return _CONV[len(kernel_size)](
            valid.float(), kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
        )


def padding_count(
    size: Sequence[int],
    kernel_size: Sequence[int],
    *,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    device: torch.device | None = None,
) -> Tensor:
    """Number of positions of each window that lie inside the image and not in its padding.

    All arguments have one entry for each spatial axis; padding is (before, after). The count of
    a window is the product of the counts along its axes, so nothing is convolved.
    Returns (1, 1, *out_size), float32.
    """
    count = torch.ones((), dtype=torch.float32, device=device)
    axes = zip(size, kernel_size, stride, padding, dilation, strict=True)
    for length, kernel, step, (before, after), gap in axes:
        windows = (length + before + after - gap * (kernel - 1) - 1) // step + 1
        first = torch.arange(windows, device=device) * step - before
        taps = first[:, None] + torch.arange(kernel, device=device) * gap  # (windows, kernel)
        inside = ((taps >= 0) & (taps < length)).sum(1)
        count = count[..., None] * inside.float()
    return count[None, None]


def rescale(y: Tensor, bias: Tensor | None, count: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """y * sum(1) / sum(M) + b where sum(M) > 0, else 0; and the new mask.

    y: (B, C, *size), a fresh convolution output without bias; it is overwritten.
    bias: (C,) or None. count: (B or 1, 1 or C, *size), whole numbers in [0, window].
    window: sum(1), the number of entries of a full window.

    Returns y and the new mask, which has count's shape and y's dtype. The ratio is taken in
    float32 (float64 for float64 features) and is an exact 0 where nothing is known, so half
    precision sees neither an infinity nor an epsilon.
    """
    known = count > 0
    exact = torch.promote_types(torch.float32, y.dtype)
    ratio = window / count.clamp(min=1).to(exact) * known
    if window <= torch.finfo(y.dtype).max:  # else float16 would round the ratio to infinity
        ratio = ratio.to(y.dtype)
    valid = known.to(y.dtype)
    # The convolution's output is needed by no backward pass, so it may be changed in place: on
    # large images a fresh tensor costs more than the multiplication.
    y = y.mul_(ratio)
    if bias is not None:
        y = y.addcmul_(bias.to(y.dtype).view(-1, *[1] * (y.dim() - 2)), valid)
    return y, valid


def partial_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    valid: Tensor,
    *,
    mask_channels: Sequence[int] | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts | str = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    masked: bool = False,
) -> tuple[Tensor, Tensor]:
    """Partial convolution of x under a mask.

    x: (B, C, *size), finite. weight, bias, stride, padding, dilation, groups: as in a convolution.
    valid: (B or 1, K, *size), 1 = known, 0 = hole; K = 1 (one mask for all channels), K = C, or
    the number of groups of neighbouring channels that share a mask.
    mask_channels: K integers that add up to C, how many channels each mask covers; by default
    C / K each.
    masked: x is zero in its holes already, as after a concatenation of masked features.

    Returns (y, new_valid): y is (B, C_out, *out_size); new_valid is
    (B or 1, 1, *out_size), or (B or 1, C_out, *out_size) when the groups of a grouped
    convolution see different masks. Raises ValueError when the mask does not fit x.
    """
    covers = _mask_channels(x, valid, mask_channels)
    if valid.stride(1) == 0:  # one mask, expanded to many channels
        valid, covers = valid[:, :1], [x.shape[1]]
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    kernel_size = weight.shape[2:]
    positions = math.prod(kernel_size)
    if valid.shape[1] == 1:
        count, window = window_count(valid, kernel_size, **geometry), positions
    elif groups == 1:
        count = window_count(valid, kernel_size, weights=covers, **geometry)
        window = positions * x.shape[1]
    else:
        parts = [valid[:, k : k + 1].expand(-1, n, *x.shape[2:]) for k, n in enumerate(covers)]
        count = grouped_window_count(torch.cat(parts, 1), kernel_size, groups=groups, **geometry)
        count = count.repeat_interleave(weight.shape[0] // groups, dim=1)
        window = positions * weight.shape[1]
    if not masked:
        x = mask_features(x, valid, covers)
    y = _CONV[len(kernel_size)](x, weight, None, groups=groups, **geometry)
    return rescale(y, bias, count, window)


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which operations on the device keep the dtype of their inputs."""
    if device.type == "meta":  # which has no autocast; asking torch would break compiled graphs
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def mask_features(x: Tensor, valid: Tensor, mask_channels: Sequence[int]) -> Tensor:
    """x * M: x (B, C, *size) with a zero wherever its mask (B or 1, K, *size) has one."""
    valid = valid.to(x.dtype)
    if valid.shape[1] in (1, x.shape[1]):
        return x * valid
    parts = x.split(list(mask_channels), dim=1)
    return torch.cat([part * valid[:, k : k + 1] for k, part in enumerate(parts)], dim=1)


def _mask_channels(x: Tensor, valid: Tensor, sizes: Sequence[int] | None) -> Sequence[int]:
    """How many channels of x each channel of the mask covers, after checking that they fit."""
    # Compared with 1 only where it has to be: that would fix the batch size of an export.
    fits = valid.dim() == x.dim() and valid.shape[0] in (x.shape[0], 1) and valid.shape[1] > 0
    if not fits or valid.shape[2:] != x.shape[2:]:
        wanted = f"({x.shape[0]} or 1, K, {', '.join(map(str, x.shape[2:]))})"
        raise ValueError(
            f"mask must have shape {wanted} for an input of shape {tuple(x.shape)}, "
            f"got {tuple(valid.shape)}"
        )
    masks = valid.shape[1]
    if sizes is None:
        if x.shape[1] % masks:
            raise ValueError(
                f"mask has {masks} channels, which do not share the input's {x.shape[1]} channels "
                "evenly; say with mask_channels how many channels each one covers"
            )
        return [x.shape[1] // masks] * masks
    if masks not in (1, len(sizes)) or sum(sizes) != x.shape[1]:
        raise ValueError(
            f"mask_channels must hold one entry for each of the mask's {masks} channels and add up "
            f"to the input's {x.shape[1]} channels, got {tuple(sizes)}"
        )
    return sizes


class _PartialConvNd(_ConvNd):
    """What the three layers share. Holds settings only: a call leaves nothing behind."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        multi_channel: bool = False,
        return_mask: bool = False,
        mask_channels: Sequence[int] | None = None,
    ) -> None:
        if mask_channels is not None and sum(mask_channels) != in_channels:
            raise ValueError(
                f"mask_channels must add up to in_channels={in_channels}, "
                f"got {tuple(mask_channels)}"
            )
        # The next class in line is nn.Conv1d, nn.Conv2d or nn.Conv3d: they share a signature.
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,  # type: ignore[arg-type]
            stride,  # type: ignore[arg-type]
            padding,  # type: ignore[arg-type]
            dilation,  # type: ignore[arg-type]
            groups,  # type: ignore[arg-type]
            bias,  # type: ignore[arg-type]
            padding_mode,  # type: ignore[arg-type]
            device,
            dtype,
        )
        self.multi_channel = multi_channel
        self.return_mask = return_mask
        self.mask_channels = None if mask_channels is None else tuple(mask_channels)

    def forward(
        self, input: Tensor, mask: Tensor | None = None, *, mask_in: Tensor | None = None
    ) -> Any:
        """Partial convolution of `input`, (B, C, *size), under `mask`, 1 = known.

        mask: (B or 1, 1, *size); with multi_channel also (B or 1, C, *size), or one channel for
        each group of channels. None means that everything but the padding is known.
        mask_in: the reference layer's name of it.

        Returns the output (B, C_out, *out_size), or with return_mask the pair (output, new mask);
        the new mask is (B or 1, 1, *out_size), and with multi_channel a view of it in the output's
        shape, not to be written into. Raises ValueError when input or mask do not fit.
        """
        if mask_in is not None:
            if mask is not None:
                raise ValueError("mask and mask_in are two names of one argument; give one")
            mask = mask_in
        if input.dim() != len(self.kernel_size) + 2:
            raise ValueError(
                f"input must have {len(self.kernel_size) + 2} dimensions (batch, channels, size), "
                f"got shape {tuple(input.shape)}"
            )
        if mask is None:
            y, valid = self._pad_with_unknown(input)
        else:
            if not self.multi_channel and mask.dim() == input.dim() and mask.shape[1] != 1:
                raise ValueError(
                    f"mask has {mask.shape[1]} channels; a layer with multi_channel=False takes "
                    "masks of 1 channel"
                )
            y, valid = self._convolve(input, mask)
        if not self.return_mask:
            return y
        if self.multi_channel:
            valid = valid.expand_as(y)
        return y, valid

    def _convolve(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        padding = cast("IntOrInts | str", self.padding)
        if self.padding_mode != "zeros":
            _mask_channels(x, valid, self.mask_channels)  # checked while it has the caller's size
            # What the padding copies is as known as where it was copied from.
            pad = list(chain.from_iterable(reversed(self._sides())))
            x = F.pad(x, pad, mode=self.padding_mode)
            valid = F.pad(valid.to(x.dtype), pad, mode=self.padding_mode)
            padding = 0
        return partial_conv(
            x,
            self.weight,
            self.bias,
            valid,
            mask_channels=self.mask_channels,
            stride=self.stride,
            padding=padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def _pad_with_unknown(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.padding_mode != "zeros":
            return self._convolve(x, x.new_ones(1, 1, *x.shape[2:]))
        y = _CONV[len(self.kernel_size)](
            x, self.weight, None, self.stride, self.padding, self.dilation, self.groups
        )
        count = padding_count(
            x.shape[2:],
            self.kernel_size,
            stride=self.stride,
            padding=self._sides(),
            dilation=self.dilation,
            device=x.device,
        )
        return rescale(y, self.bias, count, math.prod(self.kernel_size))

    def _sides(self) -> list[tuple[int, int]]:
        """Padding (before, after) along each spatial axis."""
        if isinstance(self.padding, str):
            total = [
                d * (k - 1) if self.padding == "same" else 0
                for d, k in zip(self.dilation, self.kernel_size, strict=True)
            ]
            return [(t // 2, t - t // 2) for t in total]
        return [(p, p) for p in self.padding]


class PartialConv1d(_PartialConvNd, nn.Conv1d):
    """1d partial convolution; see PartialConv2d."""


class PartialConv2d(_PartialConvNd, nn.Conv2d):
    """2d partial convolution, with the constructor and the state dict of nn.Conv2d.

    multi_channel: masks may have one channel for each feature channel, or for each group of them.
    return_mask: a call returns (output, new mask).
    mask_channels: how many feature channels each mask channel covers, when they are groups of
    different sizes, as after a concatenation: (64, 3) for 64 features and 3 colours.

    padding_mode other than "zeros" pads the mask as it pads the features.
    """


class PartialConv3d(_PartialConvNd, nn.Conv3d):
    """3d partial convolution; see PartialConv2d."""

"""A U-Net folded for inference: the same function in fewer and smaller operations.

- Batch norms are part of the convolutions. A block computes norm(conv(x) * r) * m with the ratio
  r = sum(1) / sum(M) of its windows and their mask m, and r is 0 where m is. The norm is affine,
  a * y + b, so this is conv(x, a * W) * r + b * m, which is exact under any mask.
- A 3x3 convolution of features that nearest upsampling doubled sees each of them several times. It
  is a transposed convolution of 4x4 at the small size, with 4 of its taps for an output in place of
  9, and the upsampled features are never made.
- Masks without holes, as those of all but the first levels, cost next to nothing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.models.partial_conv import padding_count
from inpaint.models.unet import PConvUNet
from inpaint.models.unet_blocks import PConvBlock, PConvOutput

# Row k of a 4x4 transposed kernel, stride 2, adds its input row i to the output row 2i - 1 + k. Of
# the 3x3 kernel these are the taps that see row i, twice as large, from there.
_TAPS = ((0.0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))


def fold(network: PConvUNet) -> PConvUNet:
    """A copy of a network for inference; the same image to rounding errors.

    It holds what the network's weights are now, and neither trains nor saves.
    """
    folded = copy.deepcopy(network).eval()
    blocks = [block for block in folded.encoder if isinstance(block, PConvBlock)]
    folded.encoder = nn.ModuleList(FoldedBlock(block) for block in blocks)
    for level, block in enumerate(folded.decoder):
        if isinstance(block, PConvBlock):
            folded.decoder[level] = FoldedUpsamplingBlock(block)
        elif isinstance(block, PConvOutput):
            folded.decoder[level] = FoldedOutput(block)
    return folded.requires_grad_(False)


class FoldedBlock(nn.Module):
    """PConvBlock in eval mode, under a mask of one channel."""

    weight: Tensor
    bias: Tensor

    def __init__(self, block: PConvBlock) -> None:
        super().__init__()
        weight, bias = _folded(block.conv, block.norm)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        conv = block.conv
        assert not isinstance(conv.padding, str)
        self.geometry = _Geometry(conv.kernel_size, conv.stride, conv.padding)
        self.leak = block.leak

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """See PConvBlock.forward."""
        y = F.conv2d(x, self.weight, None, self.geometry.stride, self.geometry.padding)
        ratio, new_valid = _window_ratio([(x, valid)], x.shape[2:], self.geometry)
        return _finished(y, ratio, self.bias, new_valid, self.leak), new_valid


class FoldedUpsamplingBlock(nn.Module):
    """PConvBlock.joined in eval mode, of a block with a 3x3 kernel."""

    bias: Tensor

    def __init__(self, block: PConvBlock) -> None:
        super().__init__()
        weight, bias = _folded(block.conv, block.norm)
        features = weight.shape[1] - weight.shape[0]  # a skip has as many as come out
        self.conv = _JoiningConv(weight, features)
        self.register_buffer("bias", bias, persistent=False)
        self.leak = block.leak

    def joined(
        self, x: Tensor, valid: Tensor, skip: Tensor, skip_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See PConvBlock.joined."""
        ratio, new_valid = _window_ratio([(x, valid), (skip, skip_valid)], skip.shape[2:], _JOINED)
        y = self.conv(x, skip)
        return _finished(y, ratio, self.bias, new_valid, self.leak), new_valid


class FoldedOutput(nn.Module):
    """PConvOutput in eval mode."""

    bias: Tensor

    def __init__(self, output: PConvOutput) -> None:
        super().__init__()
        weight, bias = _folded(output.conv, nn.Identity())
        self.conv = _JoiningConv(weight, output.features)
        self.register_buffer("bias", bias, persistent=False)

    def forward(
        self, x: Tensor, valid: Tensor, image: Tensor, image_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See PConvOutput.forward."""
        parts = [(x, valid), (image, image_valid)]
        ratio, new_valid = _window_ratio(parts, image.shape[2:], _JOINED)
        return _finished(self.conv(x, image), ratio, self.bias, new_valid, None), new_valid


class _JoiningConv(nn.Module):
    """3x3 convolution of features at half the size, upsampled, and those of a skip connection."""

    transposed: Tensor
    skip: Tensor
    last_row: Tensor
    last_column: Tensor

    def __init__(self, weight: Tensor, features: int) -> None:
        """weight: (O, features + S, 3, 3)."""
        super().__init__()
        deep, skip = weight[:, :features], weight[:, features:]
        taps = weight.new_tensor(_TAPS)
        parts = {
            "transposed": torch.einsum("ka,lb,ocab->cokl", taps, taps, deep),
            "skip": skip,
            "last_row": deep[:, :, 2:],
            "last_column": deep[:, :, :, 2:],
        }
        for name, part in parts.items():
            self.register_buffer(name, part.contiguous(), persistent=False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """x (B, C, ceil(H / 2), ceil(W / 2)), skip (B, S, H, W): (B, O, H, W)."""
        height, width = skip.shape[2:]
        y = F.conv_transpose2d(x, self.transposed, stride=2, padding=1)
        # An odd size ends in the first of two equal rows. The second is not there, and the taps
        # of the last row that saw it are taken off again.
        if height % 2:
            row = x[:, :, -1:].repeat_interleave(2, 3)
            y[:, :, -2:-1] -= F.conv2d(row, self.last_row, padding=(0, 1))
        if width % 2:
            column = x[..., -1:].repeat_interleave(2, 2)[:, :, :height]
            y[:, :, :height, -2:-1] -= F.conv2d(column, self.last_column, padding=(1, 0))
        return F.conv2d(skip, self.skip, padding=1).add_(y[:, :, :height, :width])


@dataclass(frozen=True)
class _Geometry:
    """Of a convolution whose windows have their middle in the image, each entry an axis."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


_JOINED = _Geometry((3, 3), (1, 1), (1, 1))


def _folded(conv: nn.Conv2d, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the norm in it."""
    weight = conv.weight.detach()
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach()
    if not isinstance(norm, nn.BatchNorm2d):
        return weight, bias
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias.detach() + (bias - norm.running_mean) * scale
    return weight * scale[:, None, None, None], shift


def _finished(y: Tensor, ratio: Tensor, bias: Tensor, valid: Tensor, leak: float | None) -> Tensor:
    """The activation of y * ratio + bias * valid; y is overwritten."""
    y.mul_(ratio).addcmul_(bias.view(-1, 1, 1), valid)
    return y if leak is None else F.leaky_relu(y, leak, inplace=True)


def _window_ratio(
    parts: list[tuple[Tensor, Tensor]], size: Sequence[int], geometry: _Geometry
) -> tuple[Tensor, Tensor]:
    """sum(1) / sum(M) of each window, 0 where M is, and the new mask: (B or 1, 1, *out) each.

    Args:
        parts: Features and their masks of one channel, (B or 1, 1, h, w), which are upsampled.
        size: Of the windows' image.
        geometry: Of the windows.
    """
    if all(bool(valid.all()) for _, valid in parts):
        return _full_windows(tuple(size), geometry, parts[0][1].device)
    channels = [features.shape[1] for features, _ in parts]
    count = sum(
        n * _count(valid, size, geometry) for n, (_, valid) in zip(channels, parts, strict=True)
    )
    assert isinstance(count, Tensor)
    known = (count > 0).float()
    return math.prod(geometry.kernel_size) * sum(channels) / count.clamp(min=1) * known, known


@lru_cache(maxsize=64)
def _full_windows(
    size: tuple[int, ...], geometry: _Geometry, device: torch.device
) -> tuple[Tensor, Tensor]:
    """_window_ratio of a mask without holes; not to be changed."""
    with torch.inference_mode(False):  # a later call may be outside of it
        sides = [(p, p) for p in geometry.padding]
        count = padding_count(
            size,
            geometry.kernel_size,
            stride=geometry.stride,
            padding=sides,
            dilation=(1, 1),
            device=device,
        )
        return math.prod(geometry.kernel_size) / count, torch.ones_like(count)


def _count(valid: Tensor, size: Sequence[int], geometry: _Geometry) -> Tensor:
    """Known entries of each window of a mask (B or 1, 1, h, w), upsampled to `size`."""
    if tuple(valid.shape[2:]) != tuple(size):
        valid = F.interpolate(valid, size=list(size), mode="nearest")
    bottom, right = geometry.padding
    count = F.pad(valid, (right, right, bottom, bottom))
    for axis in (0, 1):  # rows, then columns: for one channel faster than a convolution
        count = _sliding_sum(count, 2 + axis, geometry.kernel_size[axis], geometry.stride[axis])
    return count


def _sliding_sum(values: Tensor, axis: int, length: int, stride: int) -> Tensor:
    """Sums of `length` neighbours along an axis, whole windows only."""
    windows = values.unfold(axis, length, stride)  # (..., n, ..., length), a view
    total = windows[..., 0].clone()
    for part in windows.unbind(-1)[1:]:
        total += part
    return total

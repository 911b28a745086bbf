"""Weights of other projects' partial-convolution U-Nets, made ours without changing an answer.

All of them have the network of arXiv:1804.07723: levels `enc1 ... encN` and `decN ... dec1`, whose
decoders take the upsampled features and those of the encoder. What differs is folded into the
weights:

- naoto0804/pytorch-inpainting-with-partial-conv computes W^T (x * M) / sum(M) + b, without the
  factor sum(1) of eq. 1, so its weights are divided by the number of entries of a window. Images
  are normalised as ImageNet's.
- mmagic (and MMEditing before it) has the reference layer, on BGR images in [-1, 1], so the
  channels of the first and of the last level are turned round.
- Anything else with such names is taken for a network of the reference layer or of plain
  convolutions' keys, on RGB images normalised as ImageNet's.

A convolution's bias before a batch norm goes into that norm's mean; a norm on the first or last
level goes into its convolution.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from inpaint.checkpoints.torch_file import CheckpointError, load_torch_file
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.utils.settings import shortened

Layout = Literal["naoto", "mmagic", "reference"]

_HALF = (0.5, 0.5, 0.5)  # mean and deviation that bring [0, 1] to [-1, 1]
_MAX_DEPTH = 8  # of dicts around a state dict
_WRAPPERS = ("state_dict", "model", "generator", "net", "network")
_LEVEL = re.compile(r"(?P<prefix>.*?)(?:(?:en|de)coder\.)?(?P<part>enc|dec)(?:oder)?[._]?"
                    r"(?P<number>\d{1,6})\.(?P<rest>.+)")  # fmt: skip


@dataclass(frozen=True)
class ForeignLevel:
    """One level of a foreign network."""

    name: str
    weight: Tensor  # (C_out, C_in, k, k)
    bias: Tensor | None  # (C_out,)
    norm: dict[str, Tensor] | None  # weight, bias, running_mean, running_var
    without_factor: bool  # the layer leaves out sum(1)


def convert_checkpoint(path: str | Path) -> tuple[PConvUNet, Layout]:
    """The network of a foreign checkpoint, in eval mode, and the layout it was found to have.

    Raises FileNotFoundError, or CheckpointError that says what does not fit. A pickled file is
    read as tensors and plain types only; one that would run code is refused.
    """
    content = load_torch_file(path)
    try:
        return convert_state(_unwrapped(content))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def convert_state(state: Mapping[str, Tensor]) -> tuple[PConvUNet, Layout]:
    """The network of a foreign state dict and its layout. Raises CheckpointError."""
    encoder, decoder = find_levels(state)
    layout = _layout_of(state, encoder)
    mmagic = layout == "mmagic"
    try:
        network = PConvUNet(_config_of(encoder, mmagic))
    except ValueError as error:
        raise CheckpointError(f"its levels make no U-Net: {error}") from error
    wanted = [*network.encoder, *network.decoder]
    for block, level in zip(wanted, [*encoder, *decoder], strict=True):
        _fill_block(block, level)
    if mmagic:
        _turn_colours(network)
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise CheckpointError("its values are not finite, or too large for float32")
    return network.eval(), layout


def find_levels(state: Mapping[str, Tensor]) -> tuple[list[ForeignLevel], list[ForeignLevel]]:
    """Encoder levels from the image down, decoder levels from the deepest up.

    Raises CheckpointError when there are none, or when they make no such network.
    """
    groups: dict[tuple[str, str, int], dict[str, Tensor]] = defaultdict(dict)
    for key, value in state.items():
        match = _LEVEL.fullmatch(key)
        if match:
            place = match["prefix"], match["part"], int(match["number"])
            groups[place][match["rest"]] = value
    prefixes = {prefix for prefix, part, _ in groups if part == "dec"}
    if len(prefixes) != 1:
        raise CheckpointError(
            "wanted the levels of one U-Net, named enc1, enc_1 or encoder.1 and dec1, dec_1 or "
            f"decoder.1; found {len(prefixes)} such networks; the first keys are "
            f"{shortened(list(state)[:4])}"
        )
    prefix = prefixes.pop()
    encoder, decoder = (
        [
            _level(f"{part}{number}", groups[prefix, part, number])
            for number in sorted(n for p, kind, n in groups if (p, kind) == (prefix, part))
        ]
        for part in ("enc", "dec")
    )
    if decoder[0].weight.shape[0] == 3:  # dec1 is next to the image
        decoder.reverse()
    _check_shapes(encoder, decoder)
    return encoder, decoder


def _unwrapped(content: Any) -> dict[str, Tensor]:
    for _ in range(_MAX_DEPTH):  # a pickled dict may hold itself
        if not isinstance(content, Mapping):
            break
        named = {k: v for k, v in content.items() if isinstance(k, str)}
        tensors = {k: v for k, v in named.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors
        inner = [content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping)]
        if not inner:
            break
        content = inner[0]
    raise CheckpointError(
        f"it holds no state dict, neither by itself nor under {', '.join(_WRAPPERS)}"
    )


def _level(name: str, tensors: Mapping[str, Tensor]) -> ForeignLevel:
    """The convolution and norm of a level by their shapes, whatever they are called."""
    kernels = [k for k, v in tensors.items() if v.dim() == 4 and "mask" not in k]
    means = [k for k in tensors if k.endswith("running_mean")]
    if len(kernels) != 1 or len(means) > 1:
        raise CheckpointError(
            f"wanted one convolution and at most one batch norm in {name}, found "
            f"{shortened(kernels) if kernels else 'no convolution'}; "
            f"{shortened(means) if means else 'no norm'}"
        )
    weight = _finite(name, tensors[kernels[0]])
    channels = weight.shape[:1]
    norm = None
    if means:
        stem = means[0].removesuffix("running_mean")
        kinds = ("weight", "bias", "running_mean", "running_var")
        if missing := [stem + kind for kind in kinds if stem + kind not in tensors]:
            raise CheckpointError(f"{name} lacks {', '.join(missing)}")
        norm = {kind: _finite(name, tensors[stem + kind], channels) for kind in kinds}
        if (norm["running_var"] < 0).any():
            raise CheckpointError(f"{name} has a variance below 0")
    bias = tensors.get(kernels[0].removesuffix("weight") + "bias")
    return ForeignLevel(
        name,
        weight,
        None if bias is None else _finite(name, bias, channels),
        norm,
        # A convolution of its own for masks is naoto0804's layer; the reference layer and its
        # descendants have a constant kernel, if any.
        any(re.search(r"mask_?(conv|2d)", key) for key in tensors),
    )


def _finite(name: str, values: Tensor, shape: torch.Size | None = None) -> Tensor:
    """A level's values as float64. Raises CheckpointError for no finite floats, or other shapes."""
    if not values.is_floating_point() or not values.isfinite().all():
        raise CheckpointError(f"{name} holds values that are no finite floats, {values.dtype}")
    if shape is not None and values.shape != shape:
        raise CheckpointError(
            f"{name} holds a tensor of shape {shortened(tuple(values.shape))}, wanted "
            f"{tuple(shape)}: one value for each channel of its convolution"
        )
    return values.double()


def _check_shapes(encoder: list[ForeignLevel], decoder: list[ForeignLevel]) -> None:
    if not encoder or len(encoder) != len(decoder):
        raise CheckpointError(
            f"wanted as many decoder as encoder levels, got {len(decoder)} and {len(encoder)}"
        )
    widths = [3, *(level.weight.shape[0] for level in encoder)]
    deep = widths[-1]
    for level, c_in in zip(encoder, widths, strict=False):
        _expect(level, (level.weight.shape[0], c_in, *2 * [level.weight.shape[-1]]))
    for level, skip in zip(decoder, reversed(widths[:-1]), strict=True):
        _expect(level, (skip, deep + skip, 3, 3))
        deep = skip


def _expect(level: ForeignLevel, shape: tuple[int, ...]) -> None:
    if tuple(level.weight.shape) != shape:
        raise CheckpointError(
            f"{level.name} has a kernel of shape {shortened(tuple(level.weight.shape))}, where the "
            f"U-Net of arXiv:1804.07723 needs {shape}"
        )


def _layout_of(state: Mapping[str, Tensor], encoder: list[ForeignLevel]) -> Layout:
    if encoder[0].without_factor:
        return "naoto"
    if any(re.search(r"(^|\.)encoder\.enc\d", key) for key in state):
        return "mmagic"
    return "reference"


def _config_of(encoder: list[ForeignLevel], centred: bool) -> UNetConfig:
    config = UNetConfig(  # its mean and deviation are ImageNet's
        widths=tuple(level.weight.shape[0] for level in encoder),
        kernels=tuple(level.weight.shape[-1] for level in encoder),
    )
    return replace(config, mean=_HALF, std=_HALF) if centred else config


@torch.no_grad()
def _fill_block(block: Any, level: ForeignLevel) -> None:
    """Give a block the answers of a level, whichever of the two has a norm or a bias."""
    weight, bias = level.weight, level.bias
    if level.without_factor:
        weight = weight / weight[0].numel()
    if bias is None:
        bias = torch.zeros_like(weight[:, 0, 0, 0])
    own = getattr(block, "norm", None)
    if isinstance(own, nn.BatchNorm2d):
        norm = level.norm or {
            "weight": torch.full_like(bias, (1 + own.eps) ** 0.5),
            "bias": torch.zeros_like(bias),
            "running_mean": torch.zeros_like(bias),
            "running_var": torch.ones_like(bias),
        }
        for kind, value in norm.items():
            getattr(own, kind).copy_(value - bias if kind == "running_mean" else value)
    elif level.norm is not None:
        scale = level.norm["weight"] / (level.norm["running_var"] + nn.BatchNorm2d(1).eps).sqrt()
        weight = weight * scale.view(-1, 1, 1, 1)
        bias = (bias - level.norm["running_mean"]) * scale + level.norm["bias"]
    block.conv.weight.copy_(weight)
    if block.conv.bias is not None:
        block.conv.bias.copy_(bias)


@torch.no_grad()
def _turn_colours(network: PConvUNet) -> None:
    """Make a network of BGR images one of RGB images."""
    first: Any = network.encoder[0]
    last: Any = network.decoder[-1]
    first.conv.weight.copy_(first.conv.weight.flip(1))
    skip = last.conv.weight[:, -3:].flip(1)
    last.conv.weight.copy_(torch.cat([last.conv.weight[:, :-3], skip], 1).flip(0))
    last.conv.bias.copy_(last.conv.bias.flip(0))

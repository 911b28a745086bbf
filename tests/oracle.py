"""A slow, obvious partial convolution, and the grid of cases on which the layer must equal it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.models import partial_conv as layers

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def oracle(
    x: Tensor, weight: Tensor, bias: Tensor | None, valid: Tensor, **geometry: Any
) -> tuple[Tensor, Tensor]:
    """The formula of NVIDIA/partialconv with multi_channel=True, step for step.

    valid: (B, C, *size), a mask for each channel. Returns y and the new mask in y's shape.
    """
    conv = CONV[x.dim() - 2]
    count = conv(valid, torch.ones_like(weight), **geometry)
    ratio = weight[0].numel() / count.clamp(min=1e-8)
    known = (count > 0).to(x.dtype)
    y = conv(x * valid, weight, **geometry) * ratio
    if bias is not None:
        y = y + bias.view(-1, *[1] * (x.dim() - 2))
    return torch.where(count > 0, y, 0), known


@dataclass(frozen=True)
class Case:
    """One layer and one kind of mask; kernel, stride and dilation have an entry for each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    padding_mode: str
    mask: str  # a key of MASKS

    def __str__(self) -> str:
        values = (getattr(self, field.name) for field in fields(self))
        return "-".join(str(value).replace(" ", "") for value in values)


CHANNELS = 8
MASKS: dict[str, tuple[int, tuple[int, ...] | None]] = {
    # name: (mask channels, mask_channels of the layer)
    "none": (1, None),  # a call without a mask
    "one": (1, None),
    "every": (CHANNELS, None),
    "groups": (4, None),
    "unequal": (3, (5, 2, 1)),
    "broadcast": (1, None),
    "broadcast groups": (2, None),
    "expanded": (CHANNELS, None),
}
GEOMETRIES: list[tuple[Any, Any, Any, Any]] = [
    # kernel, stride, padding, dilation: (height, width, depth), cut to the number of axes
    ((3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    ((3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1)),
    ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    ((3, 1, 2), (1, 2, 1), (1, 0, 2), (1, 1, 1)),
    ((2, 4, 2), (2, 1, 1), (0, 1, 1), (1, 1, 1)),
    ((3, 2, 1), (1, 1, 1), (2, 3, 1), (1, 1, 1)),  # windows that see nothing but padding
    ((3, 3, 2), (1, 1, 1), (2, 2, 2), (2, 2, 2)),
    ((2, 3, 3), (3, 2, 1), (1, 2, 1), (3, 1, 2)),
    ((3, 5, 3), (1, 1, 1), "same", (1, 1, 1)),
    ((2, 3, 1), (1, 1, 1), "same", (2, 1, 1)),
    ((3, 3, 3), (2, 1, 1), "valid", (1, 2, 1)),
]


def cases() -> list[Case]:
    """The grid: every geometry with every mask in 2d, and a part of it in 1d and 3d."""
    return list(dict.fromkeys(_cases()))


def _cases() -> Iterator[Case]:
    for axes, masks in ((1, ("one", "groups")), (2, tuple(MASKS)), (3, ("every", "unequal"))):
        for number, (geometry, mask) in enumerate(product(GEOMETRIES, masks)):
            kernel, stride, padding, dilation = (
                value if isinstance(value, str) else value[:axes] for value in geometry
            )
            modes = ["zeros"]
            if axes == 2 and mask != "none":
                modes += [("reflect", "replicate", "circular")[number % 3]]
            for mode, groups in product(modes, (1, 2, 4) if axes == 2 else (1 + number % 2,)):
                bias = (number + groups) % 2 == 0
                yield Case(kernel, stride, padding, dilation, groups, bias, mode, mask)


def pad_by_hand(t: Tensor, case: Case) -> Tensor:
    """t with the case's padding on, in its padding mode; "same" leaves the odd one to the end."""
    sides: list[int] = []
    for axis in reversed(range(len(case.kernel))):
        total = case.dilation[axis] * (case.kernel[axis] - 1)
        if isinstance(case.padding, str):
            total = total if case.padding == "same" else 0
            sides += [total // 2, total - total // 2]
        else:
            sides += [case.padding[axis]] * 2
    return F.pad(t, sides, mode="constant" if case.padding_mode == "zeros" else case.padding_mode)


def difference(case: Case) -> float:
    """Largest difference between the float32 layer and the float64 oracle; inf for wrong masks."""
    random = torch.Generator().manual_seed(0)
    axes = len(case.kernel)
    size = (9, 8, 7)[:axes]
    channels, cover = MASKS[case.mask]
    settings: dict[str, Any] = {
        name: getattr(case, name)
        for name in ("stride", "padding", "dilation", "groups", "bias", "padding_mode")
    }
    layer = getattr(layers, f"PartialConv{axes}d")(
        CHANNELS, 4, case.kernel, **settings,
        multi_channel=True, return_mask=True, mask_channels=cover,
    )  # fmt: skip
    for parameter in layer.parameters():
        # nn.Conv's own initialisation, from this generator.
        bound = layer.weight[0].numel() ** -0.5
        parameter.data = torch.empty_like(parameter).uniform_(-bound, bound, generator=random)
    x = torch.randn(2, CHANNELS, *size, generator=random)
    batch = 1 if case.mask.startswith("broadcast") else 2
    mask = (torch.rand(batch, channels, *size, generator=random) < 0.3).float()
    mask[..., : size[-1] // 2 + 1] = 0  # a hole wider than the kernel
    if case.mask == "expanded":
        mask = mask[:, :1].expand(-1, CHANNELS, *size)
    if case.mask == "none":
        mask = torch.ones_like(mask)

    each = cover or [CHANNELS // mask.shape[1]] * mask.shape[1]
    valid = mask.repeat_interleave(torch.tensor(each), dim=1).expand_as(x)
    weight, bias = (None if p is None else p.detach().double() for p in (layer.weight, layer.bias))
    assert weight is not None
    wanted, wanted_mask = oracle(
        pad_by_hand(x.double(), case), weight, bias, pad_by_hand(valid.double(), case),
        stride=case.stride, dilation=case.dilation, groups=case.groups,
    )  # fmt: skip
    with torch.no_grad():
        y, new_mask = layer(x) if case.mask == "none" else layer(x, mask)
    if not torch.equal(new_mask.double(), wanted_mask):
        return float("inf")
    return (y.double() - wanted).abs().max().item()


def holed(*shape: int, random: torch.Generator, known: float = 0.5) -> Tensor:
    """A random mask with a whole block of holes."""
    mask = (torch.rand(*shape, generator=random) < known).float()
    mask[..., shape[-1] // 2 :] = 0
    return mask

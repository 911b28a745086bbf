"""The refiner: a small network that puts right, close by, what a fill got wrong.

The U-Net halves a picture before it looks at it, so it has no say in single pixels, and the plate
of inpaint/edges.py knows nothing but smoothness: between them, the edges and lines that cross a
narrow hole fade. The refiner sees both answers with the known pixels around them and changes the
second. It is convolutional, with an outlook of a few dozen pixels, so it has no opinion on what
belongs into a large hole. Where its windows leave the picture they are partial convolutions
(arXiv:1811.11718), so a border is no dark line to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.layers import PartialConv2d
from inpaint.regions import Rectangle, grown, relative

_BLOCK = 256  # side of the largest square that is refined at once, px
_STEP = 32  # sides are multiples of it: few sizes, because kernels are made for each


@dataclass(frozen=True)
class RefinerConfig:
    """Size of a Refiner. Raises ValueError for values that make no network."""

    width: int = 64  # channels, at half the picture's size
    dilations: tuple[int, ...] = (1, 2, 4, 2, 1)  # of its 3x3 residual levels, in half pixels

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))  # JSON has no tuples
        if self.width < 1:
            raise ValueError(f"width must be 1 or more, got {self.width}")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"dilations must be 1 or more each, got {self.dilations}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RefinerConfig:
        """The inverse of to_dict. Raises ValueError for keys that are no settings."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown refiner settings: {', '.join(unknown)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain types that JSON can hold."""
        return asdict(self)


class Refiner(nn.Module):
    """Two answers for a hole in, a better one out.

    Works on blocks of 2x2 pixels, as channels: at half the size a convolution sees twice as far
    for the same work.
    """

    def __init__(self, config: RefinerConfig | None = None) -> None:
        super().__init__()
        self.config = config = RefinerConfig() if config is None else config
        self.first = PartialConv2d(4 * 7, config.width, 3, padding=1)
        self.levels = nn.ModuleList(
            PartialConv2d(config.width, config.width, 3, padding=gap, dilation=gap)
            for gap in config.dilations
        )
        self.last = PartialConv2d(config.width, 4 * 3, 3, padding=1)
        for layer in (self.first, *self.levels):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        for parameter in self.last.parameters():  # at first the plate stays as it is
            nn.init.zeros_(parameter)

    @property
    def outlook(self) -> int:
        """How far from a pixel anything may have a say in it, px; even."""
        return 2 * (3 + sum(self.config.dilations))

    def forward(self, fill: Tensor, plate: Tensor, hole: Tensor) -> Tensor:
        """A better picture, (B, 3, H, W), about [0, 1] but not clamped.

        fill, plate: (B, 3, H, W), RGB in [0, 1], the network's answer and continue_edges', with
        what is known around the hole. hole: (B, 1, H, W), 1 = hole, 0 = known. The answer means
        something in the hole only.
        """
        height, width = hole.shape[2:]
        x = torch.cat([fill - 0.5, plate - 0.5, hole], 1)
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        x = F.relu(self.first(F.pixel_unshuffle(x, 2)))  # (B, width, H / 2, W / 2)
        for level in self.levels:
            x = x + F.relu(level(x))
        change = F.pixel_shuffle(self.last(x), 2)[..., :height, :width]
        return plate + change.to(plate.dtype)


@torch.inference_mode()
def refine(
    refiner: Refiner, fill: np.ndarray, plate: np.ndarray, mask: np.ndarray, device: torch.device
) -> np.ndarray:
    """The plate, (H, W, 3) float32, with what the refiner makes of it where mask is 1.

    fill, plate: as for Refiner.forward. mask: (H, W) uint8, 0 = known, 1 = hole to refine, 2 =
    hole that is none of our business. The work grows with the hole, not with the picture.
    """
    result = plate.copy()
    for inner in _blocks(mask == 1):
        outer = grown(inner, refiner.outlook, mask.shape)
        hole = (mask[outer] > 0).astype(np.float32)[..., None]
        inputs = (
            torch.from_numpy(array).to(device).permute(2, 0, 1)[None]
            for array in (fill[outer], plate[outer], hole)
        )
        better = refiner(*inputs)[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()
        own = mask[inner] == 1
        result[inner][own] = better[relative(inner, outer)][own]
    return result


def room(refiner: Refiner) -> int:
    """How much around a hole `refine` wants to see, px."""
    return refiner.outlook + _STEP


def _blocks(hole: np.ndarray) -> Iterator[Rectangle]:
    """Rectangles that hold all of a hole, (H, W) bool, and little else."""
    height, width = hole.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            part = hole[top : top + _BLOCK, left : left + _BLOCK]
            rows, columns = (np.flatnonzero(part.any(axis)) for axis in (1, 0))
            if len(rows):
                yield _span(rows, top, height), _span(columns, left, width)


def _span(where: np.ndarray, start: int, limit: int) -> slice:
    """From the first to the last of these numbers, whole steps, counted from `start`."""
    first, last = int(where[0]) // _STEP, int(where[-1]) // _STEP
    return slice(start + first * _STEP, min(start + (last + 1) * _STEP, limit))

"""The refiner: a small network that corrects a fill from its close surroundings.

The U-Net works at half the image's size and coarser, so it has no say in single pixels, and
boundary blending (inpaint/inference/boundary.py) knows nothing but smoothness: between them, the
edges and lines that cross a narrow hole fade. The refiner sees both answers with the known pixels
around them and changes the second. Its receptive field is a few dozen pixels, so it has no say in
what belongs into a large hole. Its padding is partial-convolution padding (arXiv:1811.11718), so
the border of the image is no dark line to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.models.limits import MAX_BLOCKS, MAX_DILATION, MAX_WIDTH, check_limit
from inpaint.models.partial_conv import PartialConv2d
from inpaint.utils.settings import read_settings


@dataclass(frozen=True)
class RefinerConfig:
    """Size of a Refiner. Raises ValueError for values that make no network."""

    width: int = 64  # channels, at half the image's size
    dilations: tuple[int, ...] = (1, 2, 4, 2, 1)  # of its 3x3 residual levels, in half pixels

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))  # JSON has no tuples
        check_limit("the number of dilations", [len(self.dilations)], MAX_BLOCKS)
        if self.width < 1:
            raise ValueError(f"width must be 1 or more, got {self.width}")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"dilations must be 1 or more each, got {self.dilations}")
        check_limit("width", [self.width], MAX_WIDTH)
        check_limit("the sum of dilations", [sum(self.dilations)], MAX_DILATION)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RefinerConfig:
        """The inverse of to_dict. Raises ValueError for other keys, types and values."""
        return read_settings(cls, values, "refiner")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain types that JSON can hold."""
        return asdict(self)


class Refiner(nn.Module):
    """A residual network that corrects the blended fill of a hole.

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
        for parameter in self.last.parameters():  # at first the blended image stays as it is
            nn.init.zeros_(parameter)

    @property
    def receptive_radius(self) -> int:
        """Radius of the receptive field, px; even."""
        return 2 * (3 + sum(self.config.dilations))

    def forward(self, fill: Tensor, blended: Tensor, hole: Tensor) -> Tensor:
        """The corrected image, (B, 3, H, W), about [0, 1] but not clamped; only the hole counts.

        Args:
            fill: (B, 3, H, W) RGB in [0, 1], the network's answer with what is known around it.
            blended: The same after boundary blending.
            hole: (B, 1, H, W), 1 = hole, 0 = known.
        """
        height, width = hole.shape[2:]
        x = torch.cat([fill - 0.5, blended - 0.5, hole], 1)
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        x = F.relu(self.first(F.pixel_unshuffle(x, 2)))  # (B, width, H / 2, W / 2)
        for level in self.levels:
            x = x + F.relu(level(x))
        change = F.pixel_shuffle(self.last(x), 2)[..., :height, :width]
        return blended + change.to(blended.dtype)

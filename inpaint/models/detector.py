"""The detector: a small U-Net that says of each pixel how likely it is damage, by class.

Lines of one pixel matter, so the answer has the image's own size; but all convolutions work on
blocks of 2x2 pixels or coarser, as channels, which makes it cheap: 18,500 multiplications a pixel.
Skip connections are added, not concatenated, for the same reason. Context comes from five levels:
a scratch that is fainter than the noise shows in what it sums to along its length.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inpaint.models.limits import MAX_BLOCKS, MAX_WIDTH, check_limit
from inpaint.utils.settings import read_settings, shortened

CLASSES = ("scratch", "dust", "stamp")  # of damage, in the order of the network's channels


@dataclass(frozen=True)
class DetectorConfig:
    """Size of a Detector. Raises ValueError for values that make no network."""

    widths: tuple[int, ...] = (32, 48, 96, 160, 160)  # channels at 1/2, 1/4, ... 1/32 of the size
    blocks: tuple[int, ...] = (1, 1, 2, 2, 2)  # residual blocks of a level in the encoder
    classes: tuple[str, ...] = CLASSES
    thresholds: tuple[float, ...] = (0.5, 0.5, 0.5)  # probability at sensitivity 0.5, by class

    def __post_init__(self) -> None:
        for name in ("widths", "blocks", "classes", "thresholds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has no tuples
        if len(self.widths) != 5 or min(self.widths) < 1:
            raise ValueError(
                f"widths must be five numbers of 1 or more, got {shortened(self.widths)}"
            )
        if len(self.blocks) != 5 or min(self.blocks) < 0:
            raise ValueError(
                f"blocks must be five numbers of 0 or more, got {shortened(self.blocks)}"
            )
        check_limit("widths", self.widths, MAX_WIDTH)
        check_limit("blocks", self.blocks, MAX_BLOCKS)
        if self.classes != CLASSES:
            raise ValueError(f"classes must be {CLASSES}, got {shortened(self.classes)}")
        if len(self.thresholds) != len(self.classes) or not all(
            0 < value < 1 for value in self.thresholds
        ):
            raise ValueError(
                "thresholds must be a number in (0, 1) for each class, got "
                f"{shortened(self.thresholds)}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DetectorConfig:
        """The inverse of to_dict. Raises ValueError for other keys, types and values."""
        return read_settings(cls, values, "detector")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain types that JSON can hold."""
        return asdict(self)


class Detector(nn.Module):
    """(B, 3, H, W) RGB in [0, 1] to (B, classes, H, W) logits of damage.

    Height and width must be multiples of `limits.STRIDE`.
    """

    def __init__(self, config: DetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config = DetectorConfig() if config is None else config
        widths = config.widths
        self.encoder = nn.ModuleList()
        before = 4 * 3
        for level, (width, blocks) in enumerate(zip(widths, config.blocks, strict=True)):
            entry = _conv(before, width, stride=1 if level == 0 else 2)
            self.encoder.append(nn.Sequential(entry, *(_Block(width) for _ in range(blocks))))
            before = width
        self.lateral = nn.ModuleList(
            nn.Conv2d(below, width, 1) for width, below in pairwise(widths)
        )
        self.decoder = nn.ModuleList(_Block(width) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0], 4 * len(config.classes), 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.01)
        assert self.last.bias is not None
        nn.init.constant_(self.last.bias, -4.0)  # damage is rare: about 2 % of the pixels

    def forward(self, image: Tensor) -> Tensor:
        """The logits; see the class."""
        x = F.pixel_unshuffle(image - 0.5, 2)  # (B, 12, H / 2, W / 2)
        levels = []
        for stage in self.encoder:
            x = stage(x)
            levels.append(x)
        for lateral, block, skip in zip(
            reversed(self.lateral), reversed(self.decoder), reversed(levels[:-1]), strict=True
        ):
            x = block(skip + F.interpolate(lateral(x), scale_factor=2.0, mode="nearest"))
        return F.pixel_shuffle(self.last(x), 2)


class _Block(nn.Module):
    """A 3x3 convolution with batch norm and ReLU, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv(x)
        return x + residual


def _conv(before: int, after: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def fold_norms(network: Detector) -> Detector:
    """A copy of a network for inference, its batch norms part of the convolutions.

    It gives the same logits to rounding errors, and neither trains nor saves.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if (
            isinstance(module, nn.Sequential)
            and len(module) == 3
            and isinstance(module[1], nn.BatchNorm2d)
        ):
            convolution, norm = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            module[0] = fuse_conv_bn_eval(convolution, norm)
            module[1] = nn.Identity()
    return folded.requires_grad_(False)

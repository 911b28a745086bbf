"""Partial convolution as a padding mode (arXiv:1811.11718)."""

from inpaint.padding.layers import (
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
)
from inpaint.padding.models import architectures, build, load_checkpoint
from inpaint.padding.swap import Conversion, convert

__all__ = [
    "Conversion",
    "PartialPaddingConv1d",
    "PartialPaddingConv2d",
    "PartialPaddingConv3d",
    "architectures",
    "build",
    "convert",
    "load_checkpoint",
]

"""Partial convolution as a padding mode (arXiv:1811.11718)."""

from inpaint.padding.convert import Conversion, convert
from inpaint.padding.layers import (
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
)
from inpaint.padding.models import architectures, build, load_checkpoint

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

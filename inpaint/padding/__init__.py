"""Partial convolution as a padding mode (arXiv:1811.11718)."""

from typing import TYPE_CHECKING

from inpaint.padding.convert import Conversion, convert
from inpaint.padding.layers import (
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
)
from inpaint.utils.lazy import lazy_dir, lazy_names

if TYPE_CHECKING:
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

# Imported on first use: they need torchvision, without which models are converted all the same.
__getattr__ = lazy_names(
    __name__,
    dict.fromkeys(("architectures", "build", "load_checkpoint"), "inpaint.padding.models"),
)
__dir__ = lazy_dir(__name__)

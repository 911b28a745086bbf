"""Image inpainting with partial convolutions (arXiv:1804.07723, arXiv:1811.11718)."""

from inpaint.checkpoint import CheckpointError
from inpaint.layers import PartialConv1d, PartialConv2d, PartialConv3d
from inpaint.predict import Inpainter
from inpaint.unet import PConvUNet, UNetConfig

__all__ = [
    "CheckpointError",
    "Inpainter",
    "PConvUNet",
    "PartialConv1d",
    "PartialConv2d",
    "PartialConv3d",
    "UNetConfig",
]

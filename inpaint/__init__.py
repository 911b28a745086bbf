"""Image inpainting with partial convolutions (arXiv:1804.07723, arXiv:1811.11718)."""

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.inference.inpainter import Inpainter
from inpaint.models.partial_conv import PartialConv1d, PartialConv2d, PartialConv3d
from inpaint.models.unet import PConvUNet, UNetConfig

__all__ = [
    "CheckpointError",
    "Inpainter",
    "PConvUNet",
    "PartialConv1d",
    "PartialConv2d",
    "PartialConv3d",
    "UNetConfig",
]

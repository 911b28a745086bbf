"""Image inpainting with partial convolutions (arXiv:1804.07723, arXiv:1811.11718)."""

import os
from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_dir, lazy_names

if TYPE_CHECKING:
    from inpaint.checkpoints.torch_file import CheckpointError
    from inpaint.inference.inpainter import Inpainter
    from inpaint.models.partial_conv import PartialConv1d, PartialConv2d, PartialConv3d
    from inpaint.models.unet import PConvUNet, UNetConfig
    from inpaint.utils.version import __version__

# OpenMP's threads wait by spinning: beside other busy programs they take each other's cores, and a
# fill of 256 px took 1.2 s instead of 0.16 s. OpenMP reads this when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = [
    "CheckpointError",
    "Inpainter",
    "PConvUNet",
    "PartialConv1d",
    "PartialConv2d",
    "PartialConv3d",
    "UNetConfig",
    "__version__",
]

# Imported on first use (PEP 562): they bring torch, which takes over a second.
_MODULES = {
    "CheckpointError": "inpaint.checkpoints.torch_file",
    "Inpainter": "inpaint.inference.inpainter",
    "PConvUNet": "inpaint.models.unet",
    "PartialConv1d": "inpaint.models.partial_conv",
    "PartialConv2d": "inpaint.models.partial_conv",
    "PartialConv3d": "inpaint.models.partial_conv",
    "UNetConfig": "inpaint.models.unet",
    "__version__": "inpaint.utils.version",
}


__getattr__ = lazy_names(__name__, _MODULES)
__dir__ = lazy_dir(__name__)

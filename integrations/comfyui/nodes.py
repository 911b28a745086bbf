"""The nodes: weights loaded, and IMAGE filled where MASK marks it."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, get_args

import comfy.model_management
import comfy.utils
import folder_paths
import torch

from inpaint import Inpainter
from inpaint.checkpoints.names import DEFAULT_WEIGHTS
from inpaint.inference.style import DEFAULT_STYLE, Style

from .layouts import fill_batch

FOLDER = "pconv-inpaint"  # of models/, for weight files that are not the shipped ones
CATEGORY = "inpaint"
MOST_GROWTH = 200  # px
_STEPS = 1000  # of the progress bar

folder_paths.add_model_folder_path(FOLDER, f"{folder_paths.models_dir}/{FOLDER}")


class LoadInpaintWeights:
    """Loads the network of a weight file."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Loads the shipped inpainting network, or one of models/pconv-inpaint."
    FUNCTION = "load"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("INPAINTER",)
    RETURN_NAMES: ClassVar[tuple[str, ...]] = ("inpainter",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The shipped weights, and the files of models/pconv-inpaint."""
        files = folder_paths.get_filename_list(FOLDER)
        return {"required": {"weights": ([DEFAULT_WEIGHTS, *files],)}}

    def load(self, weights: str) -> tuple[Inpainter]:
        """An inpainter on ComfyUI's device; ONNX files run on the CPU."""
        path = weights
        if weights != DEFAULT_WEIGHTS:
            path = folder_paths.get_full_path_or_raise(FOLDER, weights)
        device = None if path.endswith(".onnx") else comfy.model_management.get_torch_device()
        return (Inpainter.load(path, device=device),)


class InpaintFill:
    """Fills the marked part of images."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Fills what the mask marks. Pixels that are not marked stay as they are."
    FUNCTION = "fill"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Image, mask and inpainter, and the settings of a fill."""
        style = {
            "default": DEFAULT_STYLE,
            "tooltip": "natural: what looks real; faithful: closest on average, nothing is "
            "invented; plain: without texture from the image",
        }
        return {
            "required": {
                "inpainter": ("INPAINTER",),
                "image": ("IMAGE",),
                "mask": ("MASK", {"tooltip": "1 = fill; one for each image, or one for all"}),
                "style": (list(get_args(Style)), style),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**63 - 1}),
                "grow": (
                    "INT",
                    {
                        "default": 0,
                        "min": -MOST_GROWTH,
                        "max": MOST_GROWTH,
                        "tooltip": "pixels by which the mask is grown, or shrunk below 0",
                    },
                ),
            }
        }

    def fill(
        self,
        inpainter: Inpainter,
        image: torch.Tensor,
        mask: torch.Tensor,
        style: Style,
        seed: int,
        grow: int,
    ) -> tuple[torch.Tensor]:
        """Filled images, (B, H, W, C) like `image`; see fill_batch."""
        used = copy.copy(inpainter)
        used.seed = seed
        bar = comfy.utils.ProgressBar(_STEPS)

        def report(done: float) -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            bar.update_absolute(round(_STEPS * done))

        filled = fill_batch(
            image,
            mask,
            lambda pixels, hole, step: used.fill(pixels, hole, style=style, on_progress=step),
            grow=grow,
            on_progress=report,
        )
        return (filled,)


NODE_CLASS_MAPPINGS = {"LoadInpaintWeights": LoadInpaintWeights, "InpaintFill": InpaintFill}
NODE_DISPLAY_NAME_MAPPINGS = {
    "LoadInpaintWeights": "Load inpainting weights",
    "InpaintFill": "Inpaint (partial convolutions)",
}

"""ComfyUI's layouts of images and masks, and those of `Inpainter.fill`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from inpaint.masks.read import grow_hole, read_hole

OnProgress = Callable[[float], object]
# (image (H, W, 3) float32 in [0, 1], hole (H, W) bool, progress of this image) -> filled, like it
FillOne = Callable[[np.ndarray, np.ndarray, OnProgress], np.ndarray]


def fill_batch(
    image: torch.Tensor,
    mask: torch.Tensor,
    fill: FillOne,
    *,
    grow: int = 0,
    on_progress: OnProgress = lambda _: None,
) -> torch.Tensor:
    """The images with what is marked filled; a new tensor of the same shape and dtype.

    Values that are not marked are returned as they are, also outside of [0, 1], and so are further
    channels than the first three.

    Args:
        image: (B, H, W, C) floating point in [0, 1], C is 3 or more.
        mask: (B or 1, H, W) or (H, W), 1 = fill, above a half is marked. Another size of the same
            aspect ratio is scaled; an empty mask may have any size.
        fill: Fills one image.
        grow: Pixels by which what is marked is grown; below 0 it is shrunk.
        on_progress: Called with the share of all the images that is done, 0 to 1.

    Raises:
        ValueError: Shapes that do not fit, or an image that is marked all over.
    """
    if image.ndim != 4 or image.shape[3] < 3:
        raise ValueError(f"image must be (B, H, W, 3 or 4), got {tuple(image.shape)}")
    masks = mask if mask.ndim == 3 else mask[None]
    count = len(image)
    if masks.ndim != 3 or len(masks) not in (1, count):
        raise ValueError(
            f"mask must be (1 or {count}, H, W) for {count} images, got {tuple(mask.shape)}"
        )
    result = image.clone()
    for number in range(count):
        hole = hole_of(masks[number % len(masks)], (image.shape[1], image.shape[2]), grow)
        if hole.all():
            raise ValueError("the mask marks the whole image: nothing is left to fill from")
        if hole.any():
            pixels = image[number, ..., :3].float().clamp(0, 1).cpu().numpy()
            filled = fill(pixels, hole, partial(_report, on_progress, number, count))
            where = torch.from_numpy(hole).to(image.device)
            values = torch.from_numpy(filled).to(image)
            result[number, ..., :3][where] = values[where]
        on_progress((number + 1) / count)
    return result


def _report(on_progress: OnProgress, number: int, count: int, share: float) -> None:
    on_progress((number + share) / count)


def hole_of(mask: torch.Tensor, size: tuple[int, int], grow: int = 0) -> np.ndarray:
    """What a mask, (H, W) in [0, 1], marks in an image of that size: (H, W) bool.

    Raises ValueError for a mask with something in it and another aspect ratio.
    """
    values = mask.float().clamp(0, 1).cpu().numpy()
    if not (values > 0.5).any():
        return np.zeros(size, bool)  # of 64 x 64, as ComfyUI gives images without alpha
    return grow_hole(read_hole(values, size=size, warn=False), grow)

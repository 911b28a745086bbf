"""Squares that are scaled and flipped by the batch, on the device that trains.

Where a square lies, how large it is and whether it is flipped follow from the sample's number, as
for samples that are scaled one by one. Only the work on pixels moves: workers copy the squares out
of the images, and a matrix product averages them down; OpenCV's answers are rounded otherwise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from inpaint.data.crops import scale_square

_LARGEST = 2  # sides of a sample; larger squares are scaled where they are: bytes take time, too
_STEP = 32  # px; batches have sides of whole steps: few sizes, for which memory is found again


class Unscaled(NamedTuple):
    """The square of one sample: `pixels` uint8 (side, side, 3), and whether to flip it."""

    pixels: np.ndarray
    flipped: bool

    @classmethod
    def of(cls, square: np.ndarray, size: int, flipped: bool) -> Unscaled:
        """The square as it is, or scaled to `size` if it is smaller or more than twice as large."""
        if not size <= len(square) <= _LARGEST * size:
            return cls(scale_square(square, size), flipped)
        return cls(square.copy(), flipped)  # a view would keep its image until the batch is full


def collate_unscaled(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch of samples whose `image` is Unscaled.

    Its `image` is uint8 (B, S, S, 3), each square in the upper left and 0 beside it; `side` (B,)
    has their sides, and `flipped` (B,) tells which are to be flipped. The rest is stacked.
    """
    squares = [sample["image"] for sample in samples]
    sides = [len(square.pixels) for square in squares]
    longest = -(-max(sides) // _STEP) * _STEP
    image = torch.zeros(len(samples), longest, longest, 3, dtype=torch.uint8)
    for padded, (pixels, _) in zip(image.numpy(), squares, strict=True):
        padded[: len(pixels), : len(pixels)] = pixels
    rest = [{name: v for name, v in sample.items() if name != "image"} for sample in samples]
    flipped = torch.tensor([square.flipped for square in squares])
    return {
        **default_collate(rest),
        "image": image,
        "side": torch.tensor(sides),
        "flipped": flipped,
    }


def scale_squares(image: Tensor, side: Tensor, flipped: Tensor, size: int) -> Tensor:
    """The squares of a batch of `collate_unscaled`, averaged down to `size` px and flipped.

    Nothing waits for the device.

    Args:
        image: uint8 (B, S, S, 3).
        side: (B,), between `size` and S.
        flipped: (B,) bool.
        size: Side of the answer, px.

    Returns:
        (B, 3, size, size) float32, whole numbers from 0 to 255.
    """
    rows = _area_weights(side, image.shape[1], size)  # (B, size, S)
    columns = torch.where(flipped[:, None, None], rows.flip(1), rows)
    levels = (rows @ image.flatten(2).float()).unflatten(2, (-1, 3))  # (B, size, S, 3)
    return torch.einsum("bxs,bysc->bcyx", columns, levels).round_().clamp_(0, 255)


def _area_weights(side: Tensor, length: int, size: int) -> Tensor:
    """Share of each of `length` pixels in each of `size` averages over a square's side.

    (B, size, length) float32; 0 beyond the side, and each row's sum is 1.
    """
    scale = side.float()[:, None, None] / size
    start = torch.arange(size, device=side.device)[:, None] * scale
    pixel = torch.arange(length, device=side.device)
    overlap = torch.minimum(start + scale, pixel + 1) - torch.maximum(start, pixel)
    return overlap.clamp(min=0) / scale

"""Training samples of the detector: damaged squares with labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from inpaint.damage.damage import Damaged, damage
from inpaint.damage.drawing import log_uniform
from inpaint.data.crops import square_of_side
from inpaint.data.samples import check_source, cut_usable, fixed_square
from inpaint.data.sources import ImageSource
from inpaint.data.stream import ImageOrder
from inpaint.images import ImageError

MAX_UPSCALE = 2.3  # of a square; a pixel of a scanned print shows less detail than one of a photo


class DamagedSamples(Dataset[dict[str, Any]]):
    """Random damaged squares by global sample number, see `SampleStream`.

    Sample n follows from (source, size, seed, n). It is a dict of `image`, uint8 (size, size, 3)
    RGB; `labels`, uint8 (size, size) of `inpaint.damage.damage.BITS`; and `index`, `skipped` and
    `rejected` as in `TrainingSamples`.

    Args:
        source: Clean images.
        size: Side, px; a multiple of 32.
        seed: Any number from 0.

    Raises:
        ValueError: The source is empty.
        RuntimeError: From `samples[n]`, if 100 images in a row cannot be used.
    """

    def __init__(self, source: ImageSource, size: int, *, seed: int = 0) -> None:
        check_source(source, size)
        self.source = source
        self.size = size
        self.order = ImageOrder(len(source), seed)

    def __len__(self) -> int:
        """Samples in an epoch. Sample numbers go on beyond it."""
        return len(self.source)

    def __getitem__(self, n: int) -> dict[str, Any]:
        trouble = f"used; check the data ({self.source!r}) and the size ({self.size})"
        square, rng, origin = cut_usable(self.order, n, self.cut, trouble)
        return {**_tensors(damage(square, rng)), **origin}

    def cut(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """`random_piece` of one image. Raises OSError or ImageError if it cannot be used."""
        return random_piece(self.source.load(index), self.size, rng)


class FixedDamagedSamples(Dataset[dict[str, Any]]):
    """The same damaged squares every time, for validation: the middle of each image.

    Every image comes twice: with random damage at even numbers, and clean at odd ones. In place of
    an unreadable image stands the next readable one.

    Args:
        source: Clean images, taken at even distances.
        size: Side, px.
        count: How many images at most.
        seed: Of the damage.

    Raises:
        ValueError: The source is empty.
        RuntimeError: From `samples[i]`, if 100 images in a row cannot be read.
    """

    def __init__(self, source: ImageSource, size: int, *, count: int, seed: int = 0) -> None:
        check_source(source, size)
        self.source = source
        self.size = size
        self.count = min(count, len(source))
        self.seed = seed

    def __len__(self) -> int:
        return 2 * self.count

    def __getitem__(self, i: int) -> dict[str, Any]:
        if not 0 <= i < len(self):
            raise IndexError(f"wanted a sample number from 0 to {len(self) - 1}, got {i}")
        square = np.ascontiguousarray(fixed_square(self.source, i // 2, self.count, self.size)[0])
        if i % 2:
            return _tensors(Damaged(square, np.zeros((self.size, self.size), np.uint8)))
        return _tensors(damage(square, np.random.default_rng([self.seed, i])))


def random_piece(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square, scaled to `size` and turned over: uint8 (size, size, 3), contiguous.

    Its side is between what `MAX_UPSCALE` allows and the whole image, small ones most.

    Raises:
        ImageError: The image is smaller than `size / MAX_UPSCALE`.
    """
    shorter, least = min(image.shape[:2]), round(size / MAX_UPSCALE)
    if shorter < least:
        raise ImageError(
            f"{image.shape[0]}x{image.shape[1]} pixels are too small for squares of {size}"
        )
    side = round(log_uniform(rng, least, max(least + 0.01, shorter)))
    square = square_of_side(image, side, size, rng)
    if rng.random() < 0.3:
        square = np.rot90(square, int(rng.integers(1, 4)))
    return np.ascontiguousarray(square)


def _tensors(damaged: Damaged) -> dict[str, Any]:
    return {
        "image": torch.from_numpy(damaged.image),
        "labels": torch.from_numpy(damaged.labels),
    }

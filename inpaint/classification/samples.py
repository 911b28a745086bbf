"""Crops of labelled images, for training and for testing."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from inpaint.classification.data import LabelledImages
from inpaint.data.samples import cut_usable
from inpaint.data.stream import ImageOrder
from inpaint.images import ImageError

_UNUSABLE = (OSError, ImageError)


class ClassSamples(Dataset[dict[str, Any]]):
    """Random crops by global sample number, see `SampleStream`.

    Sample n is a function of (images, settings, seed, n), a dict: `image` uint8
    (3, size, size) RGB; `label`; `skipped`, how many images were unreadable before this one was
    found; and `rejected`, the number of the first of these, or -1.

    Args:
        size: side in pixels.
        seed: any number from 0.
        least: smallest share of an image's area that a crop shows, in (0, 1].

    Raises:
        RuntimeError: from `samples[n]`, if 100 images in a row cannot be read.
    """

    def __init__(
        self, images: LabelledImages, size: int, *, seed: int = 0, least: float = 0.08
    ) -> None:
        self.images, self.source = images, images.source
        self.size, self.seed, self.least = size, seed, least
        self.order = ImageOrder(len(images), seed)

    def __len__(self) -> int:
        """Samples in an epoch. Sample numbers go on beyond it."""
        return len(self.images)

    def __getitem__(self, n: int) -> dict[str, Any]:
        trouble = f"read; check the data ({self.source!r})"
        crop, _, origin = cut_usable(self.order, n, self.cut, trouble)
        label = int(self.images.labels[origin.pop("index")])
        return {"image": _channels_first(crop), "label": label, **origin}

    def cut(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """A random crop of one image: uint8 (size, size, 3). Raises OSError, ImageError."""
        return random_resized_crop(self.source.load(index), self.size, rng, least=self.least)


class ValidationSamples(Dataset[dict[str, Any]]):
    """Every image once: the shorter side scaled to size * 256 / 224, then its middle.

    Samples are dicts: `image` uint8 (3, size, size) RGB, and `label`, which is -1 for an image
    that cannot be read.
    """

    def __init__(self, images: LabelledImages, size: int) -> None:
        self.images, self.size = images, size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        try:
            image = self.images.source.load(index)
        except _UNUSABLE:
            return {"image": torch.zeros(3, self.size, self.size, dtype=torch.uint8), "label": -1}
        crop = middle_crop(image, self.size)
        return {"image": _channels_first(crop), "label": int(self.images.labels[index])}


def random_resized_crop(
    image: np.ndarray, size: int, rng: np.random.Generator, *, least: float = 0.08
) -> np.ndarray:
    """A random part of an image, scaled to a square and flipped in half of the cases.

    The part has between `least` and all of the image's area, uniformly, and a width of 3/4 to
    4/3 of its height, on a logarithmic scale; after ten such parts that are too wide or too high,
    it is the largest square in the middle (torchvision's RandomResizedCrop).

    image: RGB uint8 (H, W, 3). Returns uint8 (size, size, 3).
    """
    height, width = image.shape[:2]
    h = w = min(height, width)
    top, left = (height - h) // 2, (width - w) // 2
    for _ in range(10):
        area = height * width * rng.uniform(least, 1)
        aspect = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            h, w = high, wide
            top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            break
    crop = _scale(image[top : top + h, left : left + w], size, size)
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def middle_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The middle of an image whose shorter side is scaled to size * 256 / 224.

    image: RGB uint8 (H, W, 3). Returns uint8 (size, size, 3).
    """
    height, width = image.shape[:2]
    scale = round(size * 256 / 224) / min(height, width)
    height, width = max(size, round(height * scale)), max(size, round(width * scale))
    top, left = (height - size) // 2, (width - size) // 2
    return _scale(image, height, width)[top : top + size, left : left + size]


def _scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    shrinks = height * width < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def _channels_first(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))

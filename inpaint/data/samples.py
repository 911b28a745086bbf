"""Training and validation samples: a square image and its hole."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from inpaint.data.crops import (
    CropPolicy,
    center_square,
    check_policy,
    cut_square,
    draw_flip,
    scale_square,
)
from inpaint.data.device_crops import Unscaled, collate_unscaled
from inpaint.data.holes import DrawHole, FolderHoles, GeneratedHoles
from inpaint.data.sources import ImageSource
from inpaint.data.stream import REPLACEMENT_STREAM, SAMPLE_STREAM, ImageOrder
from inpaint.images import ImageError
from inpaint.masks.generate import HOLE_BUCKETS, TRAINING_VERSION, fixed_hole

logger = logging.getLogger(__name__)

_MAX_TRIES = 100  # images tried for one sample; so many bad ones in a row are no accident
_UNUSABLE = (OSError, ImageError)


class TrainingSamples(Dataset[dict[str, Any]]):
    """Random squares of images with random holes, by global sample number.

    Sample n is a function of (source, settings, seed, n), see `SampleStream`. It is a dict:
    `image` uint8 (3, size, size) RGB; `hole` bool (1, size, size), True = fill; `index`, the
    image's number in the source; `skipped`, how many images were unreadable or too small
    before this one was found; and `rejected`, the number of the first of these, or -1.
    A replacement for an unusable image is drawn by (seed, n), too.

    Args:
        source: the images.
        size: side in pixels.
        seed: any number from 0.
        crop, max_upscale: how squares are cut, see `cut_square`.
        ratio_weights: how often each hole ratio bucket is drawn, see `GeneratedHoles`.
        sides: share of holes that are a side of the picture.
        hole_dir: a folder of mask files to take holes from instead, see `FolderHoles`.
        invert_holes: whether these files are black where pictures are to be filled.
        hole_version: of the generator, see `random_hole`.
        with_holes: whether samples have a `hole`; False where holes are drawn for a whole batch.
        scaled: whether squares are scaled to `size` and flipped. Without, `image` is `Unscaled`,
            for `scale_squares` to do the same to a whole batch.

    Raises:
        ValueError: the source is empty, or a setting is out of range.
        RuntimeError: from `samples[n]`, if 100 images in a row cannot be used.
    """

    def __init__(
        self,
        source: ImageSource,
        size: int,
        *,
        seed: int = 0,
        crop: CropPolicy = "resize-crop",
        max_upscale: float = 2.0,
        ratio_weights: tuple[float, ...] | None = None,
        sides: float = 0.0,
        hole_dir: str | Path | None = None,
        invert_holes: bool = False,
        hole_version: int = TRAINING_VERSION,
        with_holes: bool = True,
        scaled: bool = True,
    ) -> None:
        check_source(source, size)
        check_policy(crop)
        self.source = source
        self.size = size
        self.seed = seed
        self.crop = crop
        self.max_upscale = max_upscale
        self.with_holes = with_holes
        self.scaled = scaled
        self.collate = default_collate if scaled else collate_unscaled
        self.order = ImageOrder(len(source), seed)
        self.draw_hole: DrawHole = (
            GeneratedHoles(ratio_weights, sides=sides, version=hole_version)
            if hole_dir is None
            else FolderHoles(hole_dir, invert=invert_holes)
        )

    def __len__(self) -> int:
        """Samples in an epoch. Sample numbers go on beyond it."""
        return len(self.source)

    def __getitem__(self, n: int) -> dict[str, Any]:
        trouble = f"used; check the data ({self.source!r}) and the size ({self.size})"
        square, rng, origin = cut_usable(self.order, n, self.cut, trouble)
        flipped = draw_flip(rng)
        hole = self.draw_hole(self.size, rng) if self.with_holes else None
        if not self.scaled:
            return _sample(Unscaled.of(square, self.size, flipped), hole, **origin)
        square = scale_square(square, self.size)
        return _sample(_planes(square[:, ::-1] if flipped else square), hole, **origin)

    def cut(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """A random square of one image, before it is scaled: uint8 (side, side, 3).

        Raises:
            OSError, ImageError: the image is unreadable or too small.
        """
        image = self.source.load(index)
        try:
            return cut_square(image, self.size, rng, policy=self.crop, max_upscale=self.max_upscale)
        except ImageError as error:
            raise ImageError(f"{self.source.name(index)}: {error}") from error


def cut_usable(
    order: ImageOrder,
    n: int,
    cut: Callable[[int, np.random.Generator], np.ndarray],
    trouble: str,
) -> tuple[np.ndarray, np.random.Generator, dict[str, int]]:
    """What `cut` makes of sample n's image, or of the first replacement that it can use.

    Replacements are drawn by (seed, n). Returns the crop, the sample's generator as `cut` left
    it, and where the crop is from: `index`, `skipped` and `rejected` as in `TrainingSamples`.

    Args:
        cut: takes an image's number and a generator; raises OSError or ImageError for an
            image that cannot be used.
        trouble: what the images cannot be, and what to check, for the error's message.

    Raises:
        RuntimeError: 100 images in a row cannot be used.
    """
    planned = index = order.image(n)
    replacements = np.random.default_rng([REPLACEMENT_STREAM, order.seed, n])
    for skipped in range(_MAX_TRIES):
        rng = np.random.default_rng([SAMPLE_STREAM, order.seed, n])
        try:
            crop = cut(index, rng)
        except _UNUSABLE as error:
            failure = error
            index = int(replacements.integers(order.length))
            continue
        rejected = planned if skipped else -1
        return crop, rng, {"index": index, "skipped": skipped, "rejected": rejected}
    raise RuntimeError(
        f"{_MAX_TRIES} pictures in a row cannot be {trouble}. The last: {failure}"
    ) from failure


class FixedSamples(Dataset[dict[str, Any]]):
    """The same images with the same holes every time, for validation.

    Images are taken at even distances through the source, since sources are often sorted by
    class: all of them if `count` is their number. Each is cut to the square in its middle and
    scaled to `size`. Sample i has a hole of bucket i % 6, so the buckets are equally frequent.
    In place of an unreadable image stands the next readable one. Samples are dicts as those of
    `TrainingSamples`, with `bucket`, an index into `HOLE_BUCKETS`, in addition.

    Args:
        source: the images.
        size: side in pixels.
        count: how many samples; at most, and by default, as many as there are images.
        seed: of the holes.
    """

    def __init__(
        self, source: ImageSource, size: int, *, count: int | None = None, seed: int = 0
    ) -> None:
        check_source(source, size)
        if count is not None and count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        self.source = source
        self.size = size
        self.count = len(source) if count is None else min(count, len(source))
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> dict[str, Any]:
        if not 0 <= i < self.count:
            raise IndexError(f"wanted a sample number from 0 to {self.count - 1}, got {i}")
        bucket = i % len(HOLE_BUCKETS)
        hole = fixed_hole((self.size, self.size), i, seed=self.seed, bucket=bucket)
        square, origin = fixed_square(self.source, i, self.count, self.size)
        return {**_sample(_planes(square), hole, **origin), "bucket": bucket}


def fixed_square(
    source: ImageSource, i: int, count: int, size: int
) -> tuple[np.ndarray, dict[str, int]]:
    """The middle of image i of `count` images at even distances: uint8 (size, size, 3).

    In place of an unreadable image stands the next readable one. Also returns where the square is
    from: `index`, `skipped` and `rejected` as in `TrainingSamples`.

    Raises:
        RuntimeError: 100 images in a row cannot be read.
    """
    planned = i * len(source) // count
    for skipped in range(_MAX_TRIES):
        index = (planned + skipped) % len(source)
        try:
            square = center_square(source.load(index), size)
        except _UNUSABLE as error:
            failure = error
            continue
        rejected = planned if skipped else -1
        return square, {"index": index, "skipped": skipped, "rejected": rejected}
    raise RuntimeError(
        f"{_MAX_TRIES} pictures in a row cannot be read; check the data ({source!r}). "
        f"The last: {failure}"
    ) from failure


class CutSamples(Protocol):
    """Samples that are cut from images of a source."""

    source: ImageSource

    def cut(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """A random part of one image. Raises OSError or ImageError if it cannot be used."""
        ...


class SkipCounter:
    """Counts the images that batches had to do without, and logs the first few.

    It lives in the training process: workers only put numbers into their samples.

    Args:
        samples: what the batches are made of.
        log_first: how many files are named in the log.
    """

    def __init__(self, samples: CutSamples, *, log_first: int = 10) -> None:
        self.samples = samples
        self.log_first = log_first
        self.total = 0  # failed attempts
        self.rejected: set[int] = set()  # numbers of the images that failed

    def update(self, batch: dict[str, torch.Tensor]) -> int:
        """Take a batch into account; the answer is the new total of failed attempts."""
        self.total += int(batch["skipped"].sum())
        for index in batch["rejected"].tolist():
            if index >= 0 and index not in self.rejected:
                self.rejected.add(index)
                self._log(index)
        return self.total

    def _log(self, index: int) -> None:
        if len(self.rejected) <= self.log_first:
            try:  # once more, because the reason stayed in the worker
                self.samples.cut(index, np.random.default_rng(0))
                reason: object = f"{self.samples.source.name(index)}: could not be read before"
            except _UNUSABLE as error:
                reason = error
            logger.warning("picture skipped: %s", reason)
        if len(self.rejected) == self.log_first:
            logger.warning("further skipped pictures are counted, but not named")


def check_source(source: ImageSource, size: int) -> None:
    """Raise ValueError for a source without images, and for a size below 1 px."""
    if len(source) == 0:
        raise ValueError("the source holds no pictures")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")


def _planes(square: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))


def _sample(
    image: torch.Tensor | Unscaled,
    hole: np.ndarray | None,
    index: int,
    skipped: int,
    rejected: int,
) -> dict[str, Any]:
    holes = {} if hole is None else {"hole": torch.from_numpy(hole[None])}
    return {
        "image": image,
        **holes,
        "index": index,
        "skipped": skipped,
        "rejected": rejected,
    }

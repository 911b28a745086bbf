"""Images kept in memory: decoded once, shared by worker processes that are forked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from inpaint.data.sources import ConcatSource, ImageSource
from inpaint.images import ImageError


def in_memory(source: ImageSource, *, threads: int = 8) -> ImageSource:
    """The source with all its images decoded; each is kept once, however often it is repeated.

    Raises:
        ImageError: No image of a source can be read.
    """
    if isinstance(source, ConcatSource):
        parts = [in_memory(part, threads=threads) for part in source.sources]
        return ConcatSource(parts, source.repeats)
    return MemorySource(source, threads=threads)


class MemorySource:
    """The images of another source in one array. Those that cannot be read are left out.

    Args:
        source: Where the images come from.
        threads: How many decode.
    """

    def __init__(self, source: ImageSource, *, threads: int = 8) -> None:
        with ThreadPoolExecutor(threads) as pool:
            loaded = list(pool.map(lambda index: _load(source, index), range(len(source))))
        kept = [(index, image) for index, image in enumerate(loaded) if image is not None]
        if not kept:
            raise ImageError(f"none of the pictures can be read: {source!r}")
        self.source = source
        self.indices = np.array([index for index, _ in kept])
        self.shapes = np.array([image.shape for _, image in kept])
        self.starts = np.cumsum([0, *(image.size for _, image in kept)])
        self.pixels = np.concatenate([image.ravel() for _, image in kept])

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"{self.source!r}, in memory"

    def name(self, index: int) -> str:
        """See ImageSource."""
        return self.source.name(int(self.indices[index]))

    def load(self, index: int) -> np.ndarray:
        """See ImageSource."""
        return self.pixels[self.starts[index] : self.starts[index + 1]].reshape(self.shapes[index])


def _load(source: ImageSource, index: int) -> np.ndarray | None:
    try:
        return source.load(index)
    except (OSError, ImageError):
        return None

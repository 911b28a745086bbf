"""How many images are in memory at once: as many as fit, by the sizes that their headers tell."""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager, nullcontext

from inpaint.batch import files
from inpaint.images import ImageError
from inpaint.images.read import read_size
from inpaint.utils.memory import MemoryBudget, usable_memory

# Bytes a pixel of an image with its mask, read, filled and written; and of a step of a fill, which
# sees a part of a large image only. Measured by benchmarks/large.py on holes of 1 to 50 %.
_HELD, _WORKED_ON = 14, 36
OWN_MEMORY = 1_000_000_000  # bytes that the network, its kernels and the libraries take
_MOST_WORKED_ON = 25_000_000
_HEADER = 2**18  # bytes in which most files tell their size
_SHARE = 0.8  # of the usable memory that images may take, unless told otherwise


def needed_memory(pixels: int) -> int:
    """About as many bytes as a fill of an image takes at most, besides what all fills share."""
    return _HELD * pixels + _WORKED_ON * min(pixels, _MOST_WORKED_ON)


class ImageMemory:
    """Memory that the images of a run share.

    Args:
        total: Bytes; None takes most of what this process may still have.
    """

    def __init__(self, total: int | None = None) -> None:
        self.fixed = total is not None
        usable = usable_memory() if total is None else None
        if usable is not None:
            total = int(_SHARE * usable)
        self._budget = None if total is None else MemoryBudget(total)

    def reserved(self, path: str) -> AbstractContextManager[None]:
        """Within it, there is memory for the image in a local file; it waits until there is.

        Raises MemoryError, with a sentence, for an image that needs more than the limit that was
        given. Without one, such an image is filled alone.
        """
        if self._budget is None:
            return nullcontext()
        try:
            height, width = _stored_size(path)
        except (ImageError, OSError):  # reading it will tell
            return nullcontext()
        size = needed_memory(height * width)
        if self.fixed and size > self._budget.total:
            raise MemoryError(
                f"the picture has {height * width / 1e6:.0f} megapixels, whose fill may take "
                f"{size / 1e9:.1f} GB, more than --max-memory leaves for it"
            )
        return self._budget.reserved(size)


def _stored_size(path: str) -> tuple[int, int]:
    """(height, width) of a local or remote image, from its first bytes if these tell."""
    # Opening a pipe would wait for somebody who writes to it.
    if not (files.is_remote(path) or os.path.isfile(path)):
        raise ImageError(f"{path} is not a file")
    with files.opened(path) as file:
        head = file.read(_HEADER)
        try:
            return read_size(io.BytesIO(head))
        except ImageError:
            return read_size(io.BytesIO(head + file.read()))

"""Photos that were read last, so that pointing at one does not wait until it is read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from inpaint.images import ImageData

MOST_BYTES = 200_000_000  # of pixels: five photos of 12 megapixels


class Photos:
    """Reads photos, and keeps the latest ones; thread-safe. They are not to be changed."""

    def __init__(self, read: Callable[[Path], ImageData], *, most_bytes: int = MOST_BYTES) -> None:
        self._read, self._most_bytes = read, most_bytes
        self._lock = threading.RLock()
        self._kept: OrderedDict[Path, ImageData] = OrderedDict()  # oldest use first

    def get(self, path: Path) -> ImageData:
        """The photo in a file. Raises what reading it raises, also if the file is gone by now."""
        if not path.exists():
            self.forget(path)
        with self._lock:
            if path in self._kept:
                self._kept.move_to_end(path)
                return self._kept[path]
        image = self._read(path)
        with self._lock:
            self._kept[path] = image
            while self.nbytes > self._most_bytes:
                self._kept.popitem(last=False)
        return image

    def forget(self, path: Path) -> None:
        """Drops a photo, if it is kept."""
        with self._lock:
            self._kept.pop(path, None)

    @property
    def nbytes(self) -> int:
        """Memory of all photos' pixels, in bytes."""
        with self._lock:
            return sum(image.pixels.nbytes for image in self._kept.values())

"""Collections of images that are read by number."""

import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

import numpy as np

from inpaint.images import ImageError, decode_rgb, is_image_name

Split = Literal["train", "val"]


class ImageSource(Protocol):
    """Images by number; small to pickle, safe to use in any number of worker processes."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """A name that stays the same wherever the collection lies, such as `a/abbey/01.jpg`."""
        ...

    def load(self, index: int) -> np.ndarray:
        """The image as RGB uint8 (H, W, 3).

        Raises:
            OSError: the file cannot be read.
            ImageError: the file is not a readable image.
        """
        ...


class PackedNames:
    """A read-only list of strings in two arrays.

    Millions of `str` objects would be copied into every worker process, page by page, as soon
    as their reference counts change; two arrays stay shared.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [os.fsencode(name) for name in names]
        self.text = np.frombuffer(b"".join(encoded), np.uint8)
        self.starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> str:
        start, stop = self.starts[index], self.starts[index + 1]
        return os.fsdecode(self.text[start:stop].tobytes())


class FolderSource:
    """ImageData files under one folder.

    Args:
        root: the folder.
        names: paths relative to it; None means every image under it, at any depth, sorted.
    """

    def __init__(self, root: str | Path, names: Iterable[str] | None = None) -> None:
        self.root = Path(root)
        self.names = PackedNames(find_images(self.root) if names is None else names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"{len(self):,} pictures under {self.root}"

    def name(self, index: int) -> str:
        """See ImageSource."""
        return self.names[index]

    def load(self, index: int) -> np.ndarray:
        """See ImageSource."""
        path = self.root / self.names[index]
        try:
            return decode_rgb(path.read_bytes())
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error


class SubsetSource:
    """Some images of another source, chosen by their numbers."""

    def __init__(self, source: ImageSource, indices: Sequence[int] | np.ndarray) -> None:
        self.source = source
        self.indices = np.asarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"{len(self):,} of {self.source!r}"

    def name(self, index: int) -> str:
        """See ImageSource."""
        return self.source.name(int(self.indices[index]))

    def load(self, index: int) -> np.ndarray:
        """See ImageSource."""
        return self.source.load(int(self.indices[index]))


class ConcatSource:
    """Several sources as one.

    Args:
        sources: at least one.
        repeats: how often the images of each source appear in one pass over the whole, so
            that a small source is not drowned by a large one; 1 each by default.
    """

    def __init__(
        self, sources: Sequence[ImageSource], repeats: Sequence[int] | None = None
    ) -> None:
        repeats = [1] * len(sources) if repeats is None else list(repeats)
        if not sources or len(repeats) != len(sources) or min(repeats) < 1:
            raise ValueError(
                "wanted at least one source and one repeat of 1 or more for each, "
                f"got {len(sources)} sources and repeats {repeats}"
            )
        self.sources = list(sources)
        self.repeats = repeats
        sizes = [len(source) * times for source, times in zip(sources, repeats, strict=True)]
        self.starts = np.cumsum([0, *sizes])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __repr__(self) -> str:
        parts = [
            f"{times} x {source!r}" if times > 1 else repr(source)
            for source, times in zip(self.sources, self.repeats, strict=True)
        ]
        return " + ".join(parts)

    def name(self, index: int) -> str:
        """See ImageSource."""
        source, local = self._locate(index)
        return source.name(local)

    def load(self, index: int) -> np.ndarray:
        """See ImageSource."""
        source, local = self._locate(index)
        return source.load(local)

    def _locate(self, index: int) -> tuple[ImageSource, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"wanted a picture number from 0 to {len(self) - 1}, got {index}")
        part = int(np.searchsorted(self.starts, index, side="right")) - 1
        source = self.sources[part]
        return source, int(index - self.starts[part]) % len(source)


def hold_out(source: ImageSource, split: Split) -> ImageSource:
    """The training or the validation part of a collection that comes without such parts.

    One image in thirty, at least one and at most 1,000, is held out for validation: those
    whose names have the smallest CRC-32. The choice depends on the names only, so it is the
    same on every machine. A collection of one image serves as both parts.
    """
    if len(source) == 1:
        return source
    codes = np.array([zlib.crc32(os.fsencode(source.name(i))) for i in range(len(source))])
    held = np.zeros(len(source), dtype=bool)
    held[np.argsort(codes, kind="stable")[: min(1000, max(1, len(source) // 30))]] = True
    return SubsetSource(source, np.flatnonzero(held if split == "val" else ~held))


def mask_files(names: Sequence[str]) -> set[str]:
    """Those of some relative paths that are masks of others: `masks/a.png` beside `a.jpg`."""
    # Compared as strings: a folder may hold millions of images, and a Path takes microseconds.
    masks = {name for name in names if f"/{name}".rpartition("/")[0].endswith("/masks")}
    if not masks:
        return masks
    images = {os.path.splitext(name)[0] for name in names if name not in masks}
    return {name for name in masks if _masked(PurePosixPath(name)) in images}


def _masked(mask: PurePosixPath) -> str:
    """Path of the image that a mask belongs to, without its ending."""
    return (mask.parent.parent / mask.stem).as_posix()


def find_images(root: Path) -> list[str]:
    """Sorted relative paths, with `/`, of all images under `root`; links are followed once."""
    names: list[str] = []
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # a link back to where we have been
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        prefix = Path(folder).relative_to(root).as_posix()
        prefix = "" if prefix == "." else prefix + "/"
        names.extend(prefix + name for name in files if is_image_name(name))
    return sorted(names)

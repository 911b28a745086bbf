"""Labelled images: folders with one sub-folder a class, or tar shards whose names say it."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaint.classification.config import CLASS_PATTERN
from inpaint.data import FolderSource, ImageSource, SubsetSource, TarSource
from inpaint.data.shards import expand_shards


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes. `labels` are int64 indices into the sorted `classes`."""

    source: ImageSource
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    def subset(self, indices: np.ndarray) -> LabelledImages:
        """The images with these indices, (N,) int, with the same classes."""
        return LabelledImages(
            SubsetSource(self.source, indices), self.labels[indices], self.classes
        )


def open_labelled(
    root: str | Path, *, pattern: str = CLASS_PATTERN, classes: Sequence[str] | None = None
) -> LabelledImages:
    """The images of a data set with their classes.

    Args:
        root: a folder with a sub-folder for each class (torchvision's ImageFolder), or tar
            shards: a file, a folder of them, wildcards, or `shard-{000..009}.tar`.
        pattern: where a member of a tar names its class: the first group of this regular
            expression, searched for in the member's path.
        classes: those of the training images, when `root` holds the validation images.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: an empty class folder, a member without a class, or a class that is not in
            `classes`.
    """
    path = Path(root)
    if path.is_dir() and not any(path.glob("*.tar")):
        source, names = _open_tree(path)
    else:
        source, names = _open_shards(root, pattern)
    known = tuple(sorted(set(names))) if classes is None else tuple(classes)
    numbers = {name: number for number, name in enumerate(known)}
    strange = sorted(set(names) - numbers.keys())
    if strange:
        raise ValueError(
            f"{root} has the class {strange[0]!r}, which the training pictures do not have "
            f"(they have {len(known)}: {known[0]}, ...)"
        )
    labels = np.array([numbers[name] for name in names], dtype=np.int64)
    return LabelledImages(source, labels, known)


def split_by_name(images: LabelledImages, share: float) -> tuple[LabelledImages, LabelledImages]:
    """Training images, and a `share` of all, in (0, 1), held out for validation.

    An image is held out if the CRC-32 of its name is small. So the choice is the same on every
    machine and in every run, whatever images there are beside it.
    """
    codes = [zlib.crc32(os.fsencode(images.source.name(i))) for i in range(len(images))]
    held = np.array(codes, dtype=np.int64) < share * 2**32
    if held.all() or not held.any():
        raise ValueError(
            f"{len(images)} pictures are too few to hold out {share:.0%} of them; give "
            "validation pictures of their own"
        )
    return images.subset(np.flatnonzero(~held)), images.subset(np.flatnonzero(held))


def _open_tree(root: Path) -> tuple[ImageSource, list[str]]:
    folders = sorted(
        entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not folders:
        raise FileNotFoundError(
            f"no class folders in {root}; it must hold one folder of pictures for each class, or "
            "tar files"
        )
    found = FolderSource(root)
    inside = [i for i in range(len(found)) if "/" in found.name(i)]
    names = [found.name(i).split("/", 1)[0] for i in inside]
    empty = sorted(set(folders) - set(names))
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise ValueError(
            f"the class folder {root / empty[0]}{more} holds no pictures; fill or remove it"
        )
    return SubsetSource(found, np.array(inside)), names


def _open_shards(root: str | Path, pattern: str) -> tuple[ImageSource, list[str]]:
    folder = Path(root).is_dir()
    source = TarSource(expand_shards(str(Path(root) / "*.tar") if folder else str(root)))
    if not len(source):
        raise FileNotFoundError(f"no pictures in {root}")
    search = _compiled(pattern)
    matches = [search(source.names[i]) for i in range(len(source))]
    for number, match in enumerate(matches):
        if match is None:
            raise ValueError(
                f"{source.name(number)} names no class: the pattern {pattern!r} does not match "
                "it; give another one with --class-pattern"
            )
    return source, [match[1] for match in matches if match]


def _compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the class pattern {pattern!r} is not valid: {error}") from error
    if compiled.groups < 1:
        raise ValueError(f"the class pattern {pattern!r} needs a group: (...) around the class")
    return compiled.search

"""Which mask belongs to which image."""

from __future__ import annotations

import os
from functools import lru_cache

from inpaint.batch import files
from inpaint.batch.find import Found
from inpaint.batch.records import NO_FILES
from inpaint.images import format_of

USUAL_SUFFIXES = ("", "_mask")  # photo.png, photo_mask.png


class MaskError(ValueError):
    """An image has no mask, or several that could be meant."""


class MaskMatcher:
    """Finds the mask of an image.

    `source` is one of NO_FILES, one mask for all images, or a folder: there the mask of
    `trips/photo.jpg` is `trips/photo.png` or else `photo.png`, whatever its format, with one of
    `suffixes` behind `photo`. None leaves everything to the manifest. Raises FileNotFoundError.
    """

    def __init__(
        self,
        source: str | None,
        suffixes: tuple[str, ...] = USUAL_SUFFIXES,
        *,
        kind: str = "mask",
    ) -> None:
        """kind: What messages call it."""
        self.kind = kind
        self.source = source
        self.suffixes = suffixes
        path = None if source in NO_FILES else source
        self.folder = path if path is not None and files.is_folder(path) else None
        if path is not None and self.folder is None and not files.exists(path):
            raise FileNotFoundError(f"there is no {kind} or folder of {kind}s at {source}")
        self._stems = lru_cache(maxsize=64)(_stems)

    def find(self, found: Found) -> str:
        """Path of the mask, or one of NO_FILES. Raises MaskError."""
        if found.mask is not None:
            if found.mask not in NO_FILES and not files.exists(found.mask):
                raise MaskError(f"{found.image}: there is no {self.kind} at {found.mask}")
            return found.mask
        if self.source is None:
            raise MaskError(f"{found.image}: no {self.kind} is given")
        return self.source if self.folder is None else self._in_folder(found, self.folder)

    def is_mask(self, found: Found) -> bool:
        """Whether an image's name says that it is itself a mask."""
        stem = os.path.splitext(files.split(found.relative)[1])[0]
        return any(suffix and stem.endswith(suffix) for suffix in self.suffixes)

    def _in_folder(self, found: Found, folder: str) -> str:
        inner, name = os.path.split(found.relative)
        stem, _ = os.path.splitext(name)
        for place in dict.fromkeys((files.join(folder, inner) if inner else folder, folder)):
            try:
                stems = self._stems(place)
            except OSError as error:
                raise MaskError(f"{found.image}: {place}: {error.strerror}") from error
            for wanted in (stem + suffix for suffix in self.suffixes):
                names = stems.get(wanted, [])
                if len(names) > 1 and name in names:  # photo.jpg beside photo.png, as the images
                    names = [name]
                if len(names) > 1:
                    raise MaskError(
                        f"{found.image}: several {self.kind}s: {', '.join(names)} in {place}"
                    )
                if names:
                    return files.join(place, names[0])
        wanted = " or ".join(f"{stem}{suffix}.*" for suffix in self.suffixes)
        raise MaskError(f"{found.image}: no {self.kind} called {wanted} in {folder}")


def _stems(folder: str) -> dict[str, list[str]]:
    """Names of the images in a folder by their stems."""
    stems: dict[str, list[str]] = {}
    for name in files.names_in(folder):
        if format_of(name) and not name.startswith("."):
            stems.setdefault(os.path.splitext(name)[0], []).append(name)
    return stems

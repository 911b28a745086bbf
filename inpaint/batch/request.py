"""What a run is asked to do."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property

from inpaint.batch import files
from inpaint.batch.find import is_list
from inpaint.batch.records import DETECTED, NO_FILES
from inpaint.images import FORMATS, check_format


@dataclass(frozen=True)
class Shard:
    """One of several parts of a set that runs do side by side, each on its own.

    An image's part follows from its path below the input alone, so that runs agree while images
    come and go. Raises ValueError.
    """

    number: int  # 1 to count
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard must be 1/n to n/n, got {self.number}/{self.count}")

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard that is written as i/n. Raises ValueError."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found is None:
            raise ValueError(f"shard must be i/n, such as 1/8, got {text!r}")
        return cls(int(found[1]), int(found[2]))

    def holds(self, relative: str) -> bool:
        """Whether the image with this path below the input belongs to the shard."""
        path = os.fsencode(relative.replace(os.sep, "/"))
        digest = hashlib.blake2b(path, digest_size=8).digest()  # CRCs of similar names are alike
        return int.from_bytes(digest, "big") % self.count == self.number - 1


@dataclass(frozen=True)
class Request:
    """What to fill, as asked for. Raises ValueError."""

    inputs: tuple[str, ...]  # see find_images
    mask: str | None = None  # a file, a folder, or one of NO_FILES; None: the manifest says it
    output: str | None = None  # a folder, or a file for a single image; None: as the mask
    mask_suffix: str | None = None  # behind the stem of a mask's name; None: USUAL_SUFFIXES
    format: str | None = None  # a key of FORMATS; None: as the output is called, or the source
    skip_existing: bool = False
    overwrite: bool = False
    skip_unmasked: bool = False  # leave out images that have no mask
    limit: int | None = None  # images to fill at most
    exclude: str | None = None  # as `mask`: what texture is not copied from
    keep_masks: str | None = None  # folder for masks that are DETECTED
    allow_outside: bool = False  # manifests and links may lead out of `output`
    suffix: str = ""  # behind the stem of an output's name; without `output` beside the image
    shard: Shard | None = None  # the part of the images that this run does; None: all

    def __post_init__(self) -> None:
        if self.skip_existing and self.overwrite:
            raise ValueError("choose one of skip_existing and overwrite")
        if self.keep_masks is not None and self.mask != DETECTED:
            raise ValueError("keep_masks needs masks that are detected")
        if self.exclude in NO_FILES:
            raise ValueError(f"exclude must be a mask or a folder of masks, got {self.exclude!r}")
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {self.format!r}")
        if self.format is not None:
            check_format(self.format)
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be 1 or more, got {self.limit}")
        if "/" in self.suffix or os.sep in self.suffix:
            raise ValueError(f"suffix must be a part of a name, got {self.suffix!r}")

    @cached_property
    def single(self) -> bool:
        """Whether one image goes into a file, not into a folder."""
        if self.output is None or len(self.inputs) > 1:
            return False
        if is_list(self.inputs[0]) or not files.is_file(self.inputs[0]):
            return False
        called_file = os.path.splitext(self.output)[1] and not self.output.endswith(("/", os.sep))
        return bool(called_file) and not files.is_folder(self.output)

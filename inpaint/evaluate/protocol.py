"""What is evaluated: which images, which holes. Both depend on the settings only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from inpaint.data import FolderSource, ImageSource, TarSource, open_source
from inpaint.data.crops import center_square
from inpaint.data.shards import expand_shards
from inpaint.evaluate.code import measuring_code
from inpaint.evaluate.holes import HoleFiles
from inpaint.evaluate.settings import BORDER_CLASSES, Protocol
from inpaint.images import ImageError
from inpaint.masks.generate import GENERATOR_VERSION, HOLE_BUCKETS, fixed_hole

_BORDER = {"N": False, "B": True, "any": None}
_BLANK = 127  # what a method finds in the hole


@dataclass(frozen=True, order=True)
class CaseId:
    """An image with one of its holes."""

    index: int  # of the image in its source
    bucket: int  # index into HOLE_BUCKETS
    border: str  # N, B or any

    def __str__(self) -> str:
        """The name of the case in file names, such as `00012_0.1-0.2_B`."""
        return f"{self.index:05d}_{bucket_name(self.bucket)}_{self.border}"


@dataclass(frozen=True)
class Case:
    """An image and its hole. original: RGB uint8 (H, W, 3); hole: bool (H, W), True = fill."""

    id: CaseId
    picture: str  # its name in the source
    original: np.ndarray
    hole: np.ndarray

    @cached_property
    def image(self) -> np.ndarray:
        """What methods are given, RGB uint8 (H, W, 3): the original with a gray hole."""
        image = self.original.copy()
        image[self.hole] = _BLANK
        return image

    def composite(self, result: np.ndarray) -> np.ndarray:
        """The result inside the hole, the original elsewhere: RGB uint8 (H, W, 3).

        Raises ValueError when the result is no RGB uint8 image of the same size.
        """
        if result.shape != self.original.shape or result.dtype != np.uint8:
            raise ValueError(
                f"a result must be uint8 {self.original.shape} like its picture, "
                f"got {result.dtype} {result.shape}"
            )
        return np.where(self.hole[..., None], result, self.original)


def case_settings(protocol: Protocol) -> dict[str, Any]:
    """What the image, the hole and the measures of a case depend on.

    The other settings of the protocol choose among cases.
    """
    chosen = ("count", "buckets", "border")
    settings = {name: value for name, value in asdict(protocol).items() if name not in chosen}
    generator = None if protocol.masks else GENERATOR_VERSION
    return {**settings, "hole_generator": generator, "code": measuring_code()}


class Cases:
    """The cases of a protocol, in order, each made when it is asked for."""

    def __init__(self, protocol: Protocol, source: ImageSource | None = None) -> None:
        """source: None opens the protocol's. Raises FileNotFoundError or ValueError."""
        self.protocol = protocol
        self.source = _open(protocol) if source is None else source
        self.files = None if protocol.masks is None else HoleFiles(protocol.masks)

    def ids(self) -> list[CaseId]:
        """All cases, sorted by image."""
        borders = BORDER_CLASSES[self.protocol.border]
        classes = [(bucket, border) for border in borders for bucket in range(len(HOLE_BUCKETS))]
        pictures = range(min(self.protocol.count, len(self.source)))
        if self.protocol.buckets == "cycle":
            return [CaseId(index, *classes[index % len(classes)]) for index in pictures]
        return [CaseId(index, *one) for index in pictures for one in classes]

    def picture(self, index: int) -> np.ndarray:
        """An image as it is evaluated: RGB uint8 (H, W, 3).

        Raises OSError or ImageError when it cannot be read or is too small.
        """
        return fit_image(self.source.load(index), self.protocol.size, self.protocol.fit)

    def case(self, id: CaseId, original: np.ndarray | None = None) -> Case:
        """The image and hole of a case; original: its image, if it is at hand."""
        original = self.picture(id.index) if original is None else original
        return Case(id, self.source.name(id.index), original, self._hole(id, original))

    def _hole(self, id: CaseId, original: np.ndarray) -> np.ndarray:
        size = original.shape[0], original.shape[1]
        border = _BORDER[id.border]
        if self.files is not None:
            return self.files.hole(size, id.index, bucket=id.bucket, border=border)
        seed = self.protocol.seed
        return fixed_hole(size, id.index, seed=seed, bucket=id.bucket, border=border)


def fit_image(picture: np.ndarray, size: int, fit: str) -> np.ndarray:
    """An image cut and scaled: uint8 (size, size, 3), or for `whole` with that shorter side.

    Raises ImageError for a crop larger than the image.
    """
    if fit == "square":
        return np.ascontiguousarray(center_square(picture, size))
    height, width = picture.shape[:2]
    if fit == "crop":
        if min(height, width) < size:
            raise ImageError(f"{height}x{width} pixels are too few for a crop of {size}")
        top, left = (height - size) // 2, (width - size) // 2
        return np.ascontiguousarray(picture[top : top + size, left : left + size])
    factor = size / min(height, width)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    wanted = (round(width * factor), round(height * factor))
    return picture if factor == 1 else cv2.resize(picture, wanted, interpolation=method)


def bucket_name(bucket: int) -> str:
    """A bucket as text, such as `0.1-0.2`."""
    return "{:g}-{:g}".format(*HOLE_BUCKETS[bucket])


def _open(protocol: Protocol) -> ImageSource:
    """Everything under a folder or in given tar files; the validation part of a named set."""
    if protocol.data not in ("folder", "wds") or protocol.root is None:
        return open_source(protocol.data, protocol.root, split="val")
    if protocol.data == "wds":
        return _filled(TarSource(expand_shards(protocol.root)), protocol.root)
    return _filled(FolderSource(protocol.root), protocol.root)


def _filled(source: ImageSource, root: str) -> ImageSource:
    if len(source) == 0:
        raise FileNotFoundError(f"no pictures in {root}")
    return source

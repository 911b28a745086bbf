"""A crop of an image around a hole: what boundary blending, refiner and texture work on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Crop:
    """Part of an image with a first fill in its hole.

    Attributes:
        image: (H, W, 3) float32 RGB in [0, 1]. In the hole: the fill so far.
        hole: (H, W) bool, True = pixels to fill.
        ignore: (H, W) bool, True = neither known nor to be filled here, such as other holes and
            transparent pixels. Disjoint from `hole`.
    """

    image: np.ndarray
    hole: np.ndarray
    ignore: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(H, W) bool, True = pixels of the photo."""
        return ~(self.hole | self.ignore)

    def with_image(self, image: np.ndarray) -> Crop:
        """The same crop with another image."""
        return Crop(image, self.hole, self.ignore)

    def restricted(self, part: tuple[slice, slice]) -> Crop:
        """The same crop whose hole is only what lies in `part`; the rest of it is ignored."""
        hole = np.zeros_like(self.hole)
        hole[part] = self.hole[part]
        return Crop(self.image, hole, self.ignore | (self.hole & ~hole))


def cover_ignored(image: np.ndarray, ignore: np.ndarray) -> None:
    """Give ignored pixels the colour of the nearest other pixel, in place.

    Args:
        image: (H, W, 3).
        ignore: (H, W) bool.
    """
    if not ignore.any() or ignore.all():
        return
    _, labels = cv2.distanceTransformWithLabels(
        ignore.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((labels.max() + 1, 3), image.dtype)
    colours[labels[~ignore]] = image[~ignore]
    image[ignore] = colours[labels[ignore]]

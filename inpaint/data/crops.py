"""Cutting squares out of images."""

import math
from typing import Literal, get_args

import cv2
import numpy as np

from inpaint.images import ImageError

CropPolicy = Literal["resize-crop", "whole", "native"]


def cut_square(
    image: np.ndarray,
    size: int,
    rng: np.random.Generator,
    *,
    policy: CropPolicy = "resize-crop",
    max_upscale: float = 2.0,
) -> np.ndarray:
    """A random square of an image that is to be scaled to `size`: a view, uint8 (side, side, 3).

    Args:
        image: RGB uint8 (H, W, 3).
        size: side in pixels that the square is to have in the end.
        rng: decides the side and the place.
        policy: how large the square is before it is scaled down. `native`: `size`, so that it
            shows full detail. `whole`: the image's shorter side, so that it shows most of the
            scene. `resize-crop`: between these two, uniform on a logarithmic scale.
        max_upscale: an image whose shorter side is below `size` is enlarged by at most this.

    Raises:
        ImageError: the image is smaller than `size / max_upscale`.
    """
    height, width = image.shape[:2]
    shorter = min(height, width)
    if shorter * max_upscale < size:
        raise ImageError(
            f"{height}x{width} pixels are too small for a {size} pixel crop "
            f"enlarged at most {max_upscale:g} times"
        )
    return _at_random_place(image, _draw_side(min(size, shorter), shorter, rng, policy), rng)


def square_of_side(image: np.ndarray, side: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A square of `side` px at a random place, scaled to `size`, flipped in half of the cases."""
    square = scale_square(_at_random_place(image, side, rng), size)
    return square[:, ::-1] if draw_flip(rng) else square


def draw_flip(rng: np.random.Generator) -> bool:
    """Whether a square is flipped left to right, as half of them are."""
    return bool(rng.random() < 0.5)


def center_square(image: np.ndarray, size: int) -> np.ndarray:
    """The largest square in the middle of an image, scaled to `size`: uint8 (size, size, 3)."""
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return scale_square(image[top : top + side, left : left + side], size)


def scale_square(square: np.ndarray, size: int) -> np.ndarray:
    """`square` averaged down, or enlarged bicubically, to `size` pixels."""
    if len(square) == size:
        return square
    method = cv2.INTER_AREA if len(square) > size else cv2.INTER_CUBIC
    return cv2.resize(square, (size, size), interpolation=method)


def check_policy(policy: str) -> None:
    """Raise ValueError for anything but the values of CropPolicy."""
    if policy not in get_args(CropPolicy):
        raise ValueError(f"crop must be one of {', '.join(get_args(CropPolicy))}, got {policy!r}")


def _at_random_place(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top = int(rng.integers(image.shape[0] - side + 1))
    left = int(rng.integers(image.shape[1] - side + 1))
    return image[top : top + side, left : left + side]


def _draw_side(least: int, most: int, rng: np.random.Generator, policy: CropPolicy) -> int:
    if policy == "native":
        return least
    if policy == "whole":
        return most
    drawn = round(math.exp(rng.uniform(math.log(least), math.log(most))))
    return min(max(drawn, least), most)

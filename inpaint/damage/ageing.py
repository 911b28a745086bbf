"""How old prints and their scans look as a whole: tone, grain, softness, compression.

None of it moves a pixel, so that labels of damage stay exact.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpaint.damage.drawing import log_uniform, noise

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def print_tone(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The colours of an old print: gray, sepia, faded or with a cast; half the time unchanged.

    Args:
        rng: Draws what happens.
        image: (H, W, 3) float32, RGB in [0, 1].
    """
    matrix, offset = np.eye(3, dtype=np.float32), np.zeros((3, 1), np.float32)
    if rng.random() < 0.3:
        tint = np.ones(3) if rng.random() < 0.5 else np.array([1.07, 0.98, rng.uniform(0.7, 0.9)])
        colour = rng.uniform(0, 0.25) if rng.random() < 0.3 else 0.0  # what is left of it
        gray = np.outer(tint, _LUMA).astype(np.float32)
        matrix = np.float32(colour) * matrix + np.float32(1 - colour) * gray
    if rng.random() < 0.25:  # faded: less contrast, and shadows no longer black
        contrast = rng.uniform(0.45, 0.95)
        lift = (1 - contrast) * rng.uniform(0.3, 0.9) + rng.normal(0, 0.02, (3, 1))
        matrix, offset = matrix * np.float32(contrast), lift.astype(np.float32)
    if rng.random() < 0.25:
        matrix = matrix * rng.normal(1, 0.06, (3, 1)).astype(np.float32)
    if rng.random() < 0.25:
        matrix = matrix * np.float32(rng.uniform(0.5, 1.1))
    return np.clip(cv2.transform(image, np.hstack([matrix, offset])), 0, 1)


def add_grain(rng: np.random.Generator, image: np.ndarray, *, most: float) -> float:
    """Add grain to an image, in place, alike in all channels most of the time.

    Args:
        rng: Draws its strength and size.
        image: (H, W, 3) float32.
        most: Largest standard deviation; the smallest is a tenth of it.

    Returns:
        Its standard deviation.
    """
    sigma = log_uniform(rng, 0.1 * most, most)
    softness = (0.0, 0.6, 1.0)[rng.integers(3)]
    size = image.shape[0], image.shape[1]
    if rng.random() < 0.7:
        image += (np.float32(sigma) * noise(rng, size, softness))[..., None]
    else:
        for channel in range(3):
            image[..., channel] += np.float32(sigma) * noise(rng, size, softness)
    return sigma


def scan(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The image as a scanner or camera gives it, uint8: soft or sharpened, noisy, compressed.

    Args:
        rng: Draws what happens.
        image: (H, W, 3) float32, RGB about [0, 1].
    """
    chance = rng.random()
    if chance < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), log_uniform(rng, 0.35, 1.1))
    elif chance < 0.5:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        amount = rng.uniform(0.2, 0.8)
        image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    if rng.random() < 0.35:
        image = image.copy()
        add_grain(rng, image, most=0.025)
    pixels = cv2.convertScaleAbs(np.clip(image, 0, 1), alpha=255)
    if rng.random() < 0.35:
        quality = int(100 - log_uniform(rng, 2, 45))
        _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None
        pixels = decoded[..., ::-1]
    return np.ascontiguousarray(pixels)


def clutter(image: np.ndarray, radius: int = 7) -> np.ndarray:
    """(H, W) float32, the local standard deviation of detail finer than 2 px.

    What damage must exceed to be seen.

    Args:
        image: (H, W, 3) float32, RGB in [0, 1].
        radius: Of the square over which it is measured, px.
    """
    gray = cv2.transform(image, _LUMA[None])
    detail = gray - cv2.GaussianBlur(gray, (0, 0), 1.5)
    side = 2 * radius + 1
    return np.sqrt(cv2.boxFilter(detail * detail, -1, (side, side)) + math.ulp(1.0))

"""Frequency bands of a textured fill: the network's colours, the patches' texture.

The mean of overlapping patches is softer than each of them, and patches differ from the network's
fill by slow shades of colour, which end in a seam at the hole's boundary. So the coarse band of the
fill is the network's, the fine band is the patches', as strong as it is around the hole, and along
the boundary the network's fill, which meets the known pixels, fades into it.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.utils.crop import Crop
from inpaint.utils.distance import hole_depth

_COARSE = 12.0  # sigma, px: slower colours than this are the network's
_FINE = 3.0  # sigma, px: faster ones than this are given the strength of what is around the hole
_FADE = 4.0  # px from the boundary over which the network's fill fades
_AROUND = 48  # px around the hole whose texture tells how strong it is
_LARGEST_GAIN = 1.5  # patches that vote keep about two thirds of the contrast


def combine_bands(crop: Crop, textured: np.ndarray) -> np.ndarray:
    """The textured fill with the network's coarse colours and the surroundings' contrast.

    Args:
        crop: With the network's fill in its hole.
        textured: (H, W, 3) float32, the crop with texture in its hole.

    Returns:
        (H, W, 3) float32 in [0, 1], which differs from the crop's image only in the hole.
    """
    hole = crop.hole
    fine = textured - _blur_within(textured, hole, _FINE)
    gain = np.clip(_contrast(crop.image, _surroundings(crop)) / _contrast(textured, hole), 1, None)
    coarse_error = _blur_within(crop.image - textured, hole, _COARSE)
    result = textured + coarse_error + (min(gain, _LARGEST_GAIN) - 1) * fine
    weight = np.clip((hole_depth(~crop.known) - 0.5) / _FADE, 0, 1)[..., None]
    result = crop.image + weight * (result - crop.image)
    return np.where(hole[..., None], result.clip(0, 1), crop.image).astype(np.float32)


def _surroundings(crop: Crop) -> np.ndarray:
    """Known pixels around the hole: (H, W) bool."""
    distance = hole_depth(~crop.hole)
    return crop.known & (distance <= _AROUND)


def _contrast(image: np.ndarray, part: np.ndarray) -> float:
    """Root mean square of the fine band of a part of an image, and a little for flat ones."""
    fine = (image - _blur_within(image, part, _FINE))[part]
    return float(np.sqrt(np.mean(fine**2))) + 1e-3 if len(fine) else 1e-3


def _blur_within(values: np.ndarray, part: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of (H, W, 3) that sees a part, (H, W) bool, only."""
    weight = part.astype(np.float32)
    total = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)[..., None]

"""Masks from scores: thresholds that do not depend on the image, and hysteresis."""

from __future__ import annotations

import math

import cv2
import numpy as np

STEEPNESS = 8.0  # logits between sensitivity 0 and 1
WEAK = 1.5  # logits below the threshold to which a mark is followed
FEWEST = 4  # px; a smaller mark is noise


def threshold_at(sensitivity: float, default: float) -> float:
    """The probability from which a pixel is damage.

    Args:
        sensitivity: In [0, 1].
        default: Threshold at sensitivity 0.5, in (0, 1).
    """
    logit = math.log(default / (1 - default)) + STEEPNESS * (0.5 - sensitivity)
    return 1 / (1 + math.exp(-logit))


def mark(scores: np.ndarray, threshold: float, *, largest: float = 1.0) -> np.ndarray:
    """(H, W) bool, the damage of one class.

    Hysteresis, as in Canny's edge detector: connected pixels of a lower threshold count where at
    least `FEWEST` of them reach the threshold itself, so that a line is not cut where it fades.

    Args:
        scores: (H, W) uint8, 255 times the probability.
        threshold: Probability, in (0, 1).
        largest: Share of the image that one connected piece may have; a larger one is none.
    """
    logit = math.log(threshold / (1 - threshold)) - WEAK
    weak = scores >= max(1.0, 255 / (1 + math.exp(-logit)))
    strong = scores >= max(1.0, 255 * threshold)
    if not strong.any():
        return np.zeros(scores.shape, bool)
    count, labels = cv2.connectedComponents(weak.view(np.uint8), connectivity=8)
    certain = np.bincount(labels[strong], minlength=count)
    kept = certain >= FEWEST
    if largest < 1:
        kept &= np.bincount(labels.ravel(), minlength=count) <= largest * scores.size
    kept[0] = False
    return kept[labels]

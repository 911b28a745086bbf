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
    return _moved(default, STEEPNESS * (0.5 - sensitivity))


def mark(scores: np.ndarray, threshold: float, *, largest: float = 1.0) -> np.ndarray:
    """(H, W) bool, the damage of one class, by hysteresis.

    Args:
        scores: (H, W) uint8, 255 times the probability.
        threshold: Probability, in (0, 1).
        largest: Share of the image that one connected piece may have; a larger one is none.
    """
    weak = scores >= max(1.0, 255 * _moved(threshold, -WEAK))
    strong = scores >= max(1.0, 255 * threshold)
    return hysteresis(weak, strong, fewest=FEWEST, largest=largest)


def hysteresis(
    weak: np.ndarray, strong: np.ndarray, *, fewest: int, largest: float = 1.0
) -> np.ndarray:
    """(H, W) bool, the connected pieces of weak pixels in which enough pixels are strong.

    As in Canny's edge detector, so that a line is not cut where it fades.

    Args:
        weak: (H, W) bool, above the lower threshold.
        strong: (H, W) bool, above the upper one.
        fewest: Strong pixels that a piece must have, px.
        largest: Share of the image that a piece may have.
    """
    if not strong.any():
        return np.zeros(weak.shape, bool)
    count, labels = cv2.connectedComponents(weak.view(np.uint8), connectivity=8)
    kept = np.bincount(labels[strong], minlength=count) >= fewest
    if largest < 1:
        kept &= np.bincount(labels.ravel(), minlength=count) <= largest * weak.size
    kept[0] = False  # what is not weak
    return kept[labels]


def _moved(probability: float, logits: float) -> float:
    """A probability, in (0, 1), after its logit is moved by so many."""
    logit = math.log(probability / (1 - probability)) + logits
    return 1 / (1 + math.exp(-logit))

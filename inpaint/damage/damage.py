"""A clean image damaged, with labels of what can be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.damage import dust, lines
from inpaint.damage.ageing import add_grain, clutter, print_tone, scan
from inpaint.damage.drawing import Size, log_uniform
from inpaint.damage.layer import Kind, Layer
from inpaint.damage.lookalikes import lookalike
from inpaint.damage.stamps import stamps

# Bits of a label. A pixel may be damaged in several ways.
BITS: dict[Kind, int] = {"scratch": 1, "dust": 2, "stamp": 4}  # in the order of CLASSES
UNSURE = 8  # damaged, but not to be seen, or its faint rim: right either way

UNDAMAGED = 0.22  # share of images
LOOKALIKES = 0.25
OUT_OF_FOCUS = 0.15

Draw = Callable[[np.random.Generator, Size], list[Layer]]
# How often each kind is drawn, relative to the others.
KINDS: tuple[tuple[Draw, float], ...] = (
    (lines.scratches, 5),
    (lines.hairs, 2),
    (lines.folds, 1.2),
    (lines.cracks, 1.2),
    (dust.specks, 5),
    (dust.fibres, 1),
    (dust.rings, 0.6),
    (dust.stains, 1.2),
    (stamps, 2.5),
)
_WEIGHTS = np.cumsum([weight for _, weight in KINDS]) / sum(weight for _, weight in KINDS)

_RIM = 0.3  # share of a layer's largest opacity below which a pixel is its rim
# A change is seen above this, and above so many times the clutter around it. The sum along a line
# tells more than a single speck, and letters lie between.
_LEAST = {"scratch": 0.02, "dust": 0.03, "stamp": 0.03}
_OF_CLUTTER = {"scratch": 0.6, "dust": 1.2, "stamp": 0.8}


@dataclass(frozen=True, eq=False)
class Damaged:
    """A damaged image and where its damage is."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    labels: np.ndarray  # (H, W) uint8 of BITS and UNSURE


def damage(image: np.ndarray, rng: np.random.Generator) -> Damaged:
    """A clean image with random damage, aged as a whole; a fifth stay undamaged.

    Some are out of focus below the damage, so that a sharp line on smooth ground is no wire.

    Args:
        image: (H, W, 3) uint8 RGB, at most 1,024 px.
        rng: Decides everything.
    """
    size = image.shape[0], image.shape[1]
    layers: list[Layer] = []
    sharp = rng.random() >= OUT_OF_FOCUS
    if not sharp:
        image = cv2.GaussianBlur(image, (0, 0), log_uniform(rng, 2.0, 16.0))
    if rng.random() >= UNDAMAGED:
        for _ in range(int(rng.choice(4, p=(0.35, 0.3, 0.2, 0.15))) + 1):
            draw = KINDS[int(np.searchsorted(_WEIGHTS, rng.random()))][0]
            layers += draw(rng, size)
    around = lookalike(rng, size) if sharp and rng.random() < LOOKALIKES else []
    return compose(image, layers, rng, around=around)


def compose(
    image: np.ndarray, layers: Sequence[Layer], rng: np.random.Generator, *, around: Sequence[Layer]
) -> Damaged:
    """A clean image with the layers of damage, aged as a whole.

    Args:
        image: (H, W, 3) uint8 RGB.
        layers: Damage, from below.
        rng: Decides tone, grain and scan.
        around: Layers of the scene itself, which are not labelled.
    """
    pixels = image.astype(np.float32) * np.float32(1 / 255)
    for layer in around:
        layer.apply(pixels)
    pixels = np.ascontiguousarray(print_tone(rng, pixels))
    if rng.random() < 0.45:
        add_grain(rng, pixels, most=0.07)
    labels = labelled(pixels, layers)
    return Damaged(scan(rng, pixels), labels)


def labelled(pixels: np.ndarray, layers: Sequence[Layer]) -> np.ndarray:
    """Apply layers of damage to an image, in place; returns its labels, (H, W) uint8.

    Args:
        pixels: (H, W, 3) float32, RGB in [0, 1].
        layers: Damage, from below.
    """
    labels = np.zeros(pixels.shape[:2], np.uint8)
    if not layers:
        return labels
    clean = pixels.copy()
    noise_level = clutter(pixels)
    flat = labels.reshape(-1)
    for layer in layers:
        places, change = layer.apply(pixels)
        if not len(places):
            continue
        strength = _local_mean(layer.opacity.shape, places, change)
        opacity = layer.opacity.ravel()[places]
        limit = np.maximum(
            _LEAST[layer.kind], _OF_CLUTTER[layer.kind] * noise_level.ravel()[places]
        )
        seen = (strength > limit) & (opacity > _RIM * opacity.max()) & (change > 0.4 * limit)
        flat[places[seen]] |= BITS[layer.kind]
        flat[places[~seen]] |= UNSURE
    marked = np.flatnonzero(flat)
    moved = np.abs(pixels.reshape(-1, 3)[marked] - clean.reshape(-1, 3)[marked]).max(1)
    cancelled = moved < 0.4 * min(_LEAST.values())  # by a later layer
    seen_bits = flat[marked] & ~np.uint8(UNSURE)  # UNSURE stays only where no class is seen
    flat[marked] = np.where(cancelled | (seen_bits == 0), UNSURE, seen_bits)
    return labels


def _local_mean(shape: Sequence[int], places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """At each place, the mean of the values within 4 px, weighted by themselves."""
    field = np.zeros(shape, np.float32)
    field.reshape(-1)[places] = values
    first = cv2.boxFilter(field, -1, (9, 9))
    second = cv2.boxFilter(field * field, -1, (9, 9))
    return second.ravel()[places] / np.maximum(first.ravel()[places], np.float32(1e-6))

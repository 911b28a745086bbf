"""Damage of the class scratch: scratches, hairs, folds and cracks."""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpaint.damage.drawing import Canvas, Size, blob, log_uniform, noise, random_walk
from inpaint.damage.layer import Layer, light_or_dark

_EVEN = 0.35  # share of scratches without gaps


def scratches(rng: np.random.Generator, size: Size) -> list[Layer]:
    """One to eight scratches of one colour: straight or slightly wandering, often interrupted.

    Those of a transport run along one side of the image, others anywhere. A third of the images
    have even ones, of one width and without gaps.
    """
    count = int(log_uniform(rng, 1, 8.99))
    along = rng.random() < 0.45
    axis = math.pi / 2 if rng.random() < 0.7 else 0.0
    widest = log_uniform(rng, 0.7, 8.0)
    even = rng.random() < _EVEN
    canvas = Canvas(size)
    for _ in range(count):
        angle = axis + rng.normal(0, 0.03) if along else rng.uniform(0, math.pi)
        length = log_uniform(rng, 15, 1.6 * max(size))
        walk = random_walk(
            rng,
            _start(rng, size, angle, length),
            angle,
            length,
            turn=abs(rng.normal(0, 0.08)),
            bend=abs(rng.normal(0, 0.015)),
        )
        thinner, fainter = (1.0, 1.0) if even else (rng.uniform(0.4, 1), rng.uniform(0.5, 1))
        canvas.line(walk, widest * thinner, fainter)
    opacity = canvas.opacity() if even else _worn(rng, canvas.opacity(), size)
    return [light_or_dark(rng, "scratch", opacity)]


def scratch(rng: np.random.Generator, size: Size, *, width: float, length: float) -> np.ndarray:
    """(H, W) float32 opacity of one uninterrupted scratch of a given width and length, px."""
    canvas = Canvas(size)
    angle = rng.uniform(0, math.pi)
    start = _start(rng, size, angle, length)
    canvas.line(random_walk(rng, start, angle, length, turn=0.05, bend=0.01), width)
    return canvas.opacity()


def hairs(rng: np.random.Generator, size: Size) -> list[Layer]:
    """One to three hairs, which curl, mostly dark, now and then out of focus."""
    canvas = Canvas(size)
    width = log_uniform(rng, 0.7, 2.6)
    for _ in range(int(log_uniform(rng, 1, 3.99))):
        angle = rng.uniform(0, 2 * math.pi)
        length = log_uniform(rng, 35, 300)
        start = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        bend = log_uniform(rng, 0.02, 0.25)
        canvas.line(random_walk(rng, start, angle, length, step=3.0, bend=bend), width)
    opacity = canvas.opacity()
    if rng.random() < 0.3:
        opacity = cv2.GaussianBlur(opacity, (0, 0), rng.uniform(0.5, 1.2))
    return [light_or_dark(rng, "scratch", opacity, light=0.45)]


def folds(rng: np.random.Generator, size: Size) -> list[Layer]:
    """A fold across the image: a bright broken core, a dark flank, and paper that has peeled."""
    angle = rng.choice([0.0, math.pi / 2]) + rng.normal(0, 0.08)
    if rng.random() < 0.3:
        angle = rng.uniform(0, math.pi)
    length = 1.6 * max(size) if rng.random() < 0.7 else log_uniform(rng, 60, 250)
    walk = random_walk(
        rng, _start(rng, size, angle, length), angle, length, turn=rng.uniform(0.02, 0.2), bend=0.01
    )
    thickness = log_uniform(rng, 1.0, 7.0)
    layers = []
    if rng.random() < 0.7:
        flank = Canvas(size)
        offset = np.array([-math.sin(angle), math.cos(angle)]) * thickness * rng.uniform(0.4, 1.1)
        flank.line(walk + offset, thickness * rng.uniform(0.8, 2))
        soft = cv2.GaussianBlur(flank.opacity(), (0, 0), 0.3 * thickness + 0.3)
        dark = -log_uniform(rng, 0.06, 0.4)
        layers.append(Layer("scratch", soft, (dark, dark, dark), covering=False))
    core = Canvas(size)
    core.line(walk, thickness * rng.uniform(0.3, 0.8))
    for _ in range(int(rng.integers(0, 14))):
        at = walk[rng.integers(len(walk))] + rng.normal(0, 0.5 * thickness, 2)
        core.polygon(blob(rng, at, thickness * log_uniform(rng, 0.4, 1.8), rough=0.4))
    opacity = core.opacity()
    if rng.random() < 0.6:
        opacity = _worn(rng, opacity, size)
    paper = rng.uniform(0.7, 1.0) * np.array([1.0, rng.uniform(0.92, 1), rng.uniform(0.8, 1)])
    strength = np.float32(log_uniform(rng, 0.4, 1))
    layers.append(Layer("scratch", opacity * strength, paper))
    return layers


def cracks(rng: np.random.Generator, size: Size) -> list[Layer]:
    """A crack of the emulsion that branches, thinner with each branch."""
    canvas = Canvas(size)
    width = log_uniform(rng, 0.8, 3.0)
    start = rng.uniform(0, size[1]), rng.uniform(0, size[0])
    length = log_uniform(rng, 60, 320)
    pending = [(start, rng.uniform(0, 2 * math.pi), length, width, 0)]
    while pending:
        start, angle, length, width, depth = pending.pop()
        walk = random_walk(rng, start, angle, length, step=5.0, turn=0.35, bend=0.08)
        canvas.line(walk, width)
        if depth == 3 or length < 20:
            continue
        for _ in range(int(rng.integers(1, 4))):
            branch = angle + rng.choice([-1, 1]) * rng.uniform(0.4, 1.3)
            at = walk[rng.integers(len(walk))]
            thinner = max(0.5, width * rng.uniform(0.5, 0.9))
            pending.append(
                ((at[0], at[1]), branch, length * rng.uniform(0.2, 0.6), thinner, depth + 1)
            )
    return [light_or_dark(rng, "scratch", canvas.opacity(), light=0.6)]


def _start(
    rng: np.random.Generator, size: Size, angle: float, length: float
) -> tuple[float, float]:
    """A start from which the middle of the line falls into the image."""
    x, y = rng.uniform(0, size[1]), rng.uniform(0, size[0])
    return x - 0.5 * length * math.cos(angle), y - 0.5 * length * math.sin(angle)


def _worn(rng: np.random.Generator, opacity: np.ndarray, size: Size) -> np.ndarray:
    """The opacity interrupted and varied along the lines by smooth noise."""
    level = rng.uniform(0.3, 2.0)  # how much is left
    softness = (3.0, 8.0, 20.0)[rng.integers(3)]
    kept = noise(rng, size, softness) * np.float32(0.7) + np.float32(level)
    return opacity * np.clip(kept, 0, 1)

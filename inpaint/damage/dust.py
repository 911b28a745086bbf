"""Damage of the class dust: specks, fibres, rings and stains."""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpaint.damage.drawing import Canvas, Size, blob, log_uniform, noise, random_walk
from inpaint.damage.layer import Layer, light_or_dark

MOST_SPECKS = 70  # in 256 x 256 px


def specks(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Specks of 1 to 14 px, the small ones most, among them some short fibres."""
    canvas = Canvas(size)
    largest = log_uniform(rng, 1.0, 7.0)
    area = size[0] * size[1] / 256**2
    for _ in range(math.ceil(log_uniform(rng, 1, MOST_SPECKS) * area)):
        center = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        radius = largest * log_uniform(rng, 0.3, 1)
        canvas.polygon(blob(rng, center, max(0.6, radius)), rng.uniform(0.5, 1))
    if rng.random() < 0.4:
        _draw_fibres(rng, canvas, int(log_uniform(rng, 1, 12)))
    return [_soft(rng, canvas.opacity())]


def speck(rng: np.random.Generator, size: Size, *, diameter: float, count: int) -> np.ndarray:
    """(H, W) float32 opacity of specks of a given diameter, px."""
    canvas = Canvas(size)
    for _ in range(count):
        center = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        canvas.polygon(blob(rng, center, diameter / 2))
    return canvas.opacity()


def fibres(rng: np.random.Generator, size: Size) -> list[Layer]:
    """One to 20 curled fibres of 5 to 30 px."""
    canvas = Canvas(size)
    _draw_fibres(rng, canvas, int(log_uniform(rng, 1, 20)))
    return [_soft(rng, canvas.opacity())]


def rings(rng: np.random.Generator, size: Size) -> list[Layer]:
    """One to three rings, as drops leave them, some of them only in part."""
    canvas = Canvas(size)
    for _ in range(int(rng.integers(1, 4))):
        radius = log_uniform(rng, 3, 22)
        center = np.array([rng.uniform(0, size[1]), rng.uniform(0, size[0])])
        turns = rng.uniform(0, 2 * math.pi) + np.linspace(0, rng.uniform(3.5, 6.4), 24)
        radii = radius * (1 + 0.06 * np.cumsum(rng.normal(0, 0.4, 24)))
        points = center + radii[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        canvas.line(points, log_uniform(rng, 0.7, 2.2))
    return [light_or_dark(rng, "dust", canvas.opacity(), light=0.5)]


def stains(rng: np.random.Generator, size: Size) -> list[Layer]:
    """One or two stains with ragged edges: mould, or emulsion that has come off."""
    opacity = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(1, 3))):
        radius = log_uniform(rng, 4, 26)
        canvas = Canvas(size)
        center = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        canvas.polygon(blob(rng, center, radius, rough=0.15))
        near = cv2.GaussianBlur(canvas.opacity(), (0, 0), 0.3 * radius)
        ragged = near - 0.5 + 0.12 * noise(rng, size, 3.0)
        opacity = np.maximum(opacity, np.clip(8 * ragged, 0, 1))
    return [light_or_dark(rng, "dust", opacity.astype(np.float32), light=0.6)]


def _draw_fibres(rng: np.random.Generator, canvas: Canvas, count: int) -> None:
    for _ in range(count):
        start = rng.uniform(0, canvas.size[1]), rng.uniform(0, canvas.size[0])
        angle, length = rng.uniform(0, 2 * math.pi), log_uniform(rng, 5, 30)
        walk = random_walk(rng, start, angle, length, step=2.0, bend=log_uniform(rng, 0.05, 0.5))
        canvas.line(walk, log_uniform(rng, 0.7, 1.8), rng.uniform(0.6, 1))


def _soft(rng: np.random.Generator, opacity: np.ndarray) -> Layer:
    if rng.random() < 0.35:
        opacity = cv2.GaussianBlur(opacity, (0, 0), rng.uniform(0.4, 1.0))
    return light_or_dark(rng, "dust", opacity, light=0.55)

"""What looks like damage and is none: drawn into clean images, it is labelled as nothing.

Damage is single, irregular and lies over the scene. Wires come in bundles, hair and grass in tufts,
fabric and fences in patterns, letters on signs, and lights have a halo.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpaint.damage.drawing import Canvas, Size, log_uniform, random_walk
from inpaint.damage.layer import Layer
from inpaint.damage.stamps import written

_SIGNS = ("STOP", "HOTEL", "Main St", "EXIT", "Open", "Bakery", "24h", "ABC 1234", "No 7", "Cafe")


def lookalike(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Layers of one kind of thing that looks like damage; their class means nothing."""
    kinds = (_wires, _tuft, _pattern, _sign, _lights, _edge)
    return kinds[rng.integers(len(kinds))](rng, size)


def _wires(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Three to seven sagging wires side by side, from border to border."""
    canvas = Canvas(size)
    x = np.linspace(-2, size[1] + 2, 30)
    sag, slope, top = rng.uniform(-30, 60), rng.uniform(-0.6, 0.6), rng.uniform(0, size[0])
    gap, width = log_uniform(rng, 3, 14), log_uniform(rng, 0.6, 2.2)
    for number in range(int(rng.integers(3, 8))):
        height = top + number * gap * rng.uniform(0.9, 1.1)
        y = height + slope * x + sag * (1 - (2 * x / size[1] - 1) ** 2)
        canvas.line(np.stack([x, y], 1), width)
    return [_thing(rng, canvas.opacity(), dark=0.85)]


def _tuft(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Hair, whiskers or grass: 15 to 60 strokes of alike direction that start close together."""
    canvas = Canvas(size)
    angle, spread = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.35)
    at = np.array([rng.uniform(0, size[1]), rng.uniform(0, size[0])])
    wide, length = log_uniform(rng, 10, 60), log_uniform(rng, 20, 140)
    width, bend = log_uniform(rng, 0.6, 1.8), rng.uniform(-0.05, 0.05)
    for _ in range(int(rng.integers(15, 60))):
        start = at + rng.normal(0, 1, 2) * wide * np.array([-math.sin(angle), math.cos(angle)])
        walk = random_walk(
            rng, start, angle + rng.normal(0, spread), length * rng.uniform(0.5, 1), bend=0.03
        )
        walk = walk + bend * np.linspace(0, 1, len(walk))[:, None] ** 2 * length
        canvas.line(walk, width, rng.uniform(0.4, 1))
    return [_thing(rng, canvas.opacity(), dark=0.6)]


def _pattern(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Stripes, a grid or dots at even distances: fabric, fences, bricks, windows."""
    canvas = Canvas(size)
    gap, width = log_uniform(rng, 6, 40), log_uniform(rng, 0.7, 3)
    angle, reach = rng.uniform(0, math.pi), 1.5 * max(size)
    middle = np.array([size[1], size[0]]) / 2
    forward = np.array([math.cos(angle), math.sin(angle)])
    sideways = np.array([-forward[1], forward[0]])
    places = np.arange(-reach / 2, reach / 2, gap)
    if rng.random() < 0.3:
        corner = gap * rng.uniform(0.12, 0.3) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        first, second = np.meshgrid(places, places)
        centers = middle + first[..., None] * forward + second[..., None] * sideways
        inside = ((centers > -gap) & (centers < 2 * middle + gap)).all(-1)
        for center in centers[inside]:
            canvas.polygon(center + corner)
    else:
        for direction, across in ((forward, sideways), (sideways, forward))[: rng.integers(1, 3)]:
            for place in places:
                at = middle + place * across
                canvas.line(np.stack([at - reach * direction, at + reach * direction]), width)
    return [_thing(rng, _within(rng, canvas.opacity(), size), dark=0.5)]


def _sign(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Text on a plate of one colour, seen at an angle."""
    sprite = written(rng, str(rng.choice(_SIGNS)))
    height, width = sprite.shape
    pad = int(0.3 * height) + 2
    sprite = np.pad(sprite, pad)
    plate = np.ones_like(sprite)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    source = corners * [width + 2 * pad, height + 2 * pad]
    zoom = log_uniform(rng, 0.7, 2.2)
    place = np.array([rng.uniform(-20, size[1] - 40), rng.uniform(-10, size[0] - 20)])
    target = source * zoom + rng.normal(0, 0.12 * height * zoom, (4, 2)) + place
    warp = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    letters, ground = (cv2.warpPerspective(x, warp, size[::-1]) for x in (sprite, plate))
    light, dark = rng.uniform(0.6, 1, 3), rng.uniform(0, 0.4, 3)
    if rng.random() < 0.5:
        light, dark = dark, light
    return [
        Layer("stamp", ground, light),
        Layer("stamp", letters, dark),
    ]


def _lights(rng: np.random.Generator, size: Size) -> list[Layer]:
    """Lamps, stars and highlights: bright cores with a halo that falls off smoothly."""
    points = np.zeros(size, np.float32)
    for _ in range(int(log_uniform(rng, 1, 25))):
        points[rng.integers(size[0]), rng.integers(size[1])] = rng.uniform(0.4, 1)
    radius = log_uniform(rng, 1.0, 4.0)
    core = cv2.GaussianBlur(points, (0, 0), radius) * np.float32(2 * math.pi * radius**2)
    halo = cv2.GaussianBlur(points, (0, 0), 3 * radius) * np.float32(20 * radius**2)
    glow = np.clip(core + 0.3 * halo, 0, 1)
    colour = np.clip(rng.normal([0.95, 0.9, 0.8], 0.08), 0, 1)
    return [Layer("dust", glow, colour, covering=False)]


def _edge(rng: np.random.Generator, size: Size) -> list[Layer]:
    """A large flat shape with a straight edge: its outline is no fold."""
    canvas = Canvas(size)
    at = np.array([rng.uniform(0, size[1]), rng.uniform(0, size[0])])
    turns = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 6)))
    radii = rng.uniform(0.3, 1.2, len(turns)) * max(size)
    canvas.polygon(at + radii[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1))
    strength = np.float32(rng.uniform(0.2, 1))
    return [_thing(rng, canvas.opacity() * strength, dark=0.5)]


def _within(rng: np.random.Generator, opacity: np.ndarray, size: Size) -> np.ndarray:
    """The opacity inside a random rectangle only, or everywhere."""
    if rng.random() < 0.3:
        return opacity
    kept = np.zeros(size, np.float32)
    top, left = int(rng.integers(size[0] * 2 // 3)), int(rng.integers(size[1] * 2 // 3))
    bottom, right = top + int(rng.integers(50, size[0])), left + int(rng.integers(50, size[1]))
    kept[top:bottom, left:right] = 1
    return opacity * kept


def _thing(rng: np.random.Generator, opacity: np.ndarray, *, dark: float) -> Layer:
    level = rng.uniform(0, 0.35) if rng.random() < dark else rng.uniform(0.65, 1)
    colour = np.clip(level + rng.normal(0, 0.08, 3), 0, 1)
    strength = np.float32(log_uniform(rng, 0.4, 1))
    return Layer("scratch", opacity * strength, colour)

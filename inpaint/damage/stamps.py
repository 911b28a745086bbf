"""Damage of the class stamp: burnt-in dates and short overlay text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inpaint.damage.drawing import SCALE, Size, log_uniform
from inpaint.damage.layer import Layer

FONT_FOLDERS = ("/usr/share/fonts/truetype", "/usr/local/share/fonts", "/usr/share/fonts/TTF")
_SIZES = (10, 12, 14, 17, 20, 24, 29, 35, 42)  # px, of which fonts are kept

# Segments of a digit: top, upper left, upper right, middle, lower left, lower right, bottom.
_DIGITS = {
    **{"0": "1110111", "1": "0010010", "2": "1011101", "3": "1011011", "4": "0111010"},
    **{"5": "1101011", "6": "1101111", "7": "1010010", "8": "1111111", "9": "1111011"},
    "-": "0001000",
}
_SEGMENTS = (
    *(((0, 0), (1, 0)), ((0, 0), (0, 1)), ((1, 0), (1, 1)), ((0, 1), (1, 1))),
    *(((0, 1), (0, 2)), ((1, 1), (1, 2)), ((0, 2), (1, 2))),
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WORDS = (
    *("PROOF", "SAMPLE", "COPY", "PREVIEW", "Kodak", "Copyright", "Studio", "PHOTO", "HD", "REC"),
    *("Archive", "No. 12", "Summer", "Holiday", "CAM 1", "www.example.org", "DEMO", "draft"),
)
# Colours of camera dates: orange, red, yellow, green, white.
_GLOWING = ((1.0, 0.55, 0.1), (1.0, 0.25, 0.1), (1.0, 0.85, 0.2), (0.5, 1.0, 0.4), (1.0, 1.0, 0.9))


def stamps(rng: np.random.Generator, size: Size) -> list[Layer]:
    """A date or a short text, mostly in a corner: glowing segments, or type with an outline."""
    if rng.random() < 0.5:
        text = _date(rng, digits_only=True)
        sprite = segments(text, log_uniform(rng, 9, 44), slant=rng.uniform(0, 0.2))
    else:
        text = str(rng.choice(_WORDS)) if rng.random() < 0.3 else _date(rng)
        if rng.random() < 0.12:
            text = f"(c) {text}"
        sprite = _type(rng, text)
    opacity = _placed(rng, sprite, size)
    layers = []
    if rng.random() < 0.55:
        colour = np.array(_GLOWING[rng.integers(len(_GLOWING))])
        colour = np.clip(colour + rng.normal(0, 0.08, 3), 0, 1)
        if rng.random() < 0.7:  # light that spreads in the emulsion
            glow = cv2.GaussianBlur(opacity, (0, 0), log_uniform(rng, 0.8, 3.5))
            shift = colour * rng.uniform(0.2, 0.7)
            layers.append(Layer("stamp", glow, shift, covering=False))
    else:
        level = rng.choice([1.0, 1.0, 1.0, 0.0, 0.5])
        colour = np.clip(level + rng.normal(0, 0.06, 3), 0, 1)
        if rng.random() < 0.5:
            layers.append(_outline(rng, opacity, level))
    strength = np.float32(log_uniform(rng, 0.3, 1))
    layers.append(Layer("stamp", opacity * strength, colour))
    return layers


def segments(text: str, height: float, *, slant: float = 0.1) -> np.ndarray:
    """(H, W) float32 opacity of digits of seven segments, `height` px high.

    Args:
        text: Digits, hyphens, apostrophes, colons, points and spaces.
        height: Of a digit, px.
        slant: Shift to the right by height.
    """
    side = 0.46 * height  # of a segment, px
    thick = max(1.0, 0.11 * height)
    advance, narrow = side + 2.4 * thick, 2.2 * thick
    left, strokes = 2 * thick, []
    for sign in text:
        for on, (start, end) in zip(_DIGITS.get(sign, ""), _SEGMENTS, strict=False):
            if on == "1":
                ends = np.array([start, end], float)
                middle, half = ends.mean(0), 0.5 - 0.13  # segments do not touch
                ends = middle + (ends - middle) * 2 * half
                strokes.append(ends * [side, height / 2] + [left, 0])
        dots = {"'": (0.0, 0.12), ".": (0.95, 1.0), ":": (0.3, 0.36)}.get(sign)
        if dots is not None:
            strokes.append(np.array([[left, dots[0] * height], [left, dots[1] * height]]))
            if sign == ":":
                strokes.append(np.array([[left, 0.64 * height], [left, 0.7 * height]]))
        left += narrow if dots is not None else advance * (0.6 if sign == " " else 1.0)
    width = int(left + slant * height + 3 * thick)
    canvas = np.zeros((int(height + 4 * thick) * SCALE, width * SCALE), np.uint8)
    for stroke in strokes:
        x, y = stroke[:, 0], stroke[:, 1]
        points = np.stack([x + slant * (height - y), y + 2 * thick], 1)
        fixed = np.round(points * SCALE * 16).astype(np.int32)
        cv2.line(canvas, fixed[0], fixed[1], 255, round(thick * SCALE), cv2.LINE_8, shift=4)
    small = cv2.resize(canvas, (width, len(canvas) // SCALE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _date(rng: np.random.Generator, *, digits_only: bool = False) -> str:
    """A date in one of the ways that cameras and laboratories print them."""
    year, month = int(rng.integers(1975, 2026)), int(rng.integers(1, 13))
    day, hour, minute = (int(rng.integers(*span)) for span in ((1, 29), (0, 24), (0, 60)))
    short = f"{year % 100:02d}"
    forms: list[Callable[[], str]] = [
        lambda: f"'{short} {month:2d} {day:2d}",
        lambda: f"{day:2d} {month:2d} '{short}",
        lambda: f"{month:2d} {day:2d} '{short}",
        lambda: f"{day:2d} {hour:02d}:{minute:02d}",
        lambda: f"{year}-{month:02d}-{day:02d}",
        lambda: f"{day:02d}.{month:02d}.{year}",
        lambda: f"{year}.{month:02d}.{day:02d} {hour:02d}:{minute:02d}",
        lambda: f"{month:02d}/{day:02d}/{year}",
        lambda: f"{_MONTHS[month - 1]} {day} {year}",
        lambda: f"{day} {_MONTHS[month - 1]} '{short}",
        lambda: f"{day:02d}/{month:02d}/{year} {hour % 12:02d}:{minute:02d} PM",
        lambda: f"{_MONTHS[month - 1]} {short}",
    ]
    return forms[rng.integers(7 if digits_only else len(forms))]()


@cache
def _fonts() -> tuple[str, ...]:
    """Fonts of the system, and "" for Pillow's own, which is always there."""
    found = [str(path) for folder in FONT_FOLDERS for path in Path(folder).rglob("*.ttf")]
    return ("", *sorted(found))


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def written(rng: np.random.Generator, text: str) -> np.ndarray:
    """(H, W) float32 opacity of a text in a font and a size drawn by chance."""
    fonts = _fonts()
    font = _font(fonts[rng.integers(len(fonts))], int(rng.choice(_SIZES)))
    left, top, right, bottom = (int(value) for value in font.getbbox(text))
    sprite = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(sprite).text((2 - left, 2 - top), text, 255, font=font)
    return np.asarray(sprite, np.float32) / 255


def _type(rng: np.random.Generator, text: str) -> np.ndarray:
    if rng.random() < 0.85:
        return written(rng, text)
    scale = log_uniform(rng, 0.35, 1.2)  # a plotter's letters, as in the video of old cameras
    face = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN]))
    thick = max(1, round(2 * scale))
    (width, height), base = cv2.getTextSize(text, face, scale, thick)
    sprite = np.zeros((height + base + 4, width + 4), np.uint8)
    cv2.putText(sprite, text, (2, height + 2), face, scale, 255, thick, cv2.LINE_AA)
    return sprite.astype(np.float32) / 255


def _placed(rng: np.random.Generator, sprite: np.ndarray, size: Size) -> np.ndarray:
    """The sprite on an empty layer, cut off where it does not fit."""
    height, width = size
    if rng.random() < 0.08:  # photos that were taken upright
        sprite = np.ascontiguousarray(np.rot90(sprite))
    free_y, free_x = height - sprite.shape[0], width - sprite.shape[1]
    if rng.random() < 0.6:
        top = (free_y - 6) * rng.choice([0.06, 0.93])
        left = (free_x - 6) * rng.choice([0.06, 0.93])
    else:
        top = rng.uniform(min(0, free_y), max(1, free_y))
        left = rng.uniform(min(0, free_x), max(1, free_x))
    y, x = int(top), int(left)
    opacity = np.zeros(size, np.float32)
    target = opacity[max(0, y) : y + sprite.shape[0], max(0, x) : x + sprite.shape[1]]
    target[:] = sprite[max(0, -y) :, max(0, -x) :][: target.shape[0], : target.shape[1]]
    return opacity


def _outline(rng: np.random.Generator, opacity: np.ndarray, level: float) -> Layer:
    """A rim around the letters, or their shadow, as dark as they are light."""
    other = 0.05 if level > 0.4 else 0.95
    if rng.random() < 0.5:
        rim = cv2.dilate(opacity, np.ones((3, 3), np.uint8))
    else:
        shift = int(rng.integers(1, 3))
        rim = np.zeros_like(opacity)
        rim[shift:, shift:] = opacity[:-shift, :-shift]
    return Layer("stamp", rim * np.float32(rng.uniform(0.4, 1)), (other, other, other))

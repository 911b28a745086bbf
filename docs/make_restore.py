"""The pictures of restore.md: examples damaged by hand, what is found, and the fills.

python docs/make_restore.py [WEIGHTS]

The damage is drawn in another way than inpaint.damage draws it, which the detector was trained on:
Bezier curves and thresholded noise, mixed by screen and multiply.
"""

import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from marking import marked
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from inpaint import Inpainter
from inpaint.detect import DamageDetector

ROOT = Path(__file__).parent.parent
NAMES = ("astronaut.jpg", "coffee.jpg", "cat.jpg", "rocket.jpg")
HEIGHT = 300  # px of each picture
FINE = 4  # curves are drawn at so many times the size


def curves(
    size: tuple[int, int], count: int, width: float, curl: float, rng: np.random.Generator
) -> np.ndarray:
    """(H, W) float32 in [0, 1]: cubic Bezier curves; curl: how far from a line, by their length."""
    height, width_px = size
    canvas = Image.new("L", (width_px * FINE, height * FINE))
    draw = ImageDraw.Draw(canvas)
    t = np.linspace(0, 1, 60)[:, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    for _ in range(count):
        start, end = rng.uniform(0, 1, (2, 2)) * (width_px, height)
        length = np.linalg.norm(end - start)
        inner = [
            start + share * (end - start) + rng.normal(0, curl, 2) * length for share in (0.3, 0.7)
        ]
        points = sum(w * p for w, p in zip(weights, (start, *inner, end), strict=True))
        for a, b in pairwise(points):
            line = [tuple(a * FINE), tuple(b * FINE)]
            draw.line(line, round(rng.uniform(140, 255)), max(1, round(width * FINE)))
    small = canvas.resize((width_px, height), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def dust(size: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the peaks of smooth noise."""
    field = cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), 1.6)
    top = np.quantile(field, 1 - share)
    return np.clip((field - top) / (0.15 * top), 0, 1)


def date(size: tuple[int, int], text: str) -> np.ndarray:
    """(H, W) float32 in [0, 1]: a date in the lower right corner, with its glow."""
    sprite = Image.new("L", size[::-1])
    font = ImageFont.load_default(round(0.055 * size[0]))
    place = (0.96 * size[1], 0.95 * size[0])
    ImageDraw.Draw(sprite).text(place, text, 255, font=font, anchor="rs")
    glow = sprite.filter(ImageFilter.GaussianBlur(2))
    return np.maximum(np.asarray(sprite, np.float32), 0.6 * np.asarray(glow, np.float32)) / 255


def damaged(photo: np.ndarray, seed: int) -> np.ndarray:
    """The photo with scratches, hairs, dust of both kinds and a date: (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = photo.astype(np.float32) / 255
    size = image.shape[:2]
    light = np.maximum(curves(size, 3, 1.5, 0.02, rng), dust(size, 0.0015, rng))
    image = 1 - (1 - image) * (1 - 0.75 * light[..., None])  # screen
    dark = np.maximum(curves(size, 2, 1.2, 0.35, rng), dust(size, 0.001, rng))
    image *= 1 - 0.8 * dark[..., None]  # multiply
    mark = date(size, "12. 7. '96")[..., None]
    image = 1 - (1 - image) * (1 - mark * np.array([1.0, 0.6, 0.15], np.float32))
    image += rng.normal(0, 0.01, image.shape)
    return np.rint(255 * image.clip(0, 1)).astype(np.uint8)


def main() -> None:
    detector = DamageDetector.load(*sys.argv[1:2])
    inpainter = Inpainter.load()
    columns = []
    for seed, name in enumerate(NAMES):
        photo = np.asarray(Image.open(ROOT / "examples" / name).convert("RGB"))
        before = damaged(photo, seed)
        found = detector.detect(before)
        print(name, found.shares)
        hole = found.hole(2)
        rows = [before, marked(before, hole), inpainter.fill(before, hole)]
        width = round(photo.shape[1] * HEIGHT / photo.shape[0])
        scaled = [
            np.asarray(Image.fromarray(row).resize((width, HEIGHT), Image.Resampling.LANCZOS))
            for row in rows
        ]
        columns.append(np.concatenate(scaled))
    Image.fromarray(np.concatenate(columns, axis=1)).save(ROOT / "docs/restore.jpg", quality=88)


if __name__ == "__main__":
    main()

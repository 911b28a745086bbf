"""The contact sheet of docs/results.md: 24 fills by the shipped weights, to look for defects.

python docs/make_sheet.py [WEIGHTS]

A column for each class of hole, a row for each size of picture. Every cell shows the hole above
and the fill below, scaled to one size.
"""

import sys
from itertools import cycle
from pathlib import Path

import numpy as np
from marking import HOLE_COLOUR
from PIL import Image

from inpaint import Inpainter
from inpaint.masks import HOLE_BUCKETS, fixed_hole

ROOT = Path(__file__).parent.parent
NAMES = ("astronaut.jpg", "rocket.jpg", "coffee.jpg", "cat.jpg", "cameraman.png")
SIZES = (128, 256, 512, 1024)  # px
CELL = 192  # px of a picture on the sheet


def square(name: str, size: int) -> Image.Image:
    """The middle of an example, scaled."""
    photo = Image.open(ROOT / "examples" / name).convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    box = (left, top, left + side, top + side)
    return photo.resize((size, size), Image.Resampling.LANCZOS, box=box)


def main() -> None:
    inpainter = Inpainter.load(*sys.argv[1:2])
    names, rows = cycle(NAMES), []
    for size in SIZES:
        cells = []
        for bucket in range(len(HOLE_BUCKETS)):
            photo = square(next(names), size)
            hole = fixed_hole((size, size), len(rows), seed=3, bucket=bucket)
            painted = np.asarray(photo).copy()
            painted[hole] = HOLE_COLOUR
            pair = Image.fromarray(painted), inpainter.fill(photo, hole)
            shown = [one.resize((CELL, CELL), Image.Resampling.LANCZOS) for one in pair]
            cells.append(np.concatenate([np.asarray(one) for one in shown]))
        rows.append(np.concatenate(cells, axis=1))
    Image.fromarray(np.concatenate(rows)).save(ROOT / "docs/sheet.jpg", quality=82)


if __name__ == "__main__":
    main()

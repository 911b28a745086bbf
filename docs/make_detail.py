"""The pictures of detail.md: hole, the network's fill, PatchMatch's, and the faithful one.

python docs/make_detail.py [WEIGHTS]

Crops of free pictures from examples/, a row each and every pixel shown twice as large, below
docs/. The column of PatchMatch needs pip install 'pconv-inpaint[evaluate]'.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from marking import marked
from PIL import Image

from inpaint import Inpainter
from inpaint.evaluate.classical import CLASSICAL

ROOT = Path(__file__).parent.parent
ENLARGED = 2

# Name of the example, polyline of the hole in (x, y), its width, and the crop that is shown:
# (left, top, right, bottom), all in px.
Row = tuple[str, list[tuple[int, int]], int, tuple[int, int, int, int]]
WORKS: list[Row] = [
    ("cameraman.png", [(0, 400), (250, 440), (511, 380)], 6, (330, 350, 490, 450)),
    ("cat.jpg", [(30, 40), (200, 150), (400, 250)], 20, (60, 50, 220, 150)),
    ("coffee.jpg", [(560, 300), (470, 380)], 24, (430, 290, 590, 390)),
]
FAILS: list[Row] = [
    ("astronaut.jpg", [(60, 420), (200, 380), (330, 460)], 30, (150, 340, 310, 440)),
    ("rocket.jpg", [(400, 310), (500, 350)], 90, (340, 270, 500, 370)),
    ("cameraman.png", [(310, 330), (345, 400)], 60, (270, 300, 430, 400)),
]


def main() -> None:
    inpainter = Inpainter.load(*sys.argv[1:2])
    for name, rows in (("works", WORKS), ("fails", FAILS)):
        picture = np.concatenate([_row(inpainter, *row) for row in rows])
        Image.fromarray(picture).save(ROOT / f"docs/detail-{name}.jpg", quality=78)


def _row(
    inpainter: Inpainter,
    name: str,
    line: list[tuple[int, int]],
    width: int,
    crop: tuple[int, int, int, int],
) -> np.ndarray:
    with Image.open(ROOT / "examples" / name) as image:
        photo = np.asarray(image.convert("RGB"))
    drawn = np.zeros(photo.shape[:2], np.uint8)
    cv2.polylines(drawn, [np.array(line, np.int32)], False, 1, width)
    hole = drawn > 0
    fills = [
        marked(photo, hole),
        inpainter.fill(photo, hole, style="plain"),
        CLASSICAL["patchmatch"]()(photo, hole),
        inpainter.fill(photo, hole, style="faithful"),
    ]
    left, top, right, bottom = crop
    shown = np.concatenate([fill[top:bottom, left:right] for fill in fills], axis=1)
    return shown.repeat(ENLARGED, 0).repeat(ENLARGED, 1)


if __name__ == "__main__":
    main()

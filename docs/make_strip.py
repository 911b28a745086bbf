"""The README's picture strip: photo, hole and fill of each example, by the shipped weights.

python docs/make_strip.py [WEIGHTS]
"""

import sys
from pathlib import Path

import numpy as np
from marking import marked
from PIL import Image

from inpaint import Inpainter
from inpaint.masks import read_hole

ROOT = Path(__file__).parent.parent
NAMES = ("rocket.jpg", "coffee.jpg", "cat.jpg", "astronaut.jpg")
HEIGHT = 240  # px of each picture


def main() -> None:
    inpainter = Inpainter.load(*sys.argv[1:2])
    columns = []
    for name in NAMES:
        photo = Image.open(ROOT / "examples" / name).convert("RGB")
        hole = read_hole(ROOT / "examples/masks" / f"{Path(name).stem}.png")
        painted = Image.fromarray(marked(np.asarray(photo), hole))
        rows = [photo, painted, inpainter.fill(photo, hole)]
        width = round(photo.width * HEIGHT / photo.height)
        scaled = [np.asarray(row.resize((width, HEIGHT), Image.Resampling.LANCZOS)) for row in rows]
        columns.append(np.concatenate(scaled))
    Image.fromarray(np.concatenate(columns, axis=1)).save(ROOT / "docs/strip.jpg", quality=88)


if __name__ == "__main__":
    main()

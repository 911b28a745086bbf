"""Twenty photos of 4 to 12 megapixels, filled: crops to look at.

python docs/make_large.py PACKAGES OUT [--weights FILE] [--only NAME ...]

The photos are free and come in four Debian packages, unpacked below the folder PACKAGES:

    apt-get download lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds \\
        plasma-workspace-wallpapers
    for package in *.deb; do dpkg -x "$package" PACKAGES; done

For each photo, OUT gets `NAME.png`: the photo, the marked hole, the network alone, then PatchMatch,
OpenCV's SHIFTMAP and the natural fill, at the photo's own size around the middle of the hole; and
`NAME-whole.png`, the same six with all of the hole, made smaller. PatchMatch needs
pip install 'pconv-inpaint[evaluate]', SHIFTMAP opencv-contrib-python-headless in place of
opencv-python-headless. Both see the hole and 400 px around it, for time, and both take minutes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from marking import marked
from PIL import Image

from inpaint import Inpainter
from inpaint.evaluate.classical import CLASSICAL, Fill

LARGEST = 12_000_000  # px; larger photos are made smaller
PEERS = ("patchmatch", "shiftmap")
CONTEXT = 400  # px around the hole that the peers see
CROP = 540  # side of a crop at full size, px
WHOLE = 540  # longer side of a crop of the whole hole, px
LOMIRI, PLASMA = "usr/share/backgrounds", "usr/share/wallpapers"

Points = list[tuple[int, int]]  # (x, y) in thousandths of the photo's width and height


@dataclass(frozen=True)
class Scene:
    """A photo and what is taken out of it."""

    path: str  # below PACKAGES
    line: Points | None = None  # a stroke along these points ...
    width: int = 0  # ... of this width, px of the photo as it is filled
    outline: Points | None = None  # or an object, by its outline


def _lomiri(name: str) -> str:
    return f"{LOMIRI}/{name}.jpg"


def _plasma(name: str) -> str:
    return f"{PLASMA}/{name}/contents/images/2560x1600.jpg"


SCENES = {
    "cables": Scene(
        _lomiri("Bridge_by_Sander_Klootwijk"), line=[(485, 0), (625, 550), (765, 1000)], width=220
    ),
    "dragonfly": Scene(
        _lomiri("Dragonfly_by_Bolly"),
        outline=[
            (420, 400), (450, 320), (560, 310), (620, 320), (800, 420), (640, 470), (480, 530),
        ],
    ),
    "bottle": Scene(
        _lomiri("Wine_by_Jakkub_Mede"),
        outline=[
            (475, 110), (515, 110), (520, 180), (535, 210), (535, 340), (455, 340), (455, 210),
        ],
    ),
    "fir": Scene(
        _lomiri("aitzgorri_by_Aitzol_Berasategi"),
        outline=[(745, 360), (800, 560), (790, 610), (695, 610), (690, 560)],
    ),
    "bird": Scene(
        _lomiri("free_by_Peter_Nerlich"),
        outline=[
            (240, 640), (400, 670), (490, 630), (640, 570), (660, 590), (580, 700), (560, 860),
            (470, 870), (400, 810), (410, 760), (250, 720),
        ],
    ),
    "boards": Scene(
        _lomiri("friends_by_Aitzol_Berasategi"), line=[(0, 900), (400, 920), (1000, 880)], width=140
    ),
    "clock hand": Scene(
        _lomiri("greentock_by_Peter_Nerlich"), line=[(380, 70), (660, 450)], width=60
    ),
    "trunk": Scene(
        _lomiri("life_by_Aitzol_Berasategi"), line=[(835, 0), (860, 280), (880, 560)], width=220
    ),
    "meadow": Scene(
        _lomiri("picosdeeuropa_by_Aitzol_Berasategi"), line=[(550, 700), (950, 850)], width=200
    ),
    "seeds": Scene(
        _lomiri("seeding_by_Clements_Engelhardt"),
        outline=[
            (745, 700), (820, 670), (885, 720), (895, 800), (840, 890), (770, 880), (745, 800),
        ],
    ),
    "heath": Scene(
        _lomiri("sunset_by_Aitzol_Berasategi"), line=[(100, 900), (450, 720)], width=300
    ),
    "nuthatch": Scene(
        _lomiri("Kleiber_by_Lukas_Baubkus"),
        outline=[
            (395, 320), (430, 350), (490, 550), (550, 620), (540, 650), (440, 670), (405, 640),
        ],
    ),
    "ladybird": Scene(
        f"{LOMIRI}/mate/nature/LadyBird.jpg",
        outline=[
            (650, 490), (680, 430), (730, 430), (760, 490), (750, 560), (700, 580), (655, 550),
        ],
    ),
    "groove": Scene(
        f"{LOMIRI}/mate/nature/Wood.jpg", line=[(200, 700), (450, 400), (600, 150)], width=150
    ),
    "planks": Scene(_plasma("BytheWater"), line=[(300, 950), (700, 520)], width=180),
    "cups": Scene(_plasma("ColorfulCups"), line=[(250, 150), (700, 850)], width=100),
    "boat": Scene(
        _plasma("EveningGlow"),
        outline=[(300, 490), (380, 480), (440, 600), (420, 690), (370, 690), (310, 610)],
    ),
    "kite": Scene(
        _plasma("Kite"),
        outline=[(630, 290), (680, 290), (725, 330), (690, 380), (655, 430), (635, 410)],
    ),
    "moss": Scene(
        _plasma("OneStandsOut"),
        outline=[(590, 480), (640, 440), (700, 460), (710, 530), (660, 580), (600, 550)],
    ),
    "forest": Scene(_plasma("Path"), line=[(445, 0), (455, 350), (445, 720)], width=200),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill twenty large photos and cut crops out.")
    parser.add_argument("packages", type=Path, help="folder with the unpacked Debian packages")
    parser.add_argument("out", type=Path, help="folder for the crops")
    parser.add_argument("--weights", help="weight file; default: the shipped one")
    parser.add_argument("--only", nargs="+", choices=SCENES, metavar="NAME", help="these photos")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    inpainter = Inpainter.load(arguments.weights) if arguments.weights else Inpainter.load()
    peers = [CLASSICAL[name]() for name in PEERS]
    cv2.setRNGSeed(0)
    for name in arguments.only or SCENES:
        photo = _photo(arguments.packages / SCENES[name].path)
        hole = _hole(SCENES[name], photo.shape[:2])
        views = [photo, marked(photo, hole)]
        seconds = []
        for fill in (
            partial(inpainter.fill, style="plain"),
            *(partial(_fill_around, peer) for peer in peers),
            inpainter.fill,
        ):
            started = time.perf_counter()
            views.append(fill(photo, hole))
            seconds.append(f"{time.perf_counter() - started:.1f}")
        _save_crops(views, hole, arguments.out / name.replace(" ", "-"))
        height, width = hole.shape
        print(
            f"{name}: {width}x{height} px, hole {hole.sum() / 1e3:.0f} thousand px, "
            f"network, {', '.join(PEERS)}, natural: {', '.join(seconds)} s",
            flush=True,
        )


def _photo(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        photo = np.asarray(image.convert("RGB"))
    height, width = photo.shape[:2]
    scale = min(1.0, (LARGEST / (height * width)) ** 0.5)
    size = int(width * scale), int(height * scale)
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo


def _hole(scene: Scene, size: tuple[int, int]) -> np.ndarray:
    drawn = np.zeros(size, np.uint8)
    scale = np.array([size[1], size[0]]) / 1000
    if scene.line:
        cv2.polylines(drawn, [(scene.line * scale).astype(np.int32)], False, 1, scene.width)
    if scene.outline:
        cv2.fillPoly(drawn, [(scene.outline * scale).astype(np.int32)], 1)
    return drawn > 0


def _fill_around(peer: Fill, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    rows, columns = (_around(hole.any(axis=axis), CONTEXT) for axis in (1, 0))
    filled = photo.copy()
    filled[rows, columns] = peer(photo[rows, columns], hole[rows, columns])
    return filled


def _around(used: np.ndarray, margin: int) -> slice:
    """From the first to the last used place and `margin` more at both ends."""
    places = np.flatnonzero(used)
    return slice(max(0, places[0] - margin), min(len(used), places[-1] + 1 + margin))


def _save_crops(views: list[np.ndarray], hole: np.ndarray, stem: Path) -> None:
    whole = [_around(hole.any(axis=axis), 60) for axis in (1, 0)]
    places = np.argwhere(hole)
    # The hole's pixel nearest its middle: the middle itself may lie outside of it.
    middle = places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    full = [
        slice(start, start + CROP)
        for start in np.clip(middle - CROP // 2, 0, np.array(hole.shape) - CROP)
    ]
    _grid([view[full[0], full[1]] for view in views]).save(stem.with_suffix(".png"))
    smaller = []
    for view in views:
        crop = Image.fromarray(view[whole[0], whole[1]])
        crop.thumbnail((WHOLE, WHOLE), Image.Resampling.LANCZOS)
        smaller.append(np.asarray(crop))
    _grid(smaller).save(stem.with_name(stem.name + "-whole.png"))


def _grid(views: list[np.ndarray]) -> Image.Image:
    rows = [np.concatenate(views[:3], axis=1), np.concatenate(views[3:], axis=1)]
    return Image.fromarray(np.concatenate(rows))


if __name__ == "__main__":
    main()

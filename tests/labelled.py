"""Small labelled pictures: class `red` is reddish, `blue` bluish."""

import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (60, 60, 200), "red": (200, 60, 60)}


def write_tree(root: Path, *, count: int = 8, seed: int = 0) -> Path:
    """`count` pictures of each class, 40x48 pixels, as root/red/red_00000001.png."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            noise = rng.integers(-50, 50, (40, 48, 3))
            picture = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(root / name / f"{name}_{number:08d}.png")
    return root


def write_tar(tree: Path, path: Path) -> Path:
    """The pictures of a tree in one tar, without folders."""
    with tarfile.open(path, "w") as tar:
        for picture in sorted(tree.rglob("*.png")):
            tar.add(picture, picture.name)
    return path

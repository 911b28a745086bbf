"""A tiny network and folders of pictures, shared by the tests of `inpaint.batch` and the CLI."""

import json
from pathlib import Path

import numpy as np
import torch
from pictures import scene
from PIL import Image

from inpaint.checkpoints.weights import save_weights
from inpaint.cli import main
from inpaint.models.unet import PConvUNet, UNetConfig


def tiny_weights(path):
    torch.manual_seed(0)
    save_weights(PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3))), path)
    return str(path)


def tiny_tiled_weights(path):
    """Of a small network that is made for small holes, so that small photos are tiled."""
    torch.manual_seed(0)
    tiling = {"hole_radius": 10, "min_side": 32, "max_side": 64}
    network = PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3)))
    with torch.no_grad():
        network.decoder[-1].conv.weight *= 0.2  # to colours, as those of a trained network
    save_weights(network, path, notes={"tiling": tiling})
    return path


def put_image(path, height=48, width=64, seed=0, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.roll(scene(height, width), seed, 1)).save(path, **options)
    return path


def put_mask(path, height=48, width=64, box=(10, 12, 30, 28)):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((height, width), np.uint8)
    top, left, bottom, right = box
    mask[top:bottom, left:right] = 255
    Image.fromarray(mask).save(path)
    return path


def fill(*arguments, weights):
    """Exit code of `inpaint fill`."""
    return main(["fill", *map(str, arguments), "--weights", weights, "--device", "cpu"])


def report_of(path):
    """The records of a report by the names of their pictures."""
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return {Path(row["image"]).name: row for row in rows}


def files_below(folder):
    """Bytes of all pictures below a folder by relative path."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name != "report.jsonl"
    }

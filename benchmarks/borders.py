"""Errors at the borders of tiles with zero, partial and reflect padding, in dB and as a picture.

    python benchmarks/borders.py --root PICTURES --picture docs/borders.jpg

A network runs on a whole image of 256 px, which is the truth, and on its four quarters one by
one. Differences beside the seams between the quarters come from the padding, and from what a
quarter does not show. Two networks, neither trained again after the change of its padding: VGG-16
to relu3_3, trained with zeros, and the shipped U-Net, trained with partial padding, which its last
level keeps in all modes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.checkpoints.vgg import VGG16
from inpaint.checkpoints.weights import find_weights, load_network
from inpaint.data import open_source
from inpaint.data.crops import center_square
from inpaint.masks import fixed_hole
from inpaint.models import unet_blocks
from inpaint.models.partial_conv import partial_conv
from inpaint.padding import convert

EXAMPLES = Path(__file__).parents[1] / "examples"
SIDE, TILE = 256, 128
MODES = ("zeros", "partial", "reflect")
BANDS = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))  # px from the nearest seam
LEVEL = 2  # of VGG: relu3_3, at a quarter of the image's size

Run = Callable[[Tensor, Tensor], Tensor]  # image (1, 3, H, W) and valid (1, 1, H, W) to features


def padded_partial_conv(mode: str) -> Callable[..., Any]:
    """partial_conv whose padding is known: zeros, or a reflection of features and mask."""

    def run(x: Tensor, weight: Tensor, bias: Tensor | None, valid: Tensor, **settings: Any) -> Any:
        bottom, right = settings.pop("padding", (0, 0))
        sides = (right, right, bottom, bottom)
        if mode == "reflect" and min(x.shape[2:]) > max(bottom, right):
            x, valid = F.pad(x, sides, mode="reflect"), F.pad(valid, sides, mode="reflect")
        else:
            x, valid = F.pad(x, sides), F.pad(valid, sides, value=1.0)
        return partial_conv(x, weight, bias, valid, **settings)

    return run


def vgg_with(mode: str) -> Run:
    network = VGG16()
    convert(network, mode, warn=False)  # type: ignore[arg-type]
    return lambda image, _: network.scaled_activations(image)[LEVEL]


def unet_with(mode: str) -> Run:
    network = load_network(find_weights("places2-compact"))

    def run(image: Tensor, valid: Tensor) -> Tensor:
        if mode == "partial":
            return network(image, valid).clamp(0, 1)
        with patch.object(unet_blocks, "partial_conv", padded_partial_conv(mode)):
            return network(image, valid).clamp(0, 1)

    return run


def by_quarters(run: Run, image: Tensor, valid: Tensor) -> Tensor:
    """What a network gives for the four quarters, put together."""
    rows = []
    for top in (0, TILE):
        tiles = [
            run(image[..., top : top + TILE, left : left + TILE],
                valid[..., top : top + TILE, left : left + TILE])
            for left in (0, TILE)
        ]  # fmt: skip
        rows.append(torch.cat(tiles, 3))
    return torch.cat(rows, 2)


def seam_distance(side: int) -> Tensor:
    """Distance of each position to the nearest seam, (side, side), in px of the image."""
    axis = ((torch.arange(side) + 0.5) * SIDE / side - TILE).abs()
    return torch.minimum(axis[:, None], axis[None])


@torch.no_grad()
def measure(
    make: Callable[[str], Run], samples: Sequence[tuple[Tensor, Tensor]], in_hole: bool
) -> dict[str, list[float]]:
    """Signal over error in dB for each band, by mode; of the hole only, or of all positions.

    The truth is each mode's own output for the whole image, which has no seams.
    """
    found = {}
    for mode in MODES:
        run = make(mode)
        signal, error = torch.zeros(len(BANDS)), torch.zeros(len(BANDS))
        for image, valid in samples:
            truth, tiled = run(image, valid), by_quarters(run, image, valid)
            distance = seam_distance(truth.shape[2])
            counted = valid[0, 0] == 0 if in_hole else torch.ones_like(distance, dtype=torch.bool)
            for number, (low, high) in enumerate(BANDS):
                band = (distance >= low) & (distance < high) & counted
                signal[number] += truth[0, :, band].square().sum()
                error[number] += (tiled - truth)[0, :, band].square().sum()
        found[mode] = (10 * torch.log10(signal / error)).tolist()
    return found


def picture(path: Path, image: Tensor, valid: Tensor) -> None:
    """Write two rows: the input and VGG's errors by mode; the whole fill and fills by quarters."""
    errors = [(by_quarters(run, image, valid) - run(image, valid)).abs().mean(1)[0]
              for run in map(vgg_with, MODES)]  # fmt: skip
    largest = torch.stack(errors).max()
    heat = [
        cv2.applyColorMap((255 * (error / largest).sqrt()).byte().numpy(), cv2.COLORMAP_INFERNO)
        for error in errors
    ]
    heat = [cv2.resize(h, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) for h in heat]
    whole = unet_with("partial")(image, valid)
    fills = [whole, *(by_quarters(unet_with(mode), image, valid) for mode in MODES)]
    damaged = image * valid + (1 - valid)

    def bgr(x: Tensor) -> np.ndarray:
        return (x[0].permute(1, 2, 0).numpy()[..., ::-1] * 255).round().astype(np.uint8)

    rows = [[bgr(damaged), *heat], [bgr(torch.where(valid > 0, image, f)) for f in fills]]
    gap = np.full((SIDE, 6, 3), 255, np.uint8)
    lines = [np.concatenate([part for p in row for part in (p, gap)][:-1], 1) for row in rows]
    sheet = np.concatenate([lines[0], np.full((6, lines[0].shape[1], 3), 255, np.uint8), lines[1]])
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


def decibels(value: float) -> str:
    return "exact" if value == float("inf") else f"{value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=str(EXAMPLES), help="folder or tar file of pictures")
    parser.add_argument("--count", type=int, default=24, help="pictures at most (24)")
    parser.add_argument("--picture", type=Path, help="JPEG file to write")
    options = parser.parse_args()
    kind = "wds" if options.root.endswith(".tar") else "folder"
    source = open_source(kind, options.root)
    samples = []
    count = min(options.count, len(source))
    for number in range(count):
        square = center_square(source.load(number * len(source) // count), SIDE)
        hole = fixed_hole((SIDE, SIDE), number, seed=0, bucket=2 + number % 3)
        image = torch.from_numpy(square).permute(2, 0, 1)[None] / 255
        samples.append((image, torch.from_numpy(~hole)[None, None].float()))
    print(f"| network | padding | {' | '.join(f'{low} to {high} px' for low, high in BANDS)} |")
    print(f"|---|---|{'---:|' * len(BANDS)}")
    for name, make, in_hole in (("VGG-16", vgg_with, False), ("U-Net", unet_with, True)):
        for mode, values in measure(make, samples, in_hole).items():
            print(f"| {name} | {mode} | {' | '.join(map(decibels, values))} |")
    if options.picture:
        with torch.no_grad():
            picture(options.picture, *samples[0])


if __name__ == "__main__":
    main()

"""From the network's picture of a region to its fill: rim led on, refined, detail added."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
import torch

from inpaint.inference.boundary import continue_edges
from inpaint.inference.compositing import rgb
from inpaint.inference.refinement import refine, room
from inpaint.inference.tiling import Rectangle, Region, Tile, grown, relative
from inpaint.models.refiner import Refiner
from inpaint.texture.synthesis import add_detail

Detail = Literal["auto", "soft", "sharp", "off"]

# px of a picture, as many as 1024x1024 has, above which the network's blur would be seen
_LARGE = 2**20
_BESIDE = 4  # px around a region that its rim depends on


def check_detail(detail: str) -> None:
    """Raise ValueError for anything but the values of Detail."""
    if detail not in get_args(Detail):
        raise ValueError(f"detail must be one of {', '.join(get_args(Detail))}, got {detail!r}")


def finish_region(
    filled: np.ndarray,
    colours: np.ndarray,
    known: np.ndarray,
    region: Region,
    *,
    edges: bool,
    refiner: Refiner | None,
    detail: Detail,
    seed: int,
    device: torch.device,
) -> np.ndarray:
    """The fill of a region's box, (h, w, 3) float32 in [0, 1], as it goes into the picture.

    filled: the network's, of the same shape. colours: the picture, (H, W) or (H, W, C). known:
    (H, W) bool. edges: lead the rim on, see continue_edges, and refine what comes of it if there
    is a refiner. detail: see add_detail; "soft" and "sharp" are its two ways, "auto" is sharp in
    large pictures and soft in others, "off" none.
    """
    if edges:
        filled = _with_edges(filled, colours, known, region, refiner, device)
    if detail != "off":
        sharp = detail == "sharp" or (detail == "auto" and known.size > _LARGE)
        for tile in region.tiles:
            filled = _with_detail(filled, colours, known, region, tile, sharp, seed, device)
    return filled


def _with_edges(
    filled: np.ndarray,
    colours: np.ndarray,
    known: np.ndarray,
    region: Region,
    refiner: Refiner | None,
    device: torch.device,
) -> np.ndarray:
    frame = grown(region.box, _BESIDE if refiner is None else room(refiner), known.shape)
    inner = relative(region.box, frame)
    mask = np.where(known[frame], 0, 2).astype(np.uint8)
    mask[inner][region.mask] = 1
    image = rgb(colours[frame])
    fill = image.copy()
    fill[inner][region.mask] = filled[region.mask]
    plate = continue_edges(image, mask, fill).clip(0, 1)
    if refiner is not None:
        strange = mask == 2
        _cover(fill, strange)
        plate[strange] = fill[strange]
        plate = refine(refiner, fill, plate, mask, device)
    return plate[inner]


def _with_detail(
    filled: np.ndarray,
    colours: np.ndarray,
    known: np.ndarray,
    region: Region,
    tile: Tile,
    sharp: bool,
    seed: int,
    device: torch.device,
) -> np.ndarray:
    """Detail for what lies in a tile's inner part, from what the network saw of the picture."""
    frame = tile.outer
    picture, mask = rgb(colours[frame]), np.where(known[frame], 0, 2).astype(np.uint8)
    # The region's box may reach out of the frame, and the frame out of the box.
    shared = _overlap(region.box, frame)
    here, there = relative(shared, frame), relative(shared, region.box)
    own = region.mask[there]
    picture[here][own] = filled[there][own]
    strange = mask == 2
    strange[here] &= ~own
    _cover(picture, strange)
    inner = relative(tile.inner, frame)
    mask[inner][region.mask[relative(tile.inner, region.box)]] = 1
    if not (mask == 1).any():
        return filled
    result = filled.copy()
    done = add_detail(picture, mask, sharp=sharp, seed=seed, device=device)
    result[there][own] = done[here][own]
    return result


def _overlap(one: Rectangle, other: Rectangle) -> Rectangle:
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns


def _cover(picture: np.ndarray, strange: np.ndarray) -> None:
    """Give pixels that nobody knows, (H, W) bool, the colour of the nearest other one."""
    if not strange.any() or strange.all():
        return
    _, labels = cv2.distanceTransformWithLabels(
        strange.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((labels.max() + 1, 3), picture.dtype)
    colours[labels[~strange]] = picture[~strange]
    picture[strange] = colours[labels[strange]]

"""Large images in bounded memory: scaling beside OpenCV's, bands, tiles of texture."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from inpaint import Inpainter
from inpaint.inference import inpainter as inpainter_module
from inpaint.inference import pipeline, region_fill, scaling
from inpaint.inference.region_fill import RegionFill
from inpaint.inference.scaling import Enlarged, downscale
from inpaint.inference.sources import nearest_block
from inpaint.inference.tiling import Region, Tile
from inpaint.utils.rectangles import relative


def photo(height, width, seed=0):
    """Soft shapes and grain, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 40 + 2, width // 40 + 2, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (soft + rng.normal(0, 8, soft.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("factor", [1.0, np.sqrt(2), 2.0, 5.7])
@pytest.mark.parametrize("kind", ["rgb", "gray", "deep", "float"])
def test_a_large_image_is_made_smaller_as_a_small_one(factor, kind, monkeypatch):
    colours = photo(211, 340)
    colours = {
        "rgb": colours,
        "gray": colours[..., 0],
        "deep": colours.astype(np.uint16) * 257,
        "float": colours / np.float32(255),
    }[kind]
    known = np.ones((211, 340), bool)
    known[20:90, 50:200] = known[3:200, 231:240] = False
    image, valid = downscale(colours, known, factor)
    monkeypatch.setattr(scaling, "MOST_PIXELS", 100)
    other, other_valid = downscale(colours, known, factor)
    assert image.shape == other.shape == (round(211 / factor), round(340 / factor), 3)
    assert other.dtype == image.dtype == np.float32
    assert (valid != other_valid).mean() < 2e-3  # shares of a half
    seen = (valid > 0) & (other_valid > 0)
    assert np.abs(image - other)[seen].max() < 1e-5


def test_nan_counts_as_black_at_any_size(monkeypatch):
    colours, known = np.full((60, 80, 3), 0.5, np.float32), np.ones((60, 80), bool)
    colours[10:20, 10:20] = np.nan
    image, _ = downscale(colours, known, 2.0)
    monkeypatch.setattr(scaling, "MOST_PIXELS", 100)
    assert np.abs(downscale(colours, known, 2.0)[0] - image).max() < 1e-6


def test_parts_of_an_enlarged_image_are_those_of_opencv(monkeypatch):
    small = photo(31, 44).astype(np.float32) / 255
    whole = cv2.resize(small, (1000, 700), interpolation=cv2.INTER_CUBIC)
    monkeypatch.setattr(scaling, "MOST_PIXELS", 1000)
    enlarged = Enlarged(small, (700, 1000))
    for rows, columns in ((0, 700), (0, 1000)), ((13, 200), (7, 990)), ((690, 700), (0, 5)):
        part = (slice(*rows), slice(*columns))
        assert np.abs(enlarged.part(part) - whole[part]).max() < 1e-5


def test_a_region_holds_the_colours_of_its_hole_only():
    rng = np.random.default_rng(0)
    mask, image = rng.random((40, 57)) > 0.5, rng.random((40, 57, 3), np.float32)
    box = (slice(5, 45), slice(3, 60))
    region = Region.of(1.0, box, mask, [])
    assert (region.mask == mask).all() and region.area == mask.sum()
    fill = RegionFill(region)
    fill.put((slice(0, 40), slice(0, 57)), image)
    assert (fill.colours == image[mask]).all()
    assert (fill.rows(slice(7, 19)) == image[7:19][mask[7:19]]).all()
    part = (slice(10, 30), slice(20, 50))
    pasted = np.zeros((20, 30, 3), np.float32)
    fill.paste(part, pasted)
    assert (pasted == np.where(mask[part][..., None], image[part], 0)).all()
    sums = np.zeros(len(fill.colours), np.float32)
    fill.add(part, image[part], np.full((20, 30), 2, np.float32), sums)
    expected = image.copy()
    expected[part] *= 3
    assert np.allclose(fill.colours, expected[mask])
    assert sums.sum() == 2 * mask[part].sum()


def test_parts_hold_all_of_a_hole_and_are_trimmed():
    mask = np.zeros((1000, 900), bool)
    for y in range(1000):
        mask[y, y * 8 // 10 : y * 8 // 10 + 30] = True
    fill = RegionFill(Region.of(1.0, (slice(50, 1050), slice(7, 907)), mask, []))
    parts = fill.parts(1)
    found = np.zeros((1100, 1000), bool)
    for rows, columns in parts:
        assert rows.stop - rows.start <= 256
        assert columns.stop - columns.start < 256 + 30
        found[rows, columns] = True
    assert found[50:1050, 7:907][mask].all()


def test_a_large_hole_is_filled_in_bands_as_in_one_piece(monkeypatch):
    image = photo(520, 400)
    hole = np.zeros((520, 400), np.uint8)
    cv2.line(hole, (60, 40), (340, 480), 1, 30)
    hole = hole > 0
    inpainter = Inpainter.load(device="cpu", style="plain")
    whole = inpainter.fill(image, hole)
    for module in (pipeline, region_fill, scaling, inpainter_module):
        monkeypatch.setattr(module, "MOST_PIXELS", 20_000)
    parts = inpainter.fill(image, hole)
    assert (parts[~hole] == image[~hole]).all()
    difference = np.abs(parts.astype(int) - whole)[hole]
    # The equations of the boundary band are solved to about a level.
    assert difference.mean() < 1 and difference.max() <= 6
    assert (parts != image)[hole].any()


def test_a_tile_that_sees_nothing_known_copies_from_the_nearest_block(monkeypatch):
    rng = np.random.default_rng(0)
    known = np.ones((640, 1600), bool)
    known[:, 500:] = False
    context = (slice(0, 400), slice(1100, 1500))
    block = nearest_block([(known, True)], context)
    assert block == (slice(0, 400), slice(block[1].start, block[1].start + 200))
    assert 250 <= block[1].start <= 330  # nearly all known, and nearest to the tile
    forbidden = np.zeros_like(known)
    forbidden[:, 200:500] = True
    other = nearest_block([(known, True), (forbidden, False)], context)
    assert other[1].stop <= 200 + 32
    assert nearest_block([(~np.ones_like(known), True)], context) is None

    image = rng.integers(0, 256, (640, 1600, 3)).astype(np.uint8)  # grain to be copied
    finishing = pipeline.Finishing(None, None, "natural", 0, torch.device("cpu"))
    hole = ~known
    region = Region.of(8.0, (slice(0, 640), slice(500, 1600)), hole[:, 500:], [])
    tile = Tile(context, (slice(100, 300), slice(1200, 1400)))
    region = dataclasses.replace(region, tiles=[tile])
    fill = RegionFill(region)
    fill.colours[:] = 0.5
    finishing.add_texture(fill, image, known, region, 0)
    assert fill.colours.std() == 0  # too small to look elsewhere: the fill stays
    monkeypatch.setattr(pipeline, "_ALONE", 1000)
    finishing.add_texture(fill, image, known, region, 0)
    pasted = np.full((200, 200, 3), 0.5, np.float32)
    fill.paste(relative(tile.core, region.box), pasted)
    assert pasted.std() > 0.1
    around = np.zeros(fill.mask.shape, bool)
    around[relative(tile.core, region.box)] = True
    assert (fill.colours[~around[fill.mask]] == 0.5).all()


def test_texture_of_a_very_large_region_is_found_in_small_tiles(monkeypatch):
    monkeypatch.setattr(pipeline, "_MOST_TEXTURED", 10_000)
    monkeypatch.setattr(pipeline, "_TEXTURE_TILES", {"natural": (64, 16), "faithful": (40, 8)})
    box = (slice(30, 170), slice(20, 220))
    whole = (slice(0, 200), slice(0, 240))
    small = Tile((slice(0, 50), slice(0, 50)), (slice(30, 40), slice(20, 30)))
    region = Region.of(1.0, box, np.ones((140, 200), bool), [small, Tile(whole, box)])
    for style, side, margin in (("natural", 64, 16), ("faithful", 40, 8)):
        finishing = pipeline.Finishing(None, None, style, 0, torch.device("cpu"))
        first, *tiles = finishing.texture_tiles(region, (200, 240)).tiles
        assert first is small
        covered = np.zeros((200, 240), int)
        for tile in tiles:
            covered[tile.core] += 1
            for seen, core, limit in zip(tile.context, tile.core, (200, 240), strict=True):
                assert core.stop - core.start <= side
                assert seen.start == max(0, core.start - margin)
                assert seen.stop == min(limit, core.stop + margin)
        assert (covered[box] == 1).all() and covered.sum() == covered[box].sum()

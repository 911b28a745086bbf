import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.inference.planning import plan_regions
from inpaint.inference.tiling import TilingConfig, tile_weights
from inpaint.utils.distance import hole_depth

CONFIG = TilingConfig(hole_radius=20, min_side=64, max_side=256)
ALL_BY_NETWORK = replace(CONFIG, thin_radius=0)


def hole_with(size, *rectangles):
    hole = np.zeros(size, bool)
    for top, left, bottom, right in rectangles:
        hole[top:bottom, left:right] = True
    return hole


def length(span):
    return span.stop - span.start


def test_no_hole_needs_no_region():
    assert plan_regions(np.zeros((40, 50), bool), CONFIG) == []


@pytest.mark.parametrize("seed", range(6))
def test_every_hole_pixel_is_in_exactly_one_mask_and_one_tile(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(30, 900, 2))
    hole = rng.random(size) < 0.001
    for _ in range(5):
        top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
        hole[top : top + rng.integers(1, 300), left : left + rng.integers(1, 300)] = True
    filled = np.zeros(size, int)
    for region in plan_regions(hole, CONFIG):
        filled[region.box] += region.mask
        covered = np.zeros(size, bool)
        for tile in region.tiles:
            covered[tile.core] = True
            for outer, inner, limit in zip(tile.context, tile.core, size, strict=True):
                assert 0 <= outer.start <= inner.start < inner.stop <= outer.stop <= limit
        assert covered[region.box].all() or not region.tiles
    assert (filled == hole).all()


def test_thickness_decides_the_scale_and_not_extent():
    wire = plan_regions(hole_with((2000, 2000), (1000, 0, 1006, 2000)), CONFIG)
    assert [region.factor for region in wire] == [1.0]
    (disk,) = plan_regions(hole_with((2000, 2000), (900, 900, 1060, 1060)), CONFIG)
    assert disk.factor == pytest.approx(4.0)  # 80 pixels deep where 20 can be bridged


def test_thin_holes_are_filled_before_thick_ones():
    hole = hole_with((600, 600), (0, 0, 200, 200), (400, 400, 410, 410))
    factors = [region.factor for region in plan_regions(hole, CONFIG)]
    assert factors == sorted(factors) and factors[0] == 1.0


def test_no_tile_is_larger_than_the_network_may_see():
    hole = hole_with((3000, 4000), (100, 50, 2900, 90), (1500, 0, 1530, 4000))
    for region in plan_regions(hole, CONFIG):
        for tile in region.tiles:
            assert max(map(length, tile.context)) <= CONFIG.max_side * region.factor


def test_a_small_hole_is_seen_with_its_surroundings():
    (region,) = plan_regions(hole_with((500, 500), (250, 250, 252, 252)), ALL_BY_NETWORK)
    (tile,) = region.tiles
    assert [length(span) for span in tile.context] == [CONFIG.min_side] * 2


def test_context_moves_inwards_at_the_border():
    (region,) = plan_regions(hole_with((500, 500), (0, 490, 10, 500)), CONFIG)
    assert region.tiles[0].context == (slice(0, 64), slice(436, 500))


def test_neighbouring_specks_share_a_region():
    specks = [(y, x, y + 1, x + 1) for y in (0, 9, 18) for x in (0, 9, 18)]
    assert len(plan_regions(hole_with((300, 300), *specks), ALL_BY_NETWORK)) == 1


def test_holes_share_tiles_where_that_is_less_work():
    spots = [(y, x, y + 12, x + 12) for y in range(0, 480, 48) for x in range(0, 480, 48)]
    regions = plan_regions(hole_with((500, 500), *spots), CONFIG)
    seen = sum(
        length(rows) * length(columns)
        for region in regions
        for rows, columns in (tile.context for tile in region.tiles)
    )
    assert seen < 0.7 * len(spots) * CONFIG.min_side**2
    far = plan_regions(hole_with((900, 900), (0, 0, 12, 12), (880, 880, 892, 892)), CONFIG)
    assert len(far) == 2


def test_thin_holes_need_no_network():
    hole = hole_with((700, 900), (300, 10, 303, 890), (10, 10, 13, 13), (400, 400, 440, 440))
    regions = plan_regions(hole, CONFIG)
    assert [bool(region.tiles) for region in regions] == [False] * (len(regions) - 1) + [True]
    specks = [region for region in regions if not region.refined]
    assert sum(region.mask.sum() for region in specks) == 9
    lines = [region for region in regions[:-1] if region.refined]
    assert sum(region.mask.sum() for region in lines) == 3 * 880
    assert max(length(span) for region in lines for span in region.box) <= 256
    assert all(region.tiles for region in plan_regions(hole, ALL_BY_NETWORK))


@pytest.mark.parametrize("side", [1, 9])
def test_work_grows_with_the_image_and_not_with_the_number_of_specks(side):
    """64,000 specks of dust or small spots: a second or two, which a quadratic search exceeds."""
    hole = np.zeros((4096, 4096), bool)
    for y in range(4096 // 256):
        for x in range(4096 // 256):
            for row in range(8, 256, 16):
                for column in range(8, 256, 16):
                    top, left = 256 * y + row - side // 2, 256 * x + column - side // 2
                    hole[top : top + side, left : left + side] = True
    start = time.process_time()
    regions = plan_regions(hole, CONFIG)
    assert time.process_time() - start < 30
    assert len(regions) <= (4096 // 64) ** 2
    assert sum(region.mask.sum() for region in regions) == hole.sum()


def test_a_picture_that_is_all_hole_has_a_finite_scale():
    (region,) = plan_regions(np.ones((300, 200), bool), CONFIG)
    assert 1 <= region.factor < 40


def test_weights_fall_towards_the_border_of_a_tile():
    (region,) = plan_regions(hole_with((90, 90), (10, 10, 13, 15)), ALL_BY_NETWORK)
    tile = region.tiles[0]
    weights = tile_weights(tile, tile.core)
    part = (slice(tile.core[0].start + 1, tile.core[0].stop), tile.core[1])
    assert (tile_weights(tile, part) == weights[1:]).all()
    assert weights.tolist() == [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]


def test_a_config_that_cannot_tile_is_refused():
    with pytest.raises(ValueError, match="min_side <= max_side / 2"):
        TilingConfig(min_side=300, max_side=512)


def test_depth_does_not_depend_on_where_the_hole_lies_in_memory():
    hole = np.random.default_rng(0).random((97, 131)) > 0.002
    room = np.empty(hole.size + 64, bool)
    found = set()
    for offset in range(64):
        moved = room[offset : offset + hole.size].reshape(hole.shape)
        moved[:] = hole
        found.add(hole_depth(moved).tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("top, left", [(30, 40), (0, 0), (85, 100)])
def test_depth_does_not_depend_on_what_is_far_away(top, left):
    hole = np.zeros((97, 131), bool)
    hole[top : top + 12, left : left + 31] = np.random.default_rng(0).random((12, 31)) > 0.05
    hole[top : top + 12, left : left + 31] |= hole[top : top + 12, left : left + 31][::-1]
    inside, outside = np.argwhere(hole), np.argwhere(~hole)
    nearest = [np.square(outside - place).sum(1).min() ** 0.5 for place in inside]
    depth = hole_depth(hole)
    np.testing.assert_allclose(depth[hole], nearest, rtol=1e-6)
    assert not depth[~hole].any()
    assert not hole_depth(np.zeros((5, 7), bool)).any()


def test_a_slanted_stroke_is_seen_where_it_is():
    hole = np.zeros((1500, 2000), np.uint8)
    cv2.line(hole, (100, 100), (1900, 1400), 1, 40)
    hole = hole > 0
    (region,) = plan_regions(hole, TilingConfig())
    seen = sum(length(t.context[0]) * length(t.context[1]) for t in region.tiles)
    assert seen < 6e6  # a whole grid of tiles would see 22 million
    covered = np.zeros_like(hole)
    for tile in region.tiles:
        assert hole[tile.core].any()
        assert length(tile.context[0]) * length(tile.context[1]) <= 512**2
        covered[tile.core] = True
        inner, outer = tile.core, tile.context
        for axis, limit in ((0, 1500), (1, 2000)):  # known pixels on either side
            assert inner[axis].start - outer[axis].start >= min(128, inner[axis].start)
            assert outer[axis].stop - inner[axis].stop >= min(128, limit - inner[axis].stop)
    assert covered[hole].all()


def test_long_narrow_holes_take_few_tiles():
    (region,) = plan_regions(hole_with((1000, 4000), (480, 10, 520, 3990)), TilingConfig())
    assert len(region.tiles) <= 6
    for tile in region.tiles:
        assert length(tile.context[0]) * length(tile.context[1]) <= 512**2


def test_a_long_stroke_that_guides_texture_is_seen_small_along_its_way():
    hole = np.zeros((1500, 4000), np.uint8)
    cv2.polylines(hole, [np.array([(100, 100), (2000, 1300), (3900, 200)])], False, 1, 60)
    hole = hole > 0
    (plain,), (region,) = (plan_regions(hole, TilingConfig(), guiding=g) for g in (False, True))
    assert plain.factor == 1 and not plain.guiding
    assert region.factor == pytest.approx(8**0.5) and region.guiding
    assert (region.mask == plain.mask).all()
    covered = np.zeros_like(hole)
    for tile in region.tiles:
        covered[tile.core] = True
        for inner, outer, limit in zip(tile.core, tile.context, hole.shape, strict=True):
            assert length(outer) >= min(128 * region.factor, limit) - 1
            # An eighth of what the network sees at once, less what cores overlap.
            assert inner.start - outer.start >= min(100, inner.start)
            assert outer.stop - inner.stop >= min(100, limit - inner.stop)
    assert covered[hole].all()
    seen = [length(t.context[0]) * length(t.context[1]) / region.factor**2 for t in region.tiles]
    assert max(seen) <= 512**2 and sum(seen) < 1.1e6


def test_blobs_and_short_strokes_are_seen_as_large_where_their_fill_guides_texture():
    hole = hole_with((900, 900), (100, 100, 400, 400), (600, 100, 660, 700))
    found = [plan_regions(hole, TilingConfig(), guiding=g) for g in (False, True)]
    assert [r.factor for r in found[0]] == [r.factor for r in found[1]]
    assert [r.tiles for r in found[0]] == [r.tiles for r in found[1]]


def test_holes_far_apart_are_the_holes_of_one_image():
    far = [(10, 20, 40, 60), (15, 800, 30, 900), (700, 30, 720, 50), (690, 60, 740, 64)]
    regions = plan_regions(hole_with((900, 1000), *far), ALL_BY_NETWORK)
    boxes = {(r.box[0].start, r.box[1].start, r.box[0].stop, r.box[1].stop) for r in regions}
    assert far[0] in boxes and far[1] in boxes
    assert sum(int(region.mask.sum()) for region in regions) == 1200 + 1500 + 400 + 200

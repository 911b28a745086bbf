"""Coherent texture: what it makes of made images, and what it leaves alone."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from textures import box, level_of, noise

from inpaint.texture import natural
from inpaint.texture.features import Features
from inpaint.texture.max_flow import minimum_cut
from inpaint.texture.natural import synthesize
from inpaint.texture.nearest_neighbours import random_state
from inpaint.texture.pyramid import blur
from inpaint.texture.shift_map import find_shift_map
from inpaint.texture.upsampling import upsample


def tiles(size, period=12):
    """A random tile again and again: (H, W, 3) float32."""
    y, x = np.indices(size)
    return noise((period, period))[y % period, x % period]


def softened(image, hole, sigma=6.0):
    """The image as a network would fill it: blurred in the hole."""
    return np.where(hole[..., None], blur(image, sigma), image)


def nothing(hole):
    return np.zeros_like(hole)


def gray_energy(image, part):
    gray = image.mean(2)
    return np.square(np.diff(gray, axis=1))[part[:, 1:] & part[:, :-1]].sum()


def test_a_periodic_texture_is_continued():
    image, hole = tiles((120, 120)), box((120, 120), 45, 75, 40, 80)
    result = synthesize(softened(image, hole), hole, nothing(hole))
    assert np.abs(result - image)[hole].mean() < 0.03
    assert np.corrcoef(result[hole].ravel(), image[hole].ravel())[0, 1] > 0.99


def test_a_large_periodic_hole_is_continued_through_all_scales():
    image, hole = tiles((320, 320), period=16), box((320, 320), 90, 230, 100, 220)
    result = synthesize(softened(image, hole), hole, nothing(hole))
    assert np.abs(result - image)[hole].mean() < 0.02


@pytest.mark.parametrize("colour", [(0.3, 0.3, 0.3), (0.9, 0.2, 0.1)])
def test_a_flat_image_stays_exactly_flat(colour):
    image = np.broadcast_to(np.float32(colour), (80, 90, 3)).copy()
    hole = box((80, 90), 20, 60, 30, 70)
    fill = np.where(hole[..., None], image + np.float32(0.004), image)
    assert (synthesize(fill, hole, nothing(hole)) == image).all()


def test_a_gray_image_stays_gray():
    image = np.repeat(noise((90, 90)).mean(2, keepdims=True), 3, 2)
    hole = box((90, 90), 30, 60, 30, 60)
    result = synthesize(softened(image, hole), hole, nothing(hole))
    assert (result[..., 0] == result[..., 1]).all() and (result[..., 0] == result[..., 2]).all()


@pytest.mark.parametrize(
    "hole",
    [
        box((80, 100), 40, 41, 50, 51),
        box((80, 100), 0, 30, 60, 100),
        box((80, 100), 10, 80, 0, 90),
        box((80, 100), 40, 43, 0, 100),
        box((80, 100), 0, 80, 30, 60),
    ],
    ids=["one pixel", "corner", "most of it", "stroke", "across"],
)
def test_only_the_hole_changes_and_stays_in_range(hole):
    fill = softened(noise(hole.shape, low=0, high=1), hole)
    before = fill.copy()
    result = synthesize(fill, hole, nothing(hole))
    assert (fill == before).all()
    assert (result[~hole] == fill[~hole]).all()
    assert result.dtype == np.float32 and result.min() >= 0 and result.max() <= 1


def test_noise_around_a_soft_fill_comes_into_it():
    image, hole = noise((150, 150)), box((150, 150), 50, 100, 50, 100)
    fill = softened(image, hole)
    result = synthesize(fill, hole, nothing(hole))
    assert gray_energy(fill, hole) < 0.1 * gray_energy(image, hole)
    assert 0.7 < gray_energy(result, hole) / gray_energy(image, hole) < 1.3


def test_no_seam_is_seen_at_the_boundary_or_between_pieces():
    y, x = np.indices((150, 200)) / 200
    shade = np.repeat((0.3 + 0.4 * x + 0.1 * y)[..., None], 3, 2)
    image = (shade + 0.02 * (noise((150, 200)) - 0.5)).astype(np.float32)
    hole = box((150, 200), 40, 110, 50, 150)
    result = synthesize(softened(image, hole), hole, nothing(hole))
    largest = np.abs(np.diff(image, axis=1)).max()
    assert np.abs(np.diff(result, axis=1)).max() < 1.5 * largest
    assert np.abs(blur(result - image, 4.0)).max() < 0.03


def test_an_edge_that_the_fill_lacks_is_continued():
    image = np.full((160, 160, 3), 0.8, np.float32)
    image += 0.02 * (noise(image.shape[:2]) - 0.5)
    image[76:84] -= 0.6
    hole = box((160, 160), 55, 105, 60, 100)
    fill = image.copy()
    fill[hole] = 0.75
    result = synthesize(fill, hole, nothing(hole))
    assert result[78:82, 60:100].mean() < 0.45
    assert result[58:70, 65:95].mean() > 0.7


def test_excluded_pixels_are_not_copied():
    image = noise((120, 160), low=0.4, high=0.6)
    image[:, :60] *= [1.0, 0.3, 0.3]  # red on the left
    hole = box((120, 160), 30, 90, 70, 110)
    fill = softened(image, hole)
    fill[hole] = image[:, :60].mean((0, 1))
    exclude = np.zeros_like(hole)
    exclude[:, :60] = True
    copied = [synthesize(fill, hole, nothing(hole), mask) for mask in (None, exclude)]
    fine = [one - blur(one, 1.0) for one in copied]
    # Green is fainter than red on the left, alike on the right.
    ratio = [one[hole][:, 1].std() / one[hole][:, 0].std() for one in fine]
    assert ratio[0] < 0.65 < 0.85 < ratio[1]


def test_nothing_of_ignored_pixels_is_copied():
    image, hole = noise((100, 100), low=0.4, high=0.6), box((100, 100), 30, 70, 30, 70)
    ignore = box((100, 100), 0, 100, 75, 100)
    fill = softened(image, hole)
    fill[ignore] = noise((100, 100), low=0, high=1)[ignore]
    result = synthesize(fill, hole, ignore)[hole]
    assert result.max() < 0.75 and result.min() > 0.25


def test_seeds_choose_the_texture_and_repeat_it():
    image, hole = noise((120, 120)), box((120, 120), 40, 80, 40, 80)
    fill = softened(image, hole)
    first, again, other = (synthesize(fill, hole, nothing(hole), seed=s) for s in (3, 3, 4))
    assert (first == again).all() and (first != other).any()


def test_threads_do_not_change_a_byte():
    code = (
        "import sys, hashlib, cv2, numpy as np\n"
        "cv2.setNumThreads(int(sys.argv[1]))\n"
        "from inpaint.texture.natural import synthesize\n"
        "image = np.random.default_rng(0).random((200, 200, 3), np.float32)\n"
        "hole = np.zeros((200, 200), bool); hole[60:140, 50:150] = True\n"
        "image[hole] = 0.5\n"
        "filled = synthesize(image, hole, np.zeros_like(hole))\n"
        "print(hashlib.sha256(filled.tobytes()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, threads], check=True, capture_output=True, text=True
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1


def test_the_fill_stays_where_too_little_is_known():
    hole = box((60, 60), 0, 58, 0, 60)
    fill = noise((60, 60))
    assert (synthesize(fill, hole, nothing(hole)) == fill).all()


def test_without_a_hole_nothing_happens():
    image = noise((40, 40))
    hole = np.zeros((40, 40), bool)
    assert (synthesize(image, hole, nothing(hole)) == image).all()


def test_progress_rises():
    image, hole = noise((300, 300)), box((300, 300), 80, 220, 80, 220)
    shares = []
    synthesize(softened(image, hole), hole, nothing(hole), on_progress=shares.append)
    assert len(shares) >= 3 and shares == sorted(shares) and shares[0] > 0 and shares[-1] == 1


def test_long_strokes_go_without_graph_cuts(monkeypatch):
    monkeypatch.setattr(natural, "_MOST_PIXELS", 100)
    monkeypatch.setattr(natural, "find_shift_map", None)
    image, hole = tiles((120, 120)), box((120, 120), 50, 70, 10, 110)
    result = synthesize(softened(image, hole), hole, nothing(hole))
    assert gray_energy(result, hole) > 0.4 * gray_energy(image, hole)


def cut_cost(terminal, capacity, neighbours, side):
    cost = terminal[(terminal > 0) & side].sum() - terminal[(terminal < 0) & ~side].sum()
    for d, i in itertools.product(range(4), range(len(side))):
        if neighbours[d, i] >= 0 and not side[i] and side[neighbours[d, i]]:
            cost += capacity[d, i]
    return cost


@pytest.mark.parametrize("seed", range(10))
def test_a_minimum_cut_costs_least_of_all(seed):
    random = np.random.default_rng(seed)
    numbers = np.full((5, 5), -1, np.int32)
    numbers[1:4, 1:4] = np.arange(9).reshape(3, 3)
    sides = ((0, 1), (0, -1), (1, 0), (-1, 0))
    neighbours = np.stack(
        [numbers[1 + dy : 4 + dy, 1 + dx : 4 + dx].reshape(-1) for dy, dx in sides]
    )
    terminal = random.integers(-30, 30, 9)
    capacity = np.where(neighbours >= 0, random.integers(0, 20, (4, 9)), 0)
    found = minimum_cut(terminal.copy(), capacity.copy(), neighbours)
    every = (np.array(side) for side in itertools.product((False, True), repeat=9))
    least = min(cut_cost(terminal, capacity, neighbours, side) for side in every)
    assert cut_cost(terminal, capacity, neighbours, found) == least


def test_a_shift_map_copies_known_pixels_in_few_pieces():
    image, hole = tiles((60, 60)), box((60, 60), 20, 40, 20, 40)
    level = level_of(softened(image, hole), hole)
    fill, known = (Features(level, sigma) for sigma in (1.5, 0.7))
    offsets = find_shift_map(level, [fill], known, random_state(0))
    y, x = np.nonzero(hole)
    assert level.known[y + offsets[hole, 0], x + offsets[hole, 1]].all()
    assert (offsets[~hole] == 0).all()
    assert len(np.unique(offsets[hole], axis=0)) <= 12
    assert (offsets[hole] % 12 == 0).mean() > 0.9


def test_a_finer_shift_map_keeps_its_pieces():
    image, hole = tiles((80, 80)), box((80, 80), 30, 50, 30, 50)
    fine = level_of(image, hole)
    coarse = fine.halved()
    offsets = np.zeros((40, 40, 2), np.int16)
    offsets[coarse.hole] = (0, 12)
    found = upsample(offsets, fine, Features(coarse, 1.0), 1)
    assert (found[hole] == (0, 24)).all() and (found[~hole] == 0).all()


def test_halves_are_means_and_know_what_they_are_made_of():
    image = noise((5, 4))
    hole, ignore = box((5, 4), 0, 1, 0, 1), box((5, 4), 2, 3, 3, 4)
    half = level_of(image, hole, ignore=ignore).halved()
    assert half.size == (3, 2)
    np.testing.assert_allclose(half.image[0, 1], image[0:2, 2:4].mean((0, 1)), rtol=1e-6)
    np.testing.assert_allclose(half.image[2, 0], image[4:5, 0:2].mean((0, 1)), rtol=1e-6)
    gray = image[0:2, 2:4].mean(2)
    np.testing.assert_allclose(half.variance[0, 1], gray.var(), rtol=1e-4)
    assert half.hole.tolist() == [[True, False], [False, False], [False, False]]
    assert half.known.tolist() == [[False, True], [True, False], [True, True]]
    assert half.source.tolist() == [[False, True], [True, False], [False, False]]


def test_every_pixel_copies_a_source_however_little_is_known():
    size = (56, 56)
    image, hole = noise(size), box(size, 0, 56, 0, 56)
    hole[:15, :15] = False
    level = level_of(image, hole)
    offsets = find_shift_map(level, [Features(level, 1.5)], Features(level, 0.7), random_state(0))
    rows, columns = np.nonzero(hole)
    places = rows + offsets[rows, columns, 0], columns + offsets[rows, columns, 1]
    assert min(places[0].min(), places[1].min()) >= 0
    assert level.source[places].all()


def test_a_rest_of_an_object_beside_a_hole_leaves_no_haze():
    size = (120, 160)
    image = np.full((*size, 3), 0.05, np.float32) + noise(size, low=0, high=0.02)
    hole = box(size, 20, 80, 30, 130)
    image[80:84, 60:100] = 0.95  # left of an object that stood above it
    away = np.hypot(*(np.indices(size) - np.array([80, 80])[:, None, None]))
    haze = np.exp(-away / 15).astype(np.float32)[..., None]
    fill = np.where(hole[..., None], image + 0.9 * haze, image)
    result = synthesize(fill, hole, nothing(hole))
    assert np.percentile(result[hole], 95) < 0.1
    assert np.percentile(fill[hole], 95) > 0.3

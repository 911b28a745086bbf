"""Pieces put together: the equations, and what becomes of seams."""

import numpy as np
import pytest
from textures import box, noise

from inpaint.texture.gradient_blending import blend


@pytest.mark.parametrize("side", [24, 41])
def test_blending_solves_its_equations(side):
    size = (side, side)
    image, hole = noise(size, low=0.4, high=0.6), box(size, 8, size[0] - 8, 8, size[1] - 8)
    x = np.indices(size)[1]
    middle = size[1] // 2
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole, 1] = np.where(x < middle, x % 8 - x, size[1] - 8 + x % 8 - x)[hole]
    result = image.copy()
    blend(result, offsets, hole, ~hole, np.full(size, 3.0, np.float32))
    expected = solve_densely(image, hole, offsets, 3.0).clip(0, 1)
    assert np.abs(result[hole] - expected).max() < 0.002


def solve_densely(image, hole, offsets, length):
    """The colours that minimise the sum in gradient_blending, by dense least squares: (N, 3)."""
    number = {tuple(place): i for i, place in enumerate(np.argwhere(hole))}
    rows, values = [], []

    def copied(place, offset):
        v, u = (np.array(place) + offset).clip(0, np.array(hole.shape) - 1)
        return image[v, u].astype(float)

    def add(weights, value):
        rows.append(np.zeros(len(number)))
        for i, weight in weights.items():
            rows[-1][i] = weight
        values.append(value)

    for place, i in number.items():
        add({i: 1 / length}, image[place] / length)
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            other = (place[0] + dy, place[1] + dx)
            wanted = copied(place, offsets[place]) - copied(other, offsets[place])
            if other not in number:
                add({i: 1}, wanted + image[other])
            elif dy + dx > 0:  # each pair once
                theirs = copied(place, offsets[other]) - copied(other, offsets[other])
                mean, as_copied = (wanted + theirs) / 2, copied(place, offsets[place])
                as_copied -= copied(other, offsets[other])
                apart = mean - as_copied
                sources = place + offsets[place], other + offsets[other]
                contrast = np.maximum(*(contrast_at(image, source) for source in sources))
                edge = apart**2 / (apart**2 + 0.3**2)
                edge *= np.where(
                    edge > 0.01, np.minimum(4 * contrast / np.abs(apart).clip(1e-9), 1), 1
                )
                add({i: 1, number[other]: -1}, mean + edge * (as_copied - mean))
    return np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]


def contrast_at(image, place):
    """The largest difference of a pixel from those 2 px away, for each channel: (3,)."""
    around = np.array(place) + np.array([(-2, 0), (0, -2), (0, 2), (2, 0)])
    rows, columns = around.clip(0, np.array(image.shape[:2]) - 1).T
    return np.abs(image[rows, columns] - image[tuple(place)]).max(0)


def test_without_a_say_of_the_fill_a_piece_takes_the_colour_around_it():
    """A slanted hole, whose boundary coarse grids know only roughly; a piece without texture."""
    size = (420, 260)
    y, x = np.indices(size)
    image = np.full((*size, 3), 0.4, np.float32)
    image[:210] = 0.7
    hole = np.abs(0.7 * (y - 315) + 0.3 * (x - 130)) + np.abs(0.8 * (x - 130)) < 60
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole] = (-210, 0)
    blend(image, offsets, hole, ~hole, np.full(size, 1e4, np.float32))
    assert np.abs(image[hole] - 0.4).max() < 0.02


def test_two_pieces_of_unlike_colours_keep_the_edge_between_them():
    size = (60, 120)
    image = np.zeros((*size, 3), np.float32)
    image[:30] = 0.95
    hole = box(size, 10, 50, 20, 100)
    x = np.indices(size)[1]
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole, 1] = np.where(x < 60, -x, 119 - x)[hole]  # all of it is copied along the rows
    offsets[30:33, 20:100, 0] = -3  # but a strip of white, which nothing around it has
    result = image.copy()
    blend(result, offsets, hole, ~hole, np.full(size, 1e4, np.float32))
    assert result[31, 30:90].min() > 0.7
    assert result[36:50, 30:90].max() < 0.15


def test_pieces_of_unlike_colours_without_detail_are_blended_softly():
    size = (60, 160)
    image = np.full((*size, 3), 0.2, np.float32)
    image[:, 80:] = 0.8
    hole = box(size, 10, 50, 40, 120)
    x = np.indices(size)[1]
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole, 1] = np.where(x < 80, -35, 35)[hole]  # from 5 px and more away from the edge
    blend(image, offsets, hole, ~hole, np.full(size, 1e4, np.float32))
    assert np.abs(np.diff(image[30, 41:119, 0])).max() < 0.05


@pytest.mark.parametrize("left", [0.0, 0.8])
def test_what_is_left_of_an_object_beside_the_hole_does_not_spread_into_it(left):
    """A line of 3 px along one side of the hole; the piece has the colour behind it.

    Where the line ends, both ways meet within 12 px.
    """
    size = (160, 160)
    image = np.full((*size, 3), 0.5, np.float32)
    image[97:100, 40:120] = left
    hole = box(size, 100, 140, 40, 120)
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole] = (-80, 0)
    blend(image, offsets, hole, ~hole, np.full(size, 1e4, np.float32))
    assert np.abs(image[100:140, 56:104] - 0.5).max() < 0.3 * abs(left - 0.5)  # else .97


def test_a_piece_unlike_all_that_is_beside_the_hole_takes_its_colour():
    """The hole lies in a square of which 6 px are seen around it; the piece is darker."""
    size = (220, 160)
    image = np.full((*size, 3), 0.5, np.float32)
    image[:70] = 0.1
    image[130:190, 30:130] = 0.2
    hole = box(size, 136, 184, 36, 124)
    offsets = np.zeros((*size, 2), np.int16)
    offsets[hole] = (-120, 0)
    blend(image, offsets, hole, ~hole, np.full(size, 1e4, np.float32))
    assert np.abs(image[hole] - 0.2).max() < 0.02

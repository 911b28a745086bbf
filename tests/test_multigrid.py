"""The screened Poisson equation: solved to the last digit, and with coarse grids inside."""

import numpy as np
import pytest

from inpaint.texture.multigrid import ACTIVE, make_grids, solve


def equation(size=(150, 131)):
    """An ellipse with a seam: hole and where it is rough, (H, W) bool, screening, rhs float32."""
    y, x = np.indices(size)
    hole = ((y - 75) / 70) ** 2 + ((x - 65) / 60) ** 2 <= 1
    inside = np.pad(hole, 1)
    boundary = hole & ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])
    rhs = np.zeros(size, np.float32)
    rhs[boundary] = 0.2 + 0.1 * np.sin(x[boundary] / 9)
    rhs[hole & (x == 64)] += 0.1
    rhs[hole & (x == 65)] -= 0.1
    return hole, boundary | (hole & np.isin(x, (64, 65))), np.full(size, 1e-4, np.float32), rhs


def solution(hole, rough, screening, rhs):
    halves = np.pad(rough, ((0, rough.shape[0] % 2), (0, rough.shape[1] % 2)))
    blocks = halves.reshape(halves.shape[0] // 2, 2, halves.shape[1] // 2, 2).any((1, 3))
    grids = make_grids(hole, ~hole, blocks, screening, 0)
    grids[0].rhs[: len(hole), : hole.shape[1]] = rhs
    solve(grids)
    return grids[0]


def test_the_equation_is_solved() -> None:
    hole, _, screening, rhs = equation()
    c = solution(hole, hole, screening, rhs).c[: len(hole), : hole.shape[1]].astype(float)
    around = np.pad(c, 1)
    around = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    left = (4 + screening) * c - around
    assert np.abs(left - rhs)[hole].max() < 2e-3
    assert not c[~hole].any()


def test_a_grid_that_is_fine_at_seams_only_gives_about_the_same() -> None:
    hole, rough, screening, rhs = equation()
    everywhere = solution(hole, hole, screening, rhs)
    some = solution(hole, rough, screening, rhs)
    active = some.kind & ACTIVE > 0
    assert 0.3 < np.count_nonzero(active) / np.count_nonzero(hole) < 0.7
    assert np.abs(some.c - everywhere.c)[active].max() < 0.02 * np.ptp(everywhere.c)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 3)])
def test_tiny_holes_are_solved(size) -> None:
    hole, values = np.ones(size, bool), np.full(size, 0.5, np.float32)
    grids = make_grids(hole, ~hole, np.ones([(n + 1) // 2 for n in size], bool), values, 0)
    grids[0].rhs[: size[0], : size[1]] = 0.25
    solve(grids)
    np.testing.assert_allclose(grids[0].c[: size[0], : size[1]], 0.5, atol=2e-3)

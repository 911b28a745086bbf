"""The solver against a direct one."""

import pytest
import torch

from inpaint.utils.conjugate_gradient import solve


def system(size=12):
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return half @ half.T + torch.eye(size), torch.randn(size, 3, generator=generator).double()


def test_every_column_is_solved():
    matrix, right = system()
    found = solve(lambda x: matrix @ x, right, steps=100, enough=1e-12)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, right))


def test_nothing_gives_nothing():
    matrix, right = system()
    assert (solve(lambda x: matrix @ x, 0 * right, steps=100, enough=0.1) == 0).all()


@pytest.mark.parametrize("steps", [0, 2])
def test_steps_end_it(steps):
    matrix, right = system()
    calls = []
    solve(lambda x: calls.append(x) or matrix @ x, right, steps=steps, enough=0)
    assert len(calls) == steps

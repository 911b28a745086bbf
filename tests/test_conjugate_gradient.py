"""The solver against a direct one."""

import pytest
import torch

from inpaint.utils.conjugate_gradient import conjugate_gradient


def system(size=12):
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return half @ half.T + torch.eye(size), torch.randn(size, 3, generator=generator).double()


def test_every_column_is_solved():
    matrix, rhs = system()
    found = conjugate_gradient(lambda x: matrix @ x, rhs, max_iter=100, rtol=1e-12)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, rhs))


def test_nothing_gives_nothing():
    matrix, rhs = system()
    assert (conjugate_gradient(lambda x: matrix @ x, 0 * rhs, max_iter=100, rtol=0.1) == 0).all()


@pytest.mark.parametrize("steps", [0, 2])
def test_steps_end_it(steps):
    matrix, rhs = system()
    calls = []
    conjugate_gradient(lambda x: calls.append(x) or matrix @ x, rhs, max_iter=steps, rtol=0)
    assert len(calls) == steps

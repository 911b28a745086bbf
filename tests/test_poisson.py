"""What happens to the steps between windows of different places."""

import numpy as np
import pytest
import torch

from inpaint.texture.patchmatch import Windows
from inpaint.texture.poisson import join_sources

SIZE = (40, 60)
CPU = torch.device("cpu")


def windows_of(rows, columns):
    hole = np.zeros(SIZE, bool)
    hole[rows, columns] = True
    return Windows.of(hole, np.zeros(SIZE, bool), CPU)


def sources_off(windows, left, right):
    """Each target's source: so many columns off, left of the middle of the picture and right."""
    column = windows.targets % SIZE[1]
    return windows.targets + torch.where(column < SIZE[1] // 2, left, right)


def ramp(rise):
    """Brighter from left to right by `rise` a column: (H * W, 3)."""
    return (torch.arange(SIZE[1]) * rise).expand(SIZE).reshape(-1, 1).expand(-1, 3).contiguous()


def test_windows_moved_from_one_place_come_as_they_are():
    windows = windows_of(slice(10, 30), slice(20, 40))
    picture = torch.rand(SIZE[0] * SIZE[1], 3)
    colour = 0.5 * torch.ones(3)
    picture.view(*SIZE, 3)[8:32, 18:42] = colour  # what is beside the hole is the source's too
    picture.view(*SIZE, 3)[:, :12] = colour
    joined = join_sources(windows, picture, windows.targets * 0 + 5 * SIZE[1] + 5)
    torch.testing.assert_close(joined, colour.expand_as(joined))


def test_faint_seams_of_a_smooth_ramp_vanish():
    windows = windows_of(slice(10, 30), slice(22, 38))
    picture = ramp(rise=0.001)
    # Sources 5 columns off to either side: 5 thousandths wrong, and a seam of 10 in the middle.
    joined = join_sources(windows, picture, sources_off(windows, -5, 5))
    error = (joined - picture[windows.hole]).abs()
    assert error.mean() < 0.25 * 0.005
    seams = joined[:, 0].view(20, 16).diff(dim=1) - 0.001
    assert seams.abs().max() < 0.4 * 0.010


@pytest.mark.parametrize("seam", [0.2, 0.5])
def test_strong_seams_are_edges_and_stay(seam):
    windows = windows_of(slice(10, 30), slice(22, 38))
    picture = torch.zeros(*SIZE, 3)
    picture[:, SIZE[1] // 2 :] = seam
    joined = join_sources(windows, picture.reshape(-1, 3), sources_off(windows, -15, 15))
    torch.testing.assert_close(
        joined, picture.reshape(-1, 3)[windows.hole], atol=0.01 * seam, rtol=0
    )


def test_holes_at_the_border_have_no_pull_from_outside():
    windows = windows_of(slice(0, 12), slice(0, 20))
    picture = torch.full((SIZE[0] * SIZE[1], 3), 0.3)
    joined = join_sources(windows, picture, windows.targets * 0 + 20 * SIZE[1] + 40)
    torch.testing.assert_close(joined, torch.full_like(joined, 0.3))

"""What happens to the steps between patches of different places."""

import numpy as np
import pytest
import torch

from inpaint.texture.patchmatch import Patches
from inpaint.texture.poisson import poisson_blend

SIZE = (40, 60)
CPU = torch.device("cpu")


def patches_of(rows, columns):
    hole = np.zeros(SIZE, bool)
    hole[rows, columns] = True
    return Patches.of(hole, np.zeros(SIZE, bool), CPU)


def nnf_off(patches, left, right):
    """Each target's source: so many columns off, left of the middle of the image and right."""
    column = patches.targets % SIZE[1]
    return patches.targets + torch.where(column < SIZE[1] // 2, left, right)


def ramp(rise):
    """Brighter from left to right by `rise` a column: (H * W, 3)."""
    return (torch.arange(SIZE[1]) * rise).expand(SIZE).reshape(-1, 1).expand(-1, 3).contiguous()


def test_windows_moved_from_one_place_come_as_they_are():
    patches = patches_of(slice(10, 30), slice(20, 40))
    image = torch.rand(SIZE[0] * SIZE[1], 3)
    colour = 0.5 * torch.ones(3)
    image.view(*SIZE, 3)[8:32, 18:42] = colour  # what is target_at the hole is the source's too
    image.view(*SIZE, 3)[:, :12] = colour
    joined = poisson_blend(patches, image, patches.targets * 0 + 5 * SIZE[1] + 5)
    torch.testing.assert_close(joined, colour.expand_as(joined))


def test_faint_seams_of_a_smooth_ramp_vanish():
    patches = patches_of(slice(10, 30), slice(22, 38))
    image = ramp(rise=0.001)
    # Sources 5 columns off to either side: 5 thousandths wrong, and a seam of 10 in the middle.
    joined = poisson_blend(patches, image, nnf_off(patches, -5, 5))
    error = (joined - image[patches.hole]).abs()
    assert error.mean() < 0.25 * 0.005
    seams = joined[:, 0].view(20, 16).diff(dim=1) - 0.001
    assert seams.abs().max() < 0.4 * 0.010


@pytest.mark.parametrize("seam", [0.2, 0.5])
def test_strong_seams_are_edges_and_stay(seam):
    patches = patches_of(slice(10, 30), slice(22, 38))
    image = torch.zeros(*SIZE, 3)
    image[:, SIZE[1] // 2 :] = seam
    joined = poisson_blend(patches, image.reshape(-1, 3), nnf_off(patches, -15, 15))
    torch.testing.assert_close(joined, image.reshape(-1, 3)[patches.hole], atol=0.01 * seam, rtol=0)


def test_holes_at_the_border_have_no_pull_from_outside():
    patches = patches_of(slice(0, 12), slice(0, 20))
    image = torch.full((SIZE[0] * SIZE[1], 3), 0.3)
    joined = poisson_blend(patches, image, patches.targets * 0 + 20 * SIZE[1] + 40)
    torch.testing.assert_close(joined, torch.full_like(joined, 0.3))

"""The search against exact copies, and against trying everything."""

import numpy as np
import pytest
import torch
from textures import box

from inpaint.texture.patchmatch import PATCH_RADIUS, PATCH_SIZE, Patches, improve_nnf, random_nnf

CPU = torch.device("cpu")


def patches_of(hole, unknown=None):
    return Patches.of(hole, np.zeros_like(hole) if unknown is None else unknown, CPU)


def pixels_of_patches(image):
    """The colours of each pixel's patch, (H * W, 3 * PATCH_SIZE**2); the border is repeated."""
    padded = np.pad(
        image, ((PATCH_RADIUS, PATCH_RADIUS), (PATCH_RADIUS, PATCH_RADIUS), (0, 0)), mode="edge"
    )
    view = np.lib.stride_tricks.sliding_window_view(padded, (PATCH_SIZE, PATCH_SIZE), (0, 1))
    return torch.from_numpy(view.reshape(-1, 3 * PATCH_SIZE**2).astype(np.float32))


def search(patches, features, *, iterations, seed=0):
    generator = torch.Generator().manual_seed(seed)
    target_features = features[patches.targets]
    start = random_nnf(patches, generator)
    search_radius = max(patches.size)
    return improve_nnf(
        patches,
        start,
        target_features,
        features,
        iterations=iterations,
        search_radius=search_radius,
        generator=generator,
    )


def smooth_noise(size, seed=0):
    """Colours that change over a few pixels, so that neighbours correlate."""
    rng = np.random.default_rng(seed)
    noise = torch.from_numpy(rng.random((1, 3, size[0] // 4, size[1] // 4)).astype(np.float32))
    large = torch.nn.functional.interpolate(noise, size, mode="bicubic", align_corners=False)
    return large[0].permute(1, 2, 0).contiguous().numpy()


def test_sources_hold_no_pixel_that_is_not_known():
    hole, unknown = box((20, 30), 8, 10, 10, 14), box((20, 30), 0, 20, 28, 30)
    patches = patches_of(hole, unknown)
    gone = (hole | unknown).flatten()
    for source in patches.sources.tolist():
        y, x = divmod(source, 30)
        assert PATCH_RADIUS <= y < 20 - PATCH_RADIUS and PATCH_RADIUS <= x < 30 - PATCH_RADIUS
        rows = (
            slice(y - PATCH_RADIUS, y + PATCH_RADIUS + 1),
            slice(x - PATCH_RADIUS, x + PATCH_RADIUS + 1),
        )
        assert not gone.reshape(20, 30)[rows].any()
    is_source = patches.is_source.nonzero()[:, 0]
    assert torch.equal(is_source, patches.sources)


def test_targets_are_the_windows_that_touch_the_hole():
    patches = patches_of(box((20, 30), 8, 10, 0, 3))
    touching = box((20, 30), 8 - PATCH_RADIUS, 10 + PATCH_RADIUS, 0, 3 + PATCH_RADIUS)
    assert torch.equal(patches.targets, torch.from_numpy(np.flatnonzero(touching)))
    numbers = patches.target_index(torch.arange(20 * 30))
    assert torch.equal(numbers[patches.targets], torch.arange(len(patches.targets)))
    assert (numbers >= 0).sum() == len(patches.targets)


@pytest.mark.parametrize("hole", [np.zeros((9, 9), bool), np.ones((9, 9), bool)])
def test_nothing_or_everything_may_be_known(hole):
    patches = patches_of(hole)
    assert len(patches.targets) == hole.sum() == len(patches.hole)
    assert len(patches.sources) == (0 if hole.all() else (9 - 2 * PATCH_RADIUS) ** 2)


def test_shifted_pixels_stay_in_the_picture():
    patches = patches_of(box((4, 5), 1, 2, 1, 2))
    moved, inside = patches.shifted(torch.tensor([0, 4, 7, 19]), 1, 1)
    assert inside.tolist() == [True, False, True, False]
    assert moved.tolist() == [6, 0, 13, 0]


def test_an_exact_copy_is_found():
    image = np.random.default_rng(0).random((40, 48, 3)).astype(np.float32)
    hole = box(image.shape[:2], 20, 28, 30, 38)
    copied = (
        slice(20 - 2 * PATCH_RADIUS, 28 + 2 * PATCH_RADIUS),
        slice(30 - 2 * PATCH_RADIUS, 38 + 2 * PATCH_RADIUS),
    )
    image[:16, 4:20] = image[copied]
    patches = patches_of(hole)
    nnf, cost = search(patches, pixels_of_patches(image), iterations=20)
    assert cost.max() < 1e-6
    assert torch.equal(nnf, patches.targets - copied[0].start * 48 - copied[1].start + 4)


@pytest.mark.parametrize("size", [(48, 64), (64, 40)])
def test_costs_are_near_those_of_trying_everything(size):
    image = smooth_noise(size)
    patches = patches_of(box(size, 20, 34, 12, 30))
    features = pixels_of_patches(image)
    nnf, cost = search(patches, features, iterations=32)
    target_features, known = features[patches.targets], features[patches.sources]
    exact = torch.cdist(target_features, known).square().amin(1)
    assert cost.mean() < 1.1 * exact.mean()
    assert patches.is_source[nnf].all()
    found = (target_features - features[nnf]).square().sum(1)
    torch.testing.assert_close(cost, found)


def test_a_search_never_makes_a_source_worse():
    features = pixels_of_patches(smooth_noise((48, 64)))
    patches = patches_of(box((48, 64), 20, 34, 12, 30))
    generator = torch.Generator().manual_seed(0)
    target_features, nnf = features[patches.targets], random_nnf(patches, generator)
    given = nnf.clone()
    last = (target_features - features[nnf]).square().sum(1)
    for _ in range(3):
        nnf, cost = improve_nnf(
            patches,
            nnf,
            target_features,
            features,
            iterations=1,
            search_radius=8,
            generator=generator,
        )
        assert (cost <= last).all()
        last = cost
    again = random_nnf(patches, torch.Generator().manual_seed(0))
    assert torch.equal(given, again)


def test_the_seed_decides_and_nothing_else():
    features = pixels_of_patches(smooth_noise((48, 64)))
    patches = patches_of(box((48, 64), 20, 34, 12, 30))
    first, second, other = (search(patches, features, iterations=1, seed=s)[0] for s in (1, 1, 2))
    assert torch.equal(first, second) and not torch.equal(first, other)


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (4, 40)])
def test_pictures_thinner_than_a_window_have_no_sources(size):
    hole = np.zeros(size, bool)
    hole.flat[20] = True
    assert not len(patches_of(hole).sources)

"""The search against exact copies, and against trying everything."""

import numpy as np
import pytest
import torch

from inpaint.texture.patchmatch import RADIUS, SIDE, Windows, any_sources, find_sources

CPU = torch.device("cpu")


def windows_of(hole, unknown=None):
    return Windows.of(hole, np.zeros_like(hole) if unknown is None else unknown, CPU)


def box(size, top, bottom, left, right):
    hole = np.zeros(size, bool)
    hole[top:bottom, left:right] = True
    return hole


def pixels_of_windows(picture):
    """The colours of each pixel's window, (H * W, 3 * SIDE**2); the border is repeated."""
    padded = np.pad(picture, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="edge")
    view = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), (0, 1))
    return torch.from_numpy(view.reshape(-1, 3 * SIDE**2).astype(np.float32))


def search(windows, features, *, rounds, seed=0):
    generator = torch.Generator().manual_seed(seed)
    wanted = features[windows.targets]
    start = any_sources(windows, generator)
    reach = max(windows.size)
    return find_sources(
        windows, start, wanted, features, rounds=rounds, reach=reach, generator=generator
    )


def smooth_noise(size, seed=0):
    """Colours that change over a few pixels, so that neighbours have a say in each other."""
    rng = np.random.default_rng(seed)
    noise = torch.from_numpy(rng.random((1, 3, size[0] // 4, size[1] // 4)).astype(np.float32))
    large = torch.nn.functional.interpolate(noise, size, mode="bicubic", align_corners=False)
    return large[0].permute(1, 2, 0).contiguous().numpy()


def test_sources_hold_no_pixel_that_is_not_known():
    hole, unknown = box((20, 30), 8, 10, 10, 14), box((20, 30), 0, 20, 28, 30)
    windows = windows_of(hole, unknown)
    gone = (hole | unknown).flatten()
    for source in windows.sources.tolist():
        y, x = divmod(source, 30)
        assert RADIUS <= y < 20 - RADIUS and RADIUS <= x < 30 - RADIUS
        rows = slice(y - RADIUS, y + RADIUS + 1), slice(x - RADIUS, x + RADIUS + 1)
        assert not gone.reshape(20, 30)[rows].any()
    usable = windows.usable.nonzero()[:, 0]
    assert torch.equal(usable, windows.sources)


def test_targets_are_the_windows_that_touch_the_hole():
    windows = windows_of(box((20, 30), 8, 10, 0, 3))
    touching = box((20, 30), 8 - RADIUS, 10 + RADIUS, 0, 3 + RADIUS)
    assert torch.equal(windows.targets, torch.from_numpy(np.flatnonzero(touching)))
    numbers = windows.number(torch.arange(20 * 30))
    assert torch.equal(numbers[windows.targets], torch.arange(len(windows.targets)))
    assert (numbers >= 0).sum() == len(windows.targets)


@pytest.mark.parametrize("hole", [np.zeros((9, 9), bool), np.ones((9, 9), bool)])
def test_nothing_or_everything_may_be_known(hole):
    windows = windows_of(hole)
    assert len(windows.targets) == hole.sum() == len(windows.hole)
    assert len(windows.sources) == (0 if hole.all() else (9 - 2 * RADIUS) ** 2)


def test_moved_pixels_stay_in_the_picture():
    windows = windows_of(box((4, 5), 1, 2, 1, 2))
    moved, inside = windows.moved(torch.tensor([0, 4, 7, 19]), 1, 1)
    assert inside.tolist() == [True, False, True, False]
    assert moved.tolist() == [6, 0, 13, 0]


def test_an_exact_copy_is_found():
    picture = np.random.default_rng(0).random((40, 48, 3)).astype(np.float32)
    hole = box(picture.shape[:2], 20, 28, 30, 38)
    copied = slice(20 - 2 * RADIUS, 28 + 2 * RADIUS), slice(30 - 2 * RADIUS, 38 + 2 * RADIUS)
    picture[:16, 4:20] = picture[copied]
    windows = windows_of(hole)
    nearest, cost = search(windows, pixels_of_windows(picture), rounds=20)
    assert cost.max() < 1e-6
    assert torch.equal(nearest, windows.targets - copied[0].start * 48 - copied[1].start + 4)


@pytest.mark.parametrize("size", [(48, 64), (64, 40)])
def test_costs_are_near_those_of_trying_everything(size):
    picture = smooth_noise(size)
    windows = windows_of(box(size, 20, 34, 12, 30))
    features = pixels_of_windows(picture)
    nearest, cost = search(windows, features, rounds=32)
    wanted, known = features[windows.targets], features[windows.sources]
    exact = torch.cdist(wanted, known).square().amin(1)
    assert cost.mean() < 1.1 * exact.mean()
    assert windows.usable[nearest].all()
    found = (wanted - features[nearest]).square().sum(1)
    torch.testing.assert_close(cost, found)


def test_a_search_never_makes_a_source_worse():
    features = pixels_of_windows(smooth_noise((48, 64)))
    windows = windows_of(box((48, 64), 20, 34, 12, 30))
    generator = torch.Generator().manual_seed(0)
    wanted, nearest = features[windows.targets], any_sources(windows, generator)
    given = nearest.clone()
    last = (wanted - features[nearest]).square().sum(1)
    for _ in range(3):
        nearest, cost = find_sources(
            windows, nearest, wanted, features, rounds=1, reach=8, generator=generator
        )
        assert (cost <= last).all()
        last = cost
    again = any_sources(windows, torch.Generator().manual_seed(0))
    assert torch.equal(given, again)


def test_the_seed_decides_and_nothing_else():
    features = pixels_of_windows(smooth_noise((48, 64)))
    windows = windows_of(box((48, 64), 20, 34, 12, 30))
    first, second, other = (search(windows, features, rounds=1, seed=s)[0] for s in (1, 1, 2))
    assert torch.equal(first, second) and not torch.equal(first, other)


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (4, 40)])
def test_pictures_thinner_than_a_window_have_no_sources(size):
    hole = np.zeros(size, bool)
    hole.flat[20] = True
    assert not len(windows_of(hole).sources)

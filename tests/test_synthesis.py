"""What detail does to a fill, and what it leaves alone."""

import numpy as np
import pytest
import torch

from inpaint import Inpainter, PConvUNet, UNetConfig
from inpaint.inference.pipeline import Finishing
from inpaint.inference.planning import plan_regions
from inpaint.inference.region_fill import RegionFill
from inpaint.inference.tiling import Region, Tile, TilingConfig
from inpaint.texture import synthesis
from inpaint.texture.patchmatch import Patches
from inpaint.utils.crop import Crop

CPU = torch.device("cpu")


def add_detail(picture, mask, **options):
    """mask: 0 = known, 1 = hole, 2 = ignore."""
    return synthesis.add_detail(Crop(picture, mask == 1, mask == 2), **options)


def stripes(size=(96, 96), period=6):
    """Stripes that tell where they are: (H, W, 3) float32."""
    x = np.arange(size[1])
    row = np.where(x % period < period // 2, 0.25, 0.75).astype(np.float32)
    return np.broadcast_to(row[None, :, None], (*size, 3)).copy()


def checkerboard(size=(96, 96), side=4):
    y, x = np.indices(size) // side
    return np.repeat(np.where((y + x) % 2, 0.3, 0.7).astype(np.float32)[..., None], 3, 2)


def box(size, top, bottom, left, right):
    mask = np.zeros(size, np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def noise(size, seed=0):
    return np.random.default_rng(seed).random((*size, 3)).astype(np.float32)


def blurred(picture, mask, keep=0.25):
    """The picture with a soft fill: of what it was, a share, and the mean for the rest."""
    soft = keep * picture + (1 - keep) * picture.mean((0, 1))
    return np.where((mask == 1)[..., None], soft, picture).astype(np.float32)


HOLES = {
    "middle": (30, 60, 35, 65),
    "one pixel": (40, 41, 50, 51),
    "at the left": (30, 60, 0, 20),
    "at the right": (30, 60, 80, 96),
    "in a corner": (0, 20, 0, 20),
    "in the last corner": (80, 96, 80, 96),
    "from side to side": (40, 50, 0, 96),
}


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_only_the_hole_changes(hole):
    mask = box((96, 96), *hole)
    picture = blurred(stripes(), mask)
    before = picture.copy()
    result = add_detail(picture, mask)
    assert (picture == before).all()
    assert (result.dtype, result.shape) == (np.float32, picture.shape)
    assert (result[mask != 1] == picture[mask != 1]).all()
    assert (result[mask == 1] != picture[mask == 1]).any()
    assert result.min() >= 0 and result.max() <= 1


def test_holes_of_others_stay_what_they_are():
    mask = box((96, 96), 30, 60, 35, 65)
    mask[30:60, 50:80] = 2
    picture = blurred(stripes(), mask)
    result = add_detail(picture, mask)
    assert (result[mask == 2] == picture[mask == 2]).all()
    assert (result[mask == 1] != picture[mask == 1]).any()


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    mask = box((96, 96), 30, 60, 35, 65)
    picture = blurred(noise((96, 96)), mask)
    first, second, other = (add_detail(picture, mask, seed=seed) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_the_generators_of_the_process_play_no_part():
    mask = box((96, 96), 30, 60, 35, 65)
    picture = blurred(noise((96, 96)), mask)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = add_detail(picture, mask)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert (add_detail(picture, mask) == first).all()


def test_the_number_of_threads_changes_the_last_bits_at_most():
    mask = box((96, 96), 30, 60, 35, 65)
    picture = blurred(checkerboard(), mask)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(add_detail(picture, mask))
    finally:
        torch.set_num_threads(before)
    assert np.abs(results[0] - results[1]).max() < 1e-4


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (37, 91), (5, 5)])
@pytest.mark.parametrize("value", [0, 1, 2])
def test_masks_of_one_value_change_nothing(size, value):
    picture = noise(size)
    assert (add_detail(picture, np.full(size, value, np.uint8)) == picture).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (37, 91), (6, 7), (64, 12)])
def test_pictures_of_odd_sizes_come_back(size):
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 3 : size[0] // 2 + 1, size[1] // 3 : size[1] // 2 + 1] = 1
    picture = noise(size)
    result = add_detail(picture, mask)
    assert result.shape == picture.shape and np.isfinite(result).all()
    assert (result[mask == 0] == picture[mask == 0]).all()


def test_too_few_known_windows_leave_the_fill():
    mask = box((40, 40), 4, 36, 4, 36)
    picture = noise((40, 40))
    assert (add_detail(picture, mask) == picture).all()


@pytest.mark.parametrize("colour", [(0.2, 0.5, 0.9), (0, 0, 0), (1, 1, 1)])
def test_flat_pictures_stay_flat(colour):
    picture = np.full((96, 96, 3), colour, np.float32)
    result = add_detail(picture, box((96, 96), 30, 60, 35, 65))
    assert np.abs(result - picture).max() < 1e-3


@pytest.mark.parametrize("truth", [stripes(), checkerboard()], ids=["stripes", "checkerboard"])
def test_texture_gets_its_contrast_back(truth):
    mask = box((96, 96), 34, 62, 36, 60)
    fill = blurred(truth, mask, keep=0.45)
    result = add_detail(fill, mask)
    hole = mask == 1
    outside = truth[~hole].std()
    assert fill[hole].std() < 0.5 * outside
    assert result[hole].std() > 0.65 * outside
    assert np.abs(result - truth)[hole].mean() < 0.5 * np.abs(fill - truth)[hole].mean()


def test_where_nothing_known_is_alike_the_fill_nearly_stays():
    """A fill of broad stripes in a flat picture: no known window has anything like their edges."""
    mask = box((96, 96), 20, 70, 20, 70)
    picture = np.where((mask == 1)[..., None], stripes(period=24), np.float32(0.5))
    result = add_detail(picture, mask)
    inner = slice(28, 62), slice(28, 62)
    change = np.abs(result - picture)[inner].mean()
    assert change < 0.25 * np.abs(picture - 0.5)[inner].mean()


def finishing(style):
    return Finishing(boundary=False, refiner=None, style=style, seed=0, device=CPU)


def inpainter_of(network=None):
    torch.manual_seed(0)
    network = PConvUNet(UNetConfig(widths=(8,), kernels=(3,))) if network is None else network
    return Inpainter(network, tiling=TilingConfig(hole_radius=12, min_side=48, max_side=96))


class Soft(PConvUNet):
    """Answers with the known mean, a little wavy."""

    def forward(self, image, valid):
        mean = (image * valid).sum((2, 3), keepdim=True) / valid.sum((2, 3), keepdim=True)
        wave = 0.02 * torch.sin(torch.arange(image.shape[-1], dtype=torch.float32))
        return (mean + wave).expand_as(image)


@pytest.fixture(scope="module")
def inpainter():
    return inpainter_of(Soft(UNetConfig(widths=(4,), kernels=(3,))))


def hole_in(size):
    hole = np.zeros(size, bool)
    hole[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = True
    return hole


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_known_pixels_come_back_bit_for_bit(inpainter, dtype, channels):
    rng = np.random.default_rng(0)
    shape = (70, 90) if channels is None else (70, 90, channels)
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (rng.random(shape) * full).astype(dtype)
    hole = hole_in((70, 90))
    with_texture, without = (inpainter.fill(image, hole, style=s) for s in ("faithful", "plain"))
    assert with_texture.dtype == dtype and with_texture.shape == shape
    assert (with_texture[~hole] == image[~hole]).all()
    assert (with_texture != without).any()
    if channels == 4:
        assert (with_texture[..., 3] == image[..., 3]).all()


def test_what_the_hole_holds_does_not_leak(inpainter):
    image, hole = noise((90, 110)), hole_in((90, 110))
    other = image.copy()
    other[hole] = 1
    other[hole.nonzero()[0][0], hole.nonzero()[1][0]] = np.nan
    assert (inpainter.fill(image, hole) == inpainter.fill(other, hole)).all()


def test_transparent_pixels_are_no_source_and_do_not_leak(inpainter):
    """Beside and in the hole, and as the only windows that are like the rest."""
    hole = hole_in((90, 110))
    image = np.dstack([noise((90, 110)), np.ones((90, 110), np.float32)])
    image[:, 60:, 3] = 0
    image[35, 40, 3] = 0
    other = image.copy()
    other[image[..., 3] == 0, :3] = noise((90, 110), seed=5)[image[..., 3] == 0]
    seen = image[..., 3] > 0
    first, second = inpainter.fill(image, hole), inpainter.fill(other, hole)
    assert (first[hole & seen] == second[hole & seen]).all()


def test_holes_filled_later_do_not_leak_into_those_filled_before(inpainter):
    """Two holes of two scales, so of two regions; the thin one is filled first."""
    hole = np.zeros((140, 200), bool)
    hole[60:63, 20:90] = True
    hole[30:110, 95:160] = True
    image = noise((140, 200))
    regions = plan_regions(hole, inpainter.tiling)
    assert len({region.factor for region in regions}) == 2
    other = image.copy()
    other[hole] = 0
    assert (inpainter.fill(image, hole) == inpainter.fill(other, hole)).all()


def test_a_hole_of_many_tiles_gets_detail_in_each(inpainter):
    image = stripes((60, 400))
    hole = np.zeros((60, 400), bool)
    hole[26:34, 10:390] = True
    (region,) = plan_regions(hole, inpainter.tiling)
    assert len(region.tiles) == 3
    filled, soft = (inpainter.fill(image, hole, style=s) for s in ("faithful", "plain"))
    assert (filled[~hole] == image[~hole]).all()
    for left in range(10, 380, 40):
        part = slice(28, 32), slice(left, left + 40)
        errors = [np.abs(fill - image)[part].mean() for fill in (filled, soft)]
        assert errors[0] < 0.8 * errors[1]


def test_other_regions_pixels_come_back_as_they_were_given():
    """The step of one tile writes into its own region's mask only."""
    hole = np.zeros((80, 120), bool)
    hole[30:40, 20:30] = hole[45:50, 32:40] = True
    regions = plan_regions(hole, TilingConfig(hole_radius=12, min_side=48, max_side=96))
    (region,) = regions
    fill = RegionFill(region)
    fill.colours[:] = noise(fill.mask.shape)[fill.mask]
    before = fill.colours.copy()
    finishing("faithful").add_texture(fill, noise((80, 120)), ~hole, region, 0)
    assert fill.colours.shape == (region.mask.sum(), 3)
    assert (fill.colours != before).any()


@pytest.mark.parametrize("most", [1, 5000, 19_199, 19_200])
def test_the_finest_scale_bounds_the_memory(monkeypatch, most):
    """Of a picture that is larger than that, the change is found at a smaller scale."""
    monkeypatch.setattr("inpaint.texture.synthesis._MOST_PIXELS", most)
    looked_at = []
    of = Patches.of
    monkeypatch.setattr(Patches, "of", lambda *a: looked_at.append(a[0].size) or of(*a))
    mask = box((120, 160), 40, 80, 50, 90)
    picture = blurred(checkerboard((120, 160), side=8), mask)
    result = add_detail(picture, mask)
    assert most / 5 < max(looked_at) <= most
    assert (result[mask == 0] == picture[mask == 0]).all()
    if most >= 5000:
        assert result[mask == 1].std() > 1.3 * picture[mask == 1].std()
    else:
        assert (result == picture).all()


@pytest.mark.parametrize("style", ["natural", "faithful", "plain"])
def test_the_style_chooses_the_texture(monkeypatch, style):
    seen = []
    steps = {
        "synthesize": lambda image, *_, **__: image,
        "add_detail": lambda crop, **_: crop.image,
    }
    for name, step in steps.items():
        monkeypatch.setattr(
            f"inpaint.inference.pipeline.{name}",
            lambda *inputs, name=name, step=step, **how: seen.append(name) or step(*inputs, **how),
        )
    known = np.ones((1, 200), bool)
    known[0, 40:50] = False
    box_of_it = (slice(0, 1), slice(40, 50))
    tile = Tile((slice(0, 1), slice(20, 70)), box_of_it)
    region = Region.of(1.0, box_of_it, ~known[box_of_it], [tile])
    colours = np.zeros((1, 200, 3), np.uint8)
    finishing(style).add_texture(RegionFill(region), colours, known, region, 0)
    assert seen == {"natural": ["synthesize"], "faithful": ["add_detail"], "plain": []}[style]

import io
import logging
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint import CheckpointError, Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints.weights import save_weights
from inpaint.detect.detector import DamageDetector
from inpaint.images import ImageData, from_pil
from inpaint.inference.tiling import TilingConfig


def random_network():
    torch.manual_seed(0)
    return PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3)))


@pytest.fixture(scope="module")
def inpainter():
    return Inpainter(
        random_network(), tiling=TilingConfig(hole_radius=10, min_side=32, max_side=64)
    )


def picture(size, channels=3, dtype=np.uint8):
    rng = np.random.default_rng(1)
    shape = size if channels is None else (*size, channels)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def hole_in(size):
    hole = np.zeros(size, bool)
    hole[size[0] // 4 : size[0] // 2 + 1, size[1] // 3 : size[1] * 2 // 3 + 1] = True
    return hole


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
@pytest.mark.parametrize("size", [(37, 91), (64, 64), (150, 40)])
def test_known_pixels_come_back_bit_for_bit(inpainter, size, channels, dtype):
    image, hole = picture(size, channels, dtype), hole_in(size)
    before = image.copy()
    filled = inpainter.fill(image, hole)
    assert (filled.shape, filled.dtype) == (image.shape, image.dtype)
    assert (filled[~hole] == image[~hole]).all()
    assert (filled[hole] != image[hole]).any()
    assert (image == before).all()
    if channels == 4:
        assert (filled[..., 3] == image[..., 3]).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_images_come_back_in_their_mode(inpainter, mode):
    if mode == "I;16":
        image = Image.fromarray(picture((40, 50), None, np.uint16))
    else:
        image = Image.fromarray(picture((40, 50), 4)).convert(mode)
    hole = hole_in((40, 50))
    filled = inpainter.fill(image, Image.fromarray(hole))
    assert (filled.mode, filled.size) == (mode, image.size)
    assert (np.asarray(filled)[~hole] == np.asarray(image)[~hole]).all()


def test_exif_orientation_is_applied(inpainter):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise shows it upright
    stream = io.BytesIO()
    Image.fromarray(picture((40, 60))).save(stream, "PNG", exif=exif)
    filled = inpainter.fill(Image.open(stream), hole_in((60, 40)))
    assert filled.size == (40, 60)


def test_an_empty_hole_changes_nothing(inpainter):
    image = picture((33, 47))
    assert (inpainter.fill(image, np.zeros((33, 47), bool)) == image).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (70, 50)])
def test_a_full_hole_is_filled_and_warned_of(inpainter, size, caplog):
    with caplog.at_level(logging.WARNING, "inpaint"):
        filled = inpainter.fill(picture(size), np.ones(size, bool))
    assert filled.shape == (*size, 3)
    assert "nothing is known" in caplog.text


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (1, 90)])
def test_one_pixel_wide_pictures_work(inpainter, size):
    image, hole = picture(size), np.zeros(size, bool)
    hole[0, 0] = True
    filled = inpainter.fill(image, hole)
    assert (filled[~hole] == image[~hole]).all()


def test_what_the_hole_holds_does_not_matter(inpainter):
    image, hole = picture((90, 70), 3, np.float32), hole_in((90, 70))
    other = image.copy()
    other[hole] = 0
    other[45, 35] = np.nan
    assert (inpainter.fill(image, hole) == inpainter.fill(other, hole)).all()


def test_known_pixels_that_are_nan_are_refused(inpainter):
    """They would count as black. In the hole and where nothing shows they are welcome."""
    for channels in (1, 3, 4):
        image, hole = picture((50, 70), channels, np.float32), hole_in((50, 70))
        image[hole] = np.nan
        inpainter.fill(image, hole)
        image[2, 3, 0] = np.nan
        with pytest.raises(
            ValueError, match=r"1 known pixels of the image are NaN, .*row 2, colum"
        ):
            inpainter.fill(image, hole)
    image[2, 3, 3] = 0
    inpainter.fill(image, hole)


def test_the_same_call_gives_the_same_bytes_whatever_came_between(inpainter):
    image, hole = picture((80, 80)), hole_in((80, 80))
    first = inpainter.fill(image, hole)
    inpainter.fill(picture((31, 64)), hole_in((31, 64)))
    assert (inpainter.fill(image, hole) == first).all()


def test_a_flat_picture_in_one_tile_or_many_has_no_seam():
    """A network that answers with the known mean shows every fault of scaling and tiling."""

    class MeanColour(PConvUNet):
        def forward(self, image, valid):
            mean = (image * valid).sum((2, 3), keepdim=True) / valid.sum((2, 3), keepdim=True)
            return mean.expand_as(image)

    flat = np.full((400, 300, 3), (10, 130, 250), np.uint8)
    hole = hole_in((400, 300))
    image = flat.copy()
    image[hole] = 0
    network = MeanColour(UNetConfig(widths=(4,), kernels=(3,)))
    for tiling in (TilingConfig(10, 32, 64), TilingConfig(16, 32, 64), TilingConfig(10, 64, 512)):
        assert (Inpainter(network, tiling=tiling).fill(image, hole) == flat).all()


def test_transparent_pixels_are_not_looked_at(inpainter):
    image, hole = picture((60, 60), 4), hole_in((60, 60))
    image[..., 3] = 255
    image[:, 45:, 3] = 0
    other = image.copy()
    other[:, 45:, :3] = 77
    first, second = inpainter.fill(image, hole), inpainter.fill(other, hole)
    assert (first[hole] == second[hole]).all()
    assert (second[:, 45:] == other[:, 45:]).all()


def test_holes_of_the_same_shape_at_another_size_are_scaled(inpainter):
    image = picture((80, 60))
    hole = hole_in((40, 30))
    filled = inpainter.fill(image, hole)
    double = hole.repeat(2, 0).repeat(2, 1)
    assert (filled[~double] == image[~double]).all()


def test_a_hole_of_another_aspect_ratio_is_refused(inpainter):
    with pytest.raises(ValueError, match="80"):
        inpainter.fill(picture((80, 60)), np.ones((60, 80), bool))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), ValueError, r"\(H, W, 4\), got \(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "got"),
        (np.zeros((4, 4, 3), np.int64), TypeError, "uint8, uint16 or floats"),
        (np.full((4, 4, 3), 255.0), ValueError, r"lie in \[0, 1\]"),
        ("photo.jpg", TypeError, "PIL image or a numpy array"),
    ],
)
def test_other_images_are_refused(inpainter, image, error, message):
    with pytest.raises(error, match=message):
        inpainter.fill(image, np.zeros((4, 4), bool))


def test_fill_picture_keeps_everything_else(inpainter):
    source = from_pil(Image.fromarray(picture((40, 50), 4)))
    filled = inpainter.fill_image_data(source, hole_in((40, 50)))
    assert (filled.alpha == source.alpha).all()
    with pytest.raises(ValueError, match="hole must be"):
        inpainter.fill_image_data(source, hole_in((50, 40)))
    with pytest.raises(TypeError, match="hole must be bool, got uint8; see read_hole"):
        inpainter.fill_image_data(source, hole_in((40, 50)).astype(np.uint8))
    with pytest.raises(TypeError, match="exclude must be bool, got float64"):
        inpainter.fill_image_data(source, hole_in((40, 50)), exclude=np.zeros((40, 50)))


@pytest.mark.parametrize(
    "notes",
    [
        {"tiling": {"hole_radius": 10, "min_side": 32, "max_side": 64}},
        {"reach": {"radius": 10, "least_side": 32, "most_side": 64}},  # as version 0.1 wrote it
    ],
)
def test_load_rebuilds_the_network_and_its_tiling(inpainter, tmp_path, notes):
    path = tmp_path / "some.safetensors"
    save_weights(random_network(), path, notes=notes)
    loaded = Inpainter.load(path, device="cpu")
    image, hole = picture((90, 70)), hole_in((90, 70))
    assert (loaded.fill(image, hole) == inpainter.fill(image, hole)).all()


def test_an_inpainter_on_another_device_differs_in_nothing_else(inpainter):
    network = random_network()
    first = Inpainter(network, tiling=inpainter.tiling, boundary=False, style="plain", seed=3)
    moved = first.on("meta")
    assert (moved.device.type, first.device.type) == ("meta", "cpu")
    assert {b.device.type for b in moved.network.buffers()} == {"meta"}
    assert {b.device.type for b in first.network.buffers()} == {"cpu"}
    assert {**vars(moved), "device": 0, "network": 0} == {**vars(first), "device": 0, "network": 0}
    image, hole = picture((90, 70)), hole_in((90, 70))
    assert (first.on("cpu").fill(image, hole) == first.fill(image, hole)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "more"}, "style must be one of natural, faithful, plain"),
        ({"detail": "more"}, "detail must be one of auto, sharp, soft, off"),
        ({"seed": -1}, "seed must lie in 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Inpainter(random_network(), **options)


@pytest.mark.parametrize("seed", [1.5, "1", None, np.float64(2)])
def test_a_seed_that_is_no_integer_is_refused_everywhere(inpainter, seed):
    with pytest.raises(TypeError, match="seed must be an integer, got"):
        Inpainter(random_network(), seed=seed)
    if seed is not None:  # which is that of the inpainter
        with pytest.raises(TypeError, match="seed must be an integer, got"):
            inpainter.fill_image_data(ImageData(picture((9, 9))), hole_in((9, 9)), seed=seed)
    assert Inpainter(random_network(), seed=np.int64(7)).seed == 7


@pytest.mark.parametrize("weights", [None, 3, b"places2-compact", ["places2-compact"]])
def test_weights_that_are_no_name_and_no_path_are_refused(weights):
    with pytest.raises(TypeError, match="weights must be a name or a path, got"):
        Inpainter.load(weights)
    with pytest.raises(TypeError, match="weights must be a name or a path, got"):
        DamageDetector.load(weights)


@pytest.mark.parametrize("device", ["zzz", "cuda:x", "", 1.5])
def test_devices_that_do_not_exist_are_refused(device):
    for make in (partial(Inpainter, random_network()), Inpainter.load, DamageDetector.load):
        with pytest.raises(ValueError, match="device must be cpu, cuda, cuda:1 or the like, got"):
            make(device=device)


@pytest.mark.parametrize("device", ["meta", "cuda:99", "hpu"])
def test_devices_that_this_machine_lacks_are_refused(device):
    for make in (partial(Inpainter, random_network()), Inpainter.load, DamageDetector.load):
        with pytest.raises(ValueError, match=f"device '{device}' cannot be used on this machine: "):
            make(device=device)


def test_load_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="no shipped weights called 'nonsense'"):
        Inpainter.load("nonsense")
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        Inpainter.load(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CheckpointError, match=r"text\.safetensors"):
        Inpainter.load(tmp_path / "text.safetensors")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_gray_picture_in_colour_modes_stays_gray(inpainter, dtype):
    image, hole = np.repeat(picture((60, 70), 1, dtype), 3, axis=2), hole_in((60, 70))
    image[hole] = picture((60, 70), 3, dtype)[hole]
    filled = inpainter.fill(image, hole)
    assert (filled == filled[..., :1]).all()


def test_a_picture_with_one_coloured_pixel_is_filled_in_colour(inpainter):
    image, hole = np.repeat(picture((60, 70), 1), 3, axis=2), hole_in((60, 70))
    image[0, 0] = 255, 0, 0
    filled = inpainter.fill(image, hole, style="plain")
    assert (filled[hole] != filled[hole][:, :1]).any()


def test_progress_goes_from_0_to_1_over_all_steps(inpainter):
    image, hole = picture((200, 260), 3), hole_in((200, 260))
    shares = []
    filled = inpainter.fill(image, hole, on_progress=shares.append)
    assert (filled == inpainter.fill(image, hole)).all()
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    assert len(shares) > 6
    largest = np.diff(shares).max()  # the finest scale of the texture
    assert largest < 0.7
    shares.clear()
    inpainter.fill(image, np.zeros_like(hole), on_progress=shares.append)
    assert shares == [0, 1]


@pytest.mark.parametrize("after", [0, 3])
def test_what_the_progress_raises_ends_the_fill(inpainter, after):
    """And leaves the image as it was."""

    class Cancelled(Exception):
        pass

    calls = []

    def cancel(share):
        calls.append(share)
        if len(calls) > after:
            raise Cancelled

    image, hole = picture((200, 260), 3), hole_in((200, 260))
    before = image.copy()
    with pytest.raises(Cancelled):
        inpainter.fill(image, hole, on_progress=cancel)
    assert len(calls) == after + 1
    assert (image == before).all()


@pytest.mark.parametrize(
    ("detail", "style"),
    [("auto", "natural"), ("sharp", "natural"), ("soft", "faithful"), ("off", "plain")],
)
def test_words_of_detail_stand_for_styles_with_a_warning(inpainter, detail, style):
    image, hole = picture((90, 110), 3), hole_in((90, 110))
    with pytest.warns(DeprecationWarning, match=f"'{detail}' is called style='{style}' now"):
        filled = inpainter.fill(image, hole, detail=detail)
    assert (filled == inpainter.fill(image, hole, style=style)).all()
    with pytest.warns(DeprecationWarning, match=f"style='{style}' now"):
        assert Inpainter(random_network(), detail=detail).style == style

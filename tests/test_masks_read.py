import logging

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint.images import ImageData, ImageError, write_image
from inpaint.masks.read import grow_hole, read_hole


def disk(height=60, width=80, radius=15):
    y, x = np.mgrid[0:height, 0:width]
    return (y - height // 2) ** 2 + (x - width // 2) ** 2 <= radius**2


DISK = disk()


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp", "gif"])
def test_white_is_hole_in_every_format(suffix, tmp_path):
    path = tmp_path / f"mask.{suffix}"
    Image.fromarray(DISK.astype(np.uint8) * 255).save(path)
    np.testing.assert_array_equal(read_hole(path), DISK)
    np.testing.assert_array_equal(read_hole(str(path), invert=True), ~DISK)


def test_jpeg_noise_is_thresholded_away(tmp_path):
    path = tmp_path / "mask.jpg"
    Image.fromarray(DISK.astype(np.uint8) * 255).save(path, quality=50)
    hole = read_hole(path)
    assert (hole != DISK).mean() < 0.01
    assert not hole[:10].any()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pillow_images_of_every_mode(mode):
    image = Image.fromarray(DISK.astype(np.uint8) * 255)
    if mode == "I;16":
        image = Image.fromarray(DISK.astype(np.uint16) * 65535)
    np.testing.assert_array_equal(read_hole(image.convert(mode)), DISK)


@pytest.mark.parametrize(
    ("dtype", "white"),
    [
        *[(kind, 1) for kind in ("bool", "uint8", "uint16", "int64", "float32", "float64")],
        *[("uint8", 255), ("int32", 255), ("int64", 255), ("uint16", 65535), ("int64", 65535)],
    ],
)
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_arrays_of_every_kind(dtype, white, channels):
    array = (DISK * white).astype(dtype)
    if channels is not None:
        array = np.repeat(array[..., None], channels, -1)
    np.testing.assert_array_equal(read_hole(array), DISK)


def test_png_of_zeros_and_ones_is_taken_as_it_stands(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(DISK.astype(np.uint8)).save(path)
    np.testing.assert_array_equal(read_hole(path), DISK)


def test_threshold_is_half_of_the_range():
    for dtype, full in ((np.uint8, 255), (np.uint16, 65535)):
        values = np.array([[0, full // 2, full // 2 + 1, full]], dtype)
        np.testing.assert_array_equal(read_hole(values), [[False, False, True, True]])
    floats = np.array([[0, 0.5, 0.51, 1]])
    np.testing.assert_array_equal(read_hole(floats), [[False, False, True, True]])


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_brush_of_any_colour_is_hole(channel):
    mask = np.zeros((*DISK.shape, 3), np.uint8)
    mask[..., channel] = DISK * 255
    np.testing.assert_array_equal(read_hole(mask), DISK)


def test_alpha_that_varies_is_the_mask_whatever_its_colour():
    mask = np.zeros((*DISK.shape, 4), np.uint8)
    mask[..., 3] = DISK * 96  # a translucent black brush
    np.testing.assert_array_equal(read_hole(mask), DISK)
    np.testing.assert_array_equal(read_hole(Image.fromarray(mask)), DISK)


def test_alpha_that_is_constant_says_nothing():
    for constant in (0, 255):
        mask = np.full((*DISK.shape, 4), constant, np.uint8)
        mask[..., :3] = DISK[..., None] * 255
        np.testing.assert_array_equal(read_hole(mask), DISK)


def test_use_alpha_decides_when_given():
    mask = np.zeros((*DISK.shape, 4), np.uint8)
    mask[..., :3] = DISK[..., None] * 255
    mask[..., 3] = ~DISK * 255
    np.testing.assert_array_equal(read_hole(mask, use_alpha=True), ~DISK)
    np.testing.assert_array_equal(read_hole(mask, use_alpha=False), DISK)
    with pytest.raises(ValueError, match="needs a mask with an alpha channel"):
        read_hole(DISK, use_alpha=True)


def test_orientation_of_the_mask_is_applied(tmp_path):
    mask = np.zeros((20, 30), np.uint8)
    mask[:5] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(mask).save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(read_hole(tmp_path / "mask.png"), np.rot90(mask, -1) == 255)


def test_16_bit_colour_file_is_read(tmp_path):
    pixels = np.repeat(DISK[..., None] * np.uint16(65535), 3, -1).astype(np.uint16)
    write_image(ImageData(pixels), tmp_path / "mask.png")
    np.testing.assert_array_equal(read_hole(tmp_path / "mask.png"), DISK)


@pytest.mark.parametrize("factor", [2, 3])
def test_scaling_up_repeats_pixels(factor):
    size = (60 * factor, 80 * factor)
    expected = DISK.repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_array_equal(read_hole(DISK, size=size), expected)


def test_scaling_down_keeps_place_and_share():
    small = read_hole(DISK, size=(20, 27))
    assert small.shape == (20, 27)
    assert small.mean() == pytest.approx(DISK.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("mask_shape", "size"), [((67, 100), (1000, 1500)), ((1000, 1500), (67, 100)), ((1, 1), (1, 2))]
)
def test_aspect_ratio_may_be_off_by_rounding(mask_shape, size):
    mask = np.zeros(mask_shape, bool)
    mask[: mask_shape[0] // 2 + 1, : mask_shape[1] // 2] = True
    assert read_hole(mask, size=size).shape == size


@pytest.mark.parametrize("size", [(80, 60), (60, 60), (60, 82), (600, 830)])
def test_other_aspect_ratio_is_refused_naming_both_sizes(size):
    message = f"mask is 80 x 60 and the picture {size[1]} x {size[0]}"
    with pytest.raises(ValueError, match=message):
        read_hole(DISK, size=size)


@pytest.mark.parametrize(
    ("rows", "message"), [(0, "nothing"), (60, "the whole picture"), (42, "70 % of the picture")]
)
def test_suspicious_polarity_is_logged(rows, message, caplog):
    mask = np.zeros((60, 80), np.uint8)
    mask[:rows] = 255
    with caplog.at_level(logging.WARNING, logger="inpaint"):
        read_hole(mask)
    assert [record.name for record in caplog.records] == ["inpaint"]
    assert f"the mask marks {message}" in caplog.text


def test_usual_hole_is_not_logged(caplog):
    read_hole(DISK)
    assert not caplog.records


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 4), 255.0), r"float mask must lie in \[0, 1\], got 0.0 to 255.0|got 255.0"),
        (np.full((4, 4), np.nan), r"float mask must lie in \[0, 1\], got nan"),
        (np.full((4, 4), -1), "integers must lie in 0 to 65535, got -1"),
        (np.zeros((4, 4, 2)), r"must be \(H, W\) or \(H, W, 1, 3 or 4\), got \(4, 4, 2\)"),
        (np.zeros((0, 4)), "must not be empty"),
    ],
)
def test_wrong_values_and_shapes_are_refused(array, message):
    with pytest.raises(ValueError, match=message):
        read_hole(array)


def test_wrong_kinds_are_refused(tmp_path):
    with pytest.raises(TypeError, match="path, a Pillow image or an array, got list"):
        read_hole([[0, 1]])
    with pytest.raises(TypeError, match="bool, integer or float, got complex128"):
        read_hole(np.zeros((2, 2), complex))
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        read_hole(tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(ImageError, match="not a picture"):
        read_hole(tmp_path / "bad.png")


def brute_force_dilation(hole, radius):
    y, x = np.nonzero(hole)
    rows, columns = np.mgrid[0 : hole.shape[0], 0 : hole.shape[1]]
    squared = (rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2
    return squared.min(-1) <= radius**2


@pytest.mark.parametrize("radius", [1, 2, 5, 13, 50])
def test_growing_is_dilation_by_a_disk(radius):
    hole = np.random.default_rng(radius).random((41, 67)) < 0.004
    assert hole.any()
    np.testing.assert_array_equal(grow_hole(hole, radius), brute_force_dilation(hole, radius))


def test_shrinking_is_growing_what_is_known():
    np.testing.assert_array_equal(grow_hole(DISK, -4), ~brute_force_dilation(~DISK, 4))
    np.testing.assert_array_equal(grow_hole(disk(radius=3), -4), np.zeros_like(DISK))


def test_hole_at_the_border_is_not_eaten_from_outside():
    hole = np.zeros((20, 30), bool)
    hole[:, :10] = True
    np.testing.assert_array_equal(grow_hole(hole, -3), np.arange(30)[None].repeat(20, 0) < 7)


@pytest.mark.parametrize("pixels", [-5, 0, 5])
def test_empty_and_full_holes_stay(pixels):
    for hole in (np.zeros((5, 6), bool), np.ones((5, 6), bool)):
        grown = grow_hole(hole, pixels)
        np.testing.assert_array_equal(grown, hole)
        assert grown is not hole


def test_growing_by_nothing_copies():
    grown = grow_hole(DISK, 0)
    np.testing.assert_array_equal(grown, DISK)
    assert not np.shares_memory(grown, DISK)


def test_only_bool_holes_grow():
    with pytest.raises(TypeError, match="hole must be bool, got uint8"):
        grow_hole(DISK.astype(np.uint8), 1)
    with pytest.raises(ValueError, match=r"hole must be \(H, W\), got \(1, 60, 80\)"):
        grow_hole(DISK[None], 1)


def levels(*shares_of_values, dtype=np.uint8):
    """A mask whose columns have the values; each (value, number of columns of a hundred)."""
    row = np.concatenate([np.full(count, value) for value, count in shares_of_values])
    return np.repeat(row[None].astype(dtype), 10, axis=0)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (levels((0, 70), (2, 30)), "the mask has the values 0 and 2 only: 2 means fill"),
        (levels((0, 70), (2, 30), dtype=np.uint16), "the values 0 and 2 only"),
        (levels((0, 70), (1, 30)), None),
        (levels((0, 70), (128, 30)), None),
        (levels((0, 70), (255, 30), dtype=np.uint16), "the values 0 and 255 only"),
        (levels((0, 70), (40_000, 30), dtype=np.uint16), None),
        (levels((0, 70), (1, 30), dtype=np.uint16), None),
        (levels((0, 70), (2, 30), dtype=np.int64), "the values 0 and 2 only"),
    ],
)
def test_masks_of_two_values_mark_the_other_one_than_0(mask, message, caplog, tmp_path):
    if message and "255" in message:
        message = None  # nothing is odd about 8 bits that are stored in 16
    sources = [mask]
    if mask.dtype != np.int64:
        write_image(ImageData(mask), tmp_path / "mask.png")
        sources.append(tmp_path / "mask.png")
    for source in sources:
        caplog.clear()
        hole = read_hole(source)
        assert not hole[:, :70].any() and hole[:, 70:].all()
        assert [message in record.message for record in caplog.records] == (
            [True] if message else []
        )


@pytest.mark.parametrize(
    ("mask", "share", "message"),
    [
        (levels((0, 70), (1, 20), (2, 10)), 0, "3 values (0, 1, 2) as labels have; none is above"),
        (levels((0, 70), (128, 20), (64, 10)), 0.2, "(0, 64, 128) as labels have; above 127 means"),
        (levels((0, 60), (1, 30), (255, 10)), 0.1, "(0, 1, 255) as labels have; above 127 means"),
        (levels((0, 60), (1, 10), (2, 10), (3, 10), (4, 10)), 0, "5 values (0, 1, 2, 3, ...)"),
    ],
)
def test_masks_of_labels_are_named(mask, share, message, caplog):
    assert read_hole(mask).mean() == pytest.approx(share)
    assert message in caplog.messages[0]


def test_photo_in_the_place_of_a_mask_is_named(caplog):
    photo = (np.indices((60, 80)).sum(0) * 255 // 138).astype(np.uint8)
    for mask in (photo, photo[..., None].repeat(3, -1), photo.astype(np.uint16) * 257):
        caplog.clear()
        read_hole(mask)
        assert "the mask looks like a photo: 93 % of its pixels" in caplog.messages[0]
        caplog.clear()
        read_hole(mask, warn=False)
        assert not caplog.messages


def test_soft_edges_and_jpeg_noise_are_those_of_a_mask(caplog, tmp_path):
    soft = cv2.GaussianBlur(DISK.astype(np.uint8) * 255, (0, 0), 2)
    Image.fromarray(soft).save(tmp_path / "soft.jpg", quality=60)
    for mask in (soft, soft.astype(np.uint16) * 257, tmp_path / "soft.jpg"):
        assert (read_hole(mask) != DISK).mean() < 0.01
    assert not caplog.messages

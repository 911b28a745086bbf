"""Decoding the pictures of a data set."""

import io

import numpy as np
import pytest
from pictures import encode
from PIL import Image

from inpaint.images import ImageError, decode_rgb


def ramp() -> Image.Image:
    """6 wide and 4 high, red growing to the right, green growing downwards."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[..., 0] = np.arange(6) * 40
    pixels[..., 1] = np.arange(4)[:, None] * 60
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "PNG"), ("RGBA", "PNG"), ("RGB", "BMP"), ("CMYK", "TIFF"), ("RGB", "TIFF")],
)
def test_lossless_colour_pictures_decode_to_the_same_rgb(mode: str, kind: str) -> None:
    decoded = decode_rgb(encode(ramp().convert(mode), kind))
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - np.asarray(ramp())).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_and_palette_pictures_decode_to_three_channels(mode: str, kind: str) -> None:
    picture = ramp().convert(mode)
    decoded = decode_rgb(encode(picture, kind))
    assert np.array_equal(decoded, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_of_all_modes_decode_as_pillow_decodes_them(mode: str) -> None:
    data = encode(ramp().resize((48, 32)).convert(mode), "JPEG", quality=95)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(decode_rgb(data) - expected).max() <= 3


def test_sixteen_bit_gray_keeps_its_high_byte() -> None:
    deep = np.array([[0, 256, 257, 40000, 65535]], np.uint16)
    decoded = decode_rgb(encode(Image.fromarray(deep)))
    assert decoded[0, :, 0].tolist() == [0, 1, 1, 156, 255]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    decoded = decode_rgb(encode(ramp(), kind, exif=exif))
    assert decoded.shape == (6, 4, 3)
    assert decoded[0, 0, 1] > decoded[0, -1, 1]  # green grows to the left now


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.6])
def test_cut_off_pictures_are_refused(kind: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    with pytest.raises(ImageError, match="not a readable picture"):
        decode_rgb(data[: int(kept * len(data))])

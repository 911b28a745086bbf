import io
import struct

import numpy as np
import pytest
from pictures import ICC, XMP, assert_same, exif_bytes, exif_facts, round_trip, save, scene
from PIL import Image, ImageOps, PngImagePlugin

from inpaint.images import (
    ImageData,
    from_pil,
    read_image,
    to_pil,
    write_image,
)
from inpaint.images.exif import settle_exif, turn_upright
from inpaint.images.png import encode_png16
from inpaint.images.tiff import encode_tiff


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_png_is_turned_upright(channels, tmp_path):
    samples = scene(20, 30, channels, np.uint16)
    (tmp_path / "in").write_bytes(encode_png16(samples, exif=exif_bytes(6)[6:]))
    picture, again = round_trip(tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(picture.pixels, np.rot90(samples[..., :3], -1))
    assert_same(picture, again)


def test_jpeg_keeps_xmp_and_iptc(tmp_path):
    iptc = b"\x1c\x02\x78\x00\x04dusk"
    picture = ImageData(scene(), format="jpg", xmp=XMP, iptc=iptc)
    write_image(picture, tmp_path / "in")
    again = read_image(tmp_path / "in")
    assert (again.xmp, again.iptc) == (XMP, iptc)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(name, orientation, tmp_path):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(name, {})
    samples = np.kron(scene(4, 6), np.ones((8, 8, 1), np.uint8))
    path = save(
        Image.fromarray(samples), name, tmp_path / "in", exif=exif_bytes(orientation), **options
    )
    picture, again = round_trip(path, tmp_path)
    tolerance = 12 if name == "JPEG" else 0
    expected = turn_upright(samples, orientation).astype(int)
    np.testing.assert_allclose(picture.pixels, expected, atol=tolerance)
    np.testing.assert_allclose(again.pixels, expected, atol=tolerance)
    for each in (picture, again):
        assert exif_facts(each.exif) == exif_facts(exif_bytes())
        assert settle_exif(each.exif)[1] in (1, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_agrees_with_pillow(orientation):
    image = Image.fromarray(scene(4, 6))
    exif = image.getexif()
    exif[0x0112] = orientation
    picture = from_pil(image)
    np.testing.assert_array_equal(picture.pixels, np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_tiff_is_turned_upright(orientation, tmp_path):
    samples = scene(20, 30, 3, np.uint16)
    data = insert_tiff_tag(encode_tiff(samples, metadata={}), 274, orientation)
    picture = read_image(io.BytesIO(data))
    np.testing.assert_array_equal(picture.pixels, turn_upright(samples, orientation))


def insert_tiff_tag(data, tag, value):
    """A TIFF file with a 16-bit tag added: its directory is copied to the end of the file."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [data[i : i + 12] for i in range(at + 2, at + 2 + 12 * count, 12)]
    entries.append(struct.pack("<HHIHH", tag, 3, 1, value, 0))
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2]))
    end = len(data) + len(data) % 2
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", end) + data[8:].ljust(end - 8, b"\0") + directory


def test_orientation_in_xmp_counts_and_is_reset(tmp_path):
    xmp = XMP.replace(b"dc:title", b'tiff:Orientation="6" dc:title')
    path = save(Image.fromarray(scene(20, 30)), "JPEG", tmp_path / "in.jpg", xmp=xmp)
    picture, again = round_trip(path, tmp_path)
    assert picture.size == again.size == (30, 20)
    assert b'tiff:Orientation="1"' in again.xmp


def test_thumbnail_that_shows_the_old_picture_is_removed(tmp_path):
    thumbnail = b"\xff\xd8 old picture \xff\xd9"
    first = struct.pack("<HHHII", 1, 0x0112, 3, 1, 6) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + first + second
    exif = b"Exif\0\0" + tiff + bytes(56 - len(tiff)) + thumbnail
    path = save(Image.fromarray(scene()), "JPEG", tmp_path / "in", exif=exif)
    picture = read_image(path)
    assert b"old picture" not in picture.exif
    assert len(picture.exif) == len(exif)


@pytest.mark.parametrize("exif", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_damaged_exif_is_left_alone(exif):
    assert settle_exif(exif) == (b"Exif\0\0" + exif, None)


def test_png_keeps_text_and_colour_chunks(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "dusk")
    info.add_itxt("Author", "Zoë")
    info.add(b"gAMA", struct.pack(">I", 45455))
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    path = save(Image.fromarray(scene()), "PNG", tmp_path / "in", pnginfo=info)
    picture, again = round_trip(path, tmp_path)
    assert sorted(kind for kind, _ in picture.chunks) == [b"gAMA", b"iTXt", b"tEXt"]
    assert picture.xmp == XMP
    assert_same(picture, again)


def test_metadata_goes_along_into_another_format(tmp_path):
    path = save(
        Image.fromarray(scene()), "TIFF", tmp_path / "in", exif=exif_bytes(), icc_profile=ICC
    )
    for name in ("jpg", "png", "webp", "tiff"):
        write_image(read_image(path), tmp_path / "out", format=name)
        picture = read_image(tmp_path / "out")
        assert (picture.format, picture.icc) == (name, ICC)
        assert exif_facts(picture.exif) == exif_facts(exif_bytes())


def test_pillow_image_keeps_metadata_and_is_turned_upright(tmp_path):
    path = save(
        Image.fromarray(scene(20, 30)), "JPEG", tmp_path / "in", exif=exif_bytes(6), icc_profile=ICC
    )
    with Image.open(path) as image:
        again = to_pil(from_pil(image))
    assert again.size == (20, 30)
    assert again.info["icc_profile"] == ICC
    assert again.getexif()[0x0112] == 1

import dataclasses
import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import (
    image_of_mode,
    needs_avif,
    save,
    scene,
)
from PIL import Image

from inpaint.images import (
    ImageData,
    ImageError,
    format_of,
    read_image,
    with_pixels,
    write_image,
)
from inpaint.images.png import encode_png16
from inpaint.images.tiff import encode_tiff


def test_content_decides_the_format_and_not_the_name(tmp_path):
    path = save(Image.fromarray(scene()), "PNG", tmp_path / "photo.jpg")
    assert read_image(path).format == "png"
    with open(path, "rb") as file:
        assert read_image(file).format == "png"


def test_missing_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        read_image(tmp_path / "none.png")


def truncated(name, image=None, **options):
    file = io.BytesIO()
    (image or Image.fromarray(scene(100, 100))).save(file, name, **options)
    return file.getvalue()[: len(file.getvalue()) // 2]


BAD = {
    "empty": (b"", r"empty \(zero bytes\)"),
    "text": (b"this is not a picture, whatever its name says", "not a picture of a known format"),
    "short header": (b"\x89PNG\r\n\x1a\n\0\0", "damaged or cut short"),
    "float": (None, "mode F"),
    **{
        f"cut {name}": (truncated(name), "damaged or cut short")
        for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
    },
    "cut gif": (truncated("GIF", image_of_mode("P")), "damaged or cut short"),
    "cut 16-bit png": (
        encode_png16(scene(100, 100, 3, np.uint16))[:9000],
        "damaged or cut short",
    ),
    "cut 16-bit tiff": (
        encode_tiff(scene(100, 100, 3, np.uint16), metadata={})[:9000],
        "damaged or cut short",
    ),
    "no pixels": (
        encode_png16(np.zeros((1, 1, 3), np.uint16))[:33]
        + struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")),
        "damaged or cut short",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_reported_in_one_sentence(case, tmp_path):
    data, message = BAD[case]
    path = tmp_path / "bad.png"
    if data is None:
        Image.fromarray(np.zeros((5, 5), np.float32)).save(path, "TIFF")
    else:
        path.write_bytes(data)
    with pytest.raises(ImageError, match=message) as caught:
        read_image(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_directory_and_pipe_are_refused(tmp_path):
    with pytest.raises(ImageError, match="directory, not a picture"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="not a regular file"):
        read_image(tmp_path / "pipe")


def test_size_in_the_header_is_checked_before_decoding(tmp_path):
    data = bytearray(encode_png16(np.zeros((1, 1, 3), np.uint16)))
    struct.pack_into(">II", data, 16, 40000, 40000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    with pytest.raises(ImageError, match="40000 x 40000 pixels, more than the limit"):
        read_image(io.BytesIO(data))


def test_limit_on_pixels_is_ours_and_settable(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("JPEG", "PNG", "TIFF", "WEBP", "BMP"):
        path = save(Image.fromarray(scene()), name, tmp_path / name)
        assert read_image(path).size == (37, 91)
        assert read_image(path, max_pixels=37 * 91).size == (37, 91)
        with pytest.raises(ImageError, match="91 x 37 pixels, more than the limit of 3366"):
            read_image(path, max_pixels=37 * 91 - 1)


def test_what_a_format_cannot_hold_is_refused_with_a_way_out(tmp_path):
    deep = ImageData(scene(dtype=np.uint16))
    clear = ImageData(scene(), scene()[..., 0].copy())
    with pytest.raises(ImageError, match="jpg cannot hold 16 bits a channel; choose png or tiff"):
        write_image(deep, tmp_path / "out", format="jpg")
    with pytest.raises(ImageError, match="jpg cannot hold transparency; choose png"):
        write_image(clear, tmp_path / "out", format="jpeg")
    with pytest.raises(ImageError, match="partly transparent pixels; choose png"):
        write_image(clear, tmp_path / "out", format="gif")
    wide = ImageData(np.zeros((1, 70000, 3), np.uint8))
    for name in ("jpg", "webp"):
        with pytest.raises(ImageError, match=f"cannot write 70000 x 1 pixels as {name}"):
            write_image(wide, tmp_path / "out", format=name)
    with pytest.raises(ValueError, match="format must be one of jpg, png"):
        write_image(clear, tmp_path / "out", format="exe")
    with pytest.raises(ValueError, match="quality must lie in 1 to 100, got 0"):
        write_image(clear, tmp_path / "out", format="webp", quality=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["jpg", "webp", pytest.param("avif", marks=needs_avif)])
def test_quality_decides_the_size(name, tmp_path):
    sizes = []
    for quality in (20, 90):
        write_image(ImageData(scene(100, 100)), tmp_path / "out", format=name, quality=quality)
        sizes.append((tmp_path / "out").stat().st_size)
    assert sizes[0] < 0.7 * sizes[1]


def test_failing_write_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_image(ImageData(scene()), path)
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]
    assert path.read_bytes() == b"old"


def test_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    write_image(ImageData(scene()), tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_wrong_arrays_are_refused():
    with pytest.raises(ValueError, match=re.escape("(H, W) or (H, W, 3) and not empty, got (4, 4")):
        ImageData(np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(ValueError, match="uint8 or uint16, got float64"):
        ImageData(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"alpha must be \(4, 4\) uint8"):
        ImageData(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"pixels must be \(4, 4\) uint8 like the picture's"):
        with_pixels(ImageData(np.zeros((4, 4), np.uint8)), np.zeros((4, 4), np.uint16))


def test_picture_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ImageData(scene()).pixels = None


def test_format_follows_from_the_suffix():
    assert format_of("a/b.JPEG") == "jpg"
    assert format_of(Path("b.tif")) == "tiff"
    assert format_of("b.txt") is None

"""Pictures and helpers shared by the tests of `inpaint.images`."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from inpaint.images import (
    ImageData,
    read_image,
    write_image,
)

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="dusk"/></x:xmpmeta>'
METADATA = ("exif", "icc", "xmp", "iptc", "comment", "dpi", "chunks", "jpeg", "lossless", "format")
MAKER_NOTE = b"secret offsets 1234"

needs_avif = pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="Pillow without AVIF"
)


def encode(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def scene(height=37, width=91, channels=3, dtype=np.uint8):
    """A smooth picture with some texture: codecs treat it as they treat a photo."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(5 * x + c) * np.cos(4 * y - c) for c in range(channels)]
    noise = np.random.default_rng(0).normal(0, 0.02, (height, width, channels))
    full = np.iinfo(dtype).max
    return ((0.5 + 0.4 * np.stack(waves, -1) + noise).clip(0, 1) * full).astype(dtype)


def exif_bytes(orientation=None):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    if orientation:
        exif[0x0112] = orientation
    exif[0x8769] = {0x9003: "2024:05:06 07:08:09", 0x927C: MAKER_NOTE, 0x829A: 0.004}
    exif[0x8825] = {1: "N", 2: (47.0, 22.0, 30.0)}
    return exif.tobytes()


def exif_facts(exif):
    loaded = Image.Exif()
    loaded.load(exif)
    photo, place = loaded.get_ifd(0x8769), loaded.get_ifd(0x8825)
    return loaded[0x010F], photo[0x9003], photo[0x927C], float(photo[0x829A]), tuple(place[2])


def save(image, name, path, **options):
    image.save(path, name, **options)
    return path


def image_of_mode(mode):
    rgba = scene(channels=4)
    if mode == "1":
        return Image.fromarray(rgba[..., 0]).convert("1")
    if mode == "I;16":
        return Image.fromarray(scene(channels=1, dtype=np.uint16)[..., 0])
    if mode == "P":
        return Image.fromarray(rgba[..., :3]).quantize(23)
    channels = {"L": 0, "LA": [0, 3], "RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3]}[mode]
    return Image.fromarray(rgba[..., channels])


def assert_same(first: ImageData, second: ImageData, fields=METADATA):
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.pixels.dtype == second.pixels.dtype
    assert (first.alpha is None) == (second.alpha is None)
    if first.alpha is not None:
        np.testing.assert_array_equal(first.alpha, second.alpha)
    for field in fields:
        assert getattr(first, field) == getattr(second, field), field


def round_trip(path, tmp_path, **options):
    picture = read_image(path)
    write_image(picture, tmp_path / "again", **options)
    return picture, read_image(tmp_path / "again")


def stored_mode(path):
    with Image.open(path) as image:
        return image.mode

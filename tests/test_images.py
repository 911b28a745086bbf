import dataclasses
import io
import struct

import cv2
import numpy as np
import pytest
from pictures import (
    ICC,
    METADATA,
    XMP,
    assert_same,
    exif_bytes,
    exif_facts,
    image_of_mode,
    needs_avif,
    round_trip,
    save,
    scene,
    stored_mode,
)
from PIL import Image

from inpaint.images import (
    ImageData,
    ImageError,
    from_pil,
    read_image,
    to_pil,
    with_pixels,
    write_image,
)
from inpaint.images.png import encode_png16

LOSSLESS = [
    *[("PNG", mode, {}) for mode in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")],
    *[("TIFF", mode, {}) for mode in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")],
    *[("TIFF", mode, {"compression": "tiff_lzw"}) for mode in ("L", "P", "RGB", "RGBA")],
    ("TIFF", "1", {"compression": "group4"}),
    *[("BMP", mode, {}) for mode in ("1", "L", "P", "RGB")],
    *[("GIF", mode, {}) for mode in ("1", "L", "P")],
    *[("WEBP", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")],
]


@pytest.mark.parametrize(("name", "mode", "options"), LOSSLESS)
def test_lossless_format_comes_back_with_equal_pixels_and_metadata(name, mode, options, tmp_path):
    if name in ("PNG", "TIFF", "WEBP") and not (name == "TIFF" and options):
        options = {**options, "exif": exif_bytes(), "icc_profile": ICC}
    if name != "WEBP" and name != "GIF":
        options = {**options, "dpi": (300, 150)}
    source = image_of_mode(mode)
    path = save(source, name, tmp_path / "in", **options)
    picture, again = round_trip(path, tmp_path)

    expected = source.convert("RGB") if mode == "P" or name == "GIF" else source
    expected = expected.convert("L") if mode == "1" and name != "GIF" else expected
    bands = np.asarray(expected)
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(picture.alpha, bands[..., -1])
        bands = bands[..., 0] if mode == "LA" else bands[..., :3]
    np.testing.assert_array_equal(picture.pixels, bands)
    if "exif" in options:
        assert exif_facts(picture.exif) == exif_facts(again.exif)
        assert picture.icc == ICC
    if "dpi" in options:
        assert picture.dpi == pytest.approx((300, 150), abs=0.02)
    assert_same(picture, again)
    if name != "GIF":
        assert again.mode == picture.mode


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_comes_back_with_equal_samples_and_metadata(channels, tmp_path):
    samples = scene(70, 33, channels, np.uint16)
    text = (b"tEXt", b"Title\0dusk")
    data = encode_png16(samples, exif=exif_bytes()[6:], icc=ICC, dpi=(300.0, 150.0), chunks=(text,))
    (tmp_path / "in").write_bytes(data)
    picture, again = round_trip(tmp_path / "in", tmp_path)
    colours = samples[..., 0] if channels < 3 else samples[..., :3]
    np.testing.assert_array_equal(picture.pixels, colours)
    if channels in (2, 4):
        np.testing.assert_array_equal(picture.alpha, samples[..., -1])
    assert picture.exif == exif_bytes()
    assert (picture.icc, picture.chunks) == (ICC, (text,))
    assert picture.dpi == pytest.approx((300, 150), abs=0.02)
    assert_same(picture, again)


def test_16_bit_png_is_about_as_small_as_opencv_makes_it():
    samples = scene(128, 128, 3, np.uint16)
    ours = len(encode_png16(samples))
    best = cv2.imencode(".png", samples[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].size
    assert ours <= 1.02 * best


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_colour_of_a_16_bit_png_becomes_alpha(channels, tmp_path):
    samples = scene(9, 7, channels, np.uint16)
    key = (b"tRNS", samples[2, 3].astype(">u2").tobytes())
    (tmp_path / "in").write_bytes(encode_png16(samples, chunks=(key,)))
    picture, again = round_trip(tmp_path / "in", tmp_path)
    assert picture.alpha[2, 3] == 0
    assert (picture.alpha == 65535).sum() == 62
    assert_same(picture, again)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("compressed", [True, False])
def test_tiff_of_every_kind_holds_all_metadata(mode, compressed, tmp_path):
    metadata = {"exif": exif_bytes(), "icc": ICC, "xmp": XMP, "dpi": (300.0, 150.0)}
    picture = dataclasses.replace(
        from_pil(image_of_mode(mode)), format="tiff", compressed=compressed, **metadata
    )
    write_image(picture, tmp_path / "in")
    again, third = round_trip(tmp_path / "in", tmp_path)
    assert_same(picture, again, ("icc", "xmp", "dpi", "mode", "compressed"))
    assert exif_facts(again.exif) == exif_facts(picture.exif)
    assert_same(again, third)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("compressed", [True, False])
def test_16_bit_tiff_comes_back_with_equal_samples_and_metadata(channels, compressed, tmp_path):
    samples = scene(70, 33, channels, np.uint16)
    picture = ImageData(
        samples[..., :3].copy(),
        alpha=samples[..., 3].copy() if channels == 4 else None,
        format="tiff",
        exif=exif_bytes(),
        icc=ICC,
        xmp=XMP,
        dpi=(300.0, 150.0),
        compressed=compressed,
    )
    write_image(picture, tmp_path / "in")
    again, third = round_trip(tmp_path / "in", tmp_path)
    assert_same(picture, again, ("icc", "xmp", "dpi", "compressed"))
    assert exif_facts(again.exif) == exif_facts(picture.exif)
    assert_same(again, third)
    assert third.file_size == again.file_size
    decoded = cv2.imread(str(tmp_path / "in"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded[..., 2::-1], picture.pixels)


def test_16_bit_tiff_of_another_program_is_read(tmp_path):
    samples = scene(40, 30, 4, np.uint16)
    cv2.imwrite(str(tmp_path / "in.tif"), samples)
    picture, again = round_trip(tmp_path / "in.tif", tmp_path)
    np.testing.assert_array_equal(picture.pixels, samples[..., 2::-1])
    assert_same(picture, again, ())


def with_tiff_tag(data, tag, value):
    """A TIFF file with the 16-bit `value` of a tag already in its first directory replaced."""
    data = bytearray(data)
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            struct.pack_into("<H", data, entry + 8, value)
            return bytes(data)
    raise AssertionError(tag)


def test_inverted_16_bit_tiff_is_read_as_it_looks(tmp_path):
    samples = scene(9, 7, 1, np.uint16)[..., 0]
    write_image(ImageData(samples, format="tiff"), tmp_path / "in")
    data = with_tiff_tag((tmp_path / "in").read_bytes(), 262, 0)
    picture = read_image(io.BytesIO(data))
    np.testing.assert_array_equal(picture.pixels, 65535 - samples)


def test_premultiplied_16_bit_tiff_is_made_straight_with_a_note(tmp_path):
    alpha = np.full((9, 7), 32768, np.uint16)
    colours = scene(9, 7, 3, np.uint16)
    stored = (colours.astype(np.uint32) * 32768 // 65535).astype(np.uint16)
    write_image(ImageData(stored, alpha, format="tiff"), tmp_path / "in")
    data = with_tiff_tag((tmp_path / "in").read_bytes(), 338, 1)
    picture = read_image(io.BytesIO(data))
    np.testing.assert_allclose(picture.pixels.astype(int), colours, atol=2)
    assert picture.notes == ("premultiplied alpha converted to straight",)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("quality", "subsampling"), [(60, 2), (75, 1), (92, 0)])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_tables_metadata_and_size(mode, quality, subsampling, progressive, tmp_path):
    options = {"exif": exif_bytes(), "icc_profile": ICC, "dpi": (300, 300), "comment": b"dusk"}
    image = Image.fromarray(scene(240, 320)).convert(mode)
    path = save(
        image,
        "JPEG",
        tmp_path / "in",
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        optimize=True,
        **options,
    )
    picture, again = round_trip(path, tmp_path)
    assert picture.exif == exif_bytes()
    assert (picture.icc, picture.comment, picture.dpi) == (ICC, b"dusk", (300, 300))
    for field in METADATA:
        assert getattr(picture, field) == getattr(again, field), field
    assert np.abs(picture.pixels.astype(int) - again.pixels).mean() < 1.5
    assert again.file_size <= 1.05 * picture.file_size


def test_jpeg_stored_as_rgb_stays_so(tmp_path):
    path = save(Image.fromarray(scene()), "JPEG", tmp_path / "in", keep_rgb=True)
    picture, again = round_trip(path, tmp_path)
    assert picture.jpeg.rgb and again.jpeg == picture.jpeg


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("quality", [60, 80, 90])
def test_lossy_webp_keeps_metadata_and_size(mode, quality, tmp_path):
    image = Image.fromarray(scene(240, 320, len(mode)))
    path = save(
        image, "WEBP", tmp_path / "in", quality=quality, exif=exif_bytes(), icc_profile=ICC, xmp=XMP
    )
    picture, again = round_trip(path, tmp_path)
    assert not picture.lossless
    assert (picture.exif, picture.icc, picture.xmp) == (exif_bytes(), ICC, XMP)
    for field in METADATA:
        assert getattr(picture, field) == getattr(again, field), field
    assert (picture.alpha is None) == (mode == "RGB")
    assert np.abs(picture.pixels.astype(int) - again.pixels).mean() < 4
    assert again.file_size <= 1.05 * picture.file_size


@needs_avif
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_keeps_metadata_and_size(mode, tmp_path):
    image = Image.fromarray(scene(120, 160, len(mode)))
    path = save(image, "AVIF", tmp_path / "in", quality=70, exif=exif_bytes(), icc_profile=ICC)
    picture, again = round_trip(path, tmp_path)
    assert picture.format == "avif"
    assert exif_facts(picture.exif) == exif_facts(again.exif)
    assert (picture.icc, again.icc) == (ICC, ICC)
    assert np.abs(picture.pixels.astype(int) - again.pixels).mean() < 4
    assert again.file_size <= 1.05 * picture.file_size


@pytest.mark.parametrize("transparency", [None, 3, bytes([255, 0, 128])])
def test_palette_png_stays_a_palette_png_with_its_transparency(transparency, tmp_path):
    image = image_of_mode("P")
    options = {} if transparency is None else {"transparency": transparency}
    path = save(image, "PNG", tmp_path / "in", **options)
    picture, again = round_trip(path, tmp_path)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(picture.pixels, expected[..., :3])
    assert (picture.alpha is None) == (transparency is None)
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, expected[..., 3])
    assert_same(picture, again)
    assert stored_mode(tmp_path / "again") == "P"


def test_palette_png_with_a_new_colour_becomes_rgb(tmp_path):
    picture = read_image(save(image_of_mode("P"), "PNG", tmp_path / "in"))
    pixels = picture.pixels.copy()
    pixels[3, 4] = (1, 2, 3)
    write_image(with_pixels(picture, pixels), tmp_path / "out")
    assert stored_mode(tmp_path / "out") == "RGB"
    np.testing.assert_array_equal(read_image(tmp_path / "out").pixels, pixels)


@pytest.mark.parametrize("transparency", [None, 3])
def test_gif_maps_new_colours_and_keeps_known_ones(transparency, tmp_path):
    options = {} if transparency is None else {"transparency": transparency}
    path = save(image_of_mode("P"), "GIF", tmp_path / "in", comment=b"dusk", **options)
    picture, again = round_trip(path, tmp_path)
    assert_same(picture, again, ("comment", "format"))
    pixels = picture.pixels.copy()
    pixels[:5, :7] = scene(5, 7) // 2
    write_image(with_pixels(picture, pixels), tmp_path / "out")
    filled = read_image(tmp_path / "out")
    np.testing.assert_array_equal(filled.pixels[5:], pixels[5:])
    distance = np.abs(pixels[0, 0].astype(int) - picture.palette[:, :3]).max(1).min()
    assert np.abs(filled.pixels[0, 0].astype(int) - pixels[0, 0]).max() <= distance + 40


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("transparency", [None, 255])
def test_gif_with_a_gray_palette_maps_new_colours_and_keeps_known_ones(
    mode, transparency, tmp_path
):
    options = {} if transparency is None else {"transparency": transparency}
    path = save(image_of_mode(mode), "GIF", tmp_path / "in", **options)
    picture, again = round_trip(path, tmp_path)
    assert_same(picture, again, ("format",))
    pixels = picture.pixels.copy()
    pixels[:20] = scene(20, 91)
    write_image(with_pixels(picture, pixels), tmp_path / "out")
    filled = read_image(tmp_path / "out")
    np.testing.assert_array_equal(filled.pixels[20:], pixels[20:])
    assert np.abs(filled.pixels[:20].mean(-1) - pixels[:20].mean(-1)).mean() < 60


def test_picture_of_few_colours_can_become_a_gif_and_others_cannot(tmp_path):
    few = (scene() // 64) * 64
    write_image(ImageData(few), tmp_path / "out.gif", format="gif")
    np.testing.assert_array_equal(read_image(tmp_path / "out.gif").pixels, few)
    with pytest.raises(ImageError, match="256 colours and the picture has more; choose png"):
        write_image(ImageData(scene()), tmp_path / "out.gif", format="gif")


def test_bilevel_picture_with_a_gray_fill_becomes_gray(tmp_path):
    picture = read_image(save(image_of_mode("1"), "PNG", tmp_path / "in"))
    pixels = picture.pixels.copy()
    pixels[3, 4] = 77
    write_image(with_pixels(picture, pixels), tmp_path / "out")
    assert stored_mode(tmp_path / "out") == "L"
    np.testing.assert_array_equal(read_image(tmp_path / "out").pixels, pixels)


@pytest.mark.parametrize("channels", [2, 4])
def test_bmp_keeps_alpha(channels, tmp_path):
    samples = scene(channels=channels)
    colours = samples[..., 0] if channels == 2 else samples[..., :3]
    rgb = colours if channels == 4 else np.dstack([colours] * 3)
    picture = ImageData(colours.copy(), samples[..., -1].copy(), dpi=(300.0, 150.0))
    write_image(picture, tmp_path / "out", format="bmp")
    picture, again = round_trip(tmp_path / "out", tmp_path)
    np.testing.assert_array_equal(picture.alpha, samples[..., -1])
    np.testing.assert_array_equal(picture.pixels, rgb)
    assert_same(picture, again)


@pytest.mark.parametrize("profile", [None, b"not a profile"])
def test_cmyk_is_converted_to_rgb_with_a_note(profile, tmp_path):
    image = Image.fromarray(scene()).convert("CMYK")
    path = save(image, "JPEG", tmp_path / "in", quality=95, icc_profile=profile)
    picture, again = round_trip(path, tmp_path)
    assert picture.notes == ("CMYK converted to RGB",)
    assert picture.icc is None
    with Image.open(path) as image:
        np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert again.mode == "RGB"


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_first_frame_is_used_and_said_so(name, tmp_path):
    frames = [Image.fromarray(scene() // 64 * 64 + 9 * n) for n in range(3)]
    path = save(frames[0], name, tmp_path / "in", save_all=True, append_images=frames[1:])
    picture, again = round_trip(path, tmp_path)
    assert picture.notes == ("first frame of 3 used",)
    assert picture.size == (37, 91)
    assert again.notes == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
@pytest.mark.parametrize("name", ["jpg", "png", "webp", "tiff", "bmp", "gif"])
def test_thin_pictures_come_back(name, size, tmp_path):
    pixels = scene(*size) // 64 * 64
    write_image(ImageData(pixels), tmp_path / "out", format=name)
    assert read_image(tmp_path / "out").size == size


@pytest.mark.parametrize(
    ("mode", "back"),
    [("1", "L"), ("P", "RGB"), *((mode, mode) for mode in ("L", "LA", "RGB", "RGBA", "I;16"))],
)
def test_pillow_image_comes_back_in_its_mode(mode, back):
    image = image_of_mode(mode)
    again = to_pil(from_pil(image))
    assert again.mode == back
    np.testing.assert_array_equal(np.asarray(again), np.asarray(image.convert(back)))


def test_pillow_cannot_hold_16_bit_colour():
    with pytest.raises(ImageError, match="work on the arrays"):
        to_pil(ImageData(scene(dtype=np.uint16)))

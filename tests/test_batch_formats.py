"""What the command does to pictures of every format: nothing that it was not asked for."""

import io

import cv2
import numpy as np
import pytest
from folders import fill, put_mask, report_of, tiny_weights
from pictures import ICC, METADATA, XMP, exif_bytes, exif_facts, image_of_mode, scene
from PIL import Image, PngImagePlugin

from inpaint.images import ImageData, read_image, write_image
from inpaint.images.png import encode_png16

SIZE = (37, 91)  # of image_of_mode and scene
BOX = (9, 20, 21, 50)  # of the hole: top, left, bottom, right
AVIF = "AVIF" in Image.SAVE
TAGGED = {"exif": exif_bytes(3), "icc_profile": ICC, "dpi": (300, 150)}  # lies upside down


def saved(name, mode, **options):
    """Bytes of a picture in a mode of Pillow."""
    image = image_of_mode("RGB").convert("CMYK") if mode == "CMYK" else image_of_mode(mode)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def deep_png(channels):
    samples = scene(*SIZE, channels, np.uint16)
    icc = ICC if channels > 2 else None  # it is one of RGB
    return encode_png16(samples, exif=exif_bytes()[6:], icc=icc, dpi=(300.0, 150.0))


def deep_tiff(channels, folder):
    samples = scene(*SIZE, channels, np.uint16)
    alpha = samples[..., 3].copy() if channels == 4 else None
    known = {"exif": exif_bytes(), "icc": ICC, "xmp": XMP, "dpi": (300.0, 150.0)}
    write_image(
        ImageData(samples[..., :3].copy(), alpha, format="tiff", **known), folder / "deep.tif"
    )
    return (folder / "deep.tif").read_bytes()


def bmp_with_alpha(folder):
    samples = scene(*SIZE, 4)
    write_image(
        ImageData(samples[..., :3].copy(), samples[..., 3].copy(), format="bmp"), folder / "a.bmp"
    )
    return (folder / "a.bmp").read_bytes()


def with_chunks():
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "dusk")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return saved("PNG", "RGB", pnginfo=info, **TAGGED)


def frames(name, **options):
    images = [Image.fromarray(scene(*SIZE) // 64 * 64 + 9 * n) for n in range(3)]
    file = io.BytesIO()
    images[0].save(file, name, save_all=True, append_images=images[1:], **options)
    return file.getvalue()


def sources(folder):
    """Files of every format and kind of pixels by name."""
    jpeg = {**TAGGED, "xmp": XMP, "comment": b"dusk"}
    lossless = {"lossless": True, "exact": True}
    photo = {"exif": exif_bytes(3), "icc_profile": ICC, "xmp": XMP}
    files = {
        "gray jpg.jpg": saved("JPEG", "L", quality=80, **jpeg),
        "rgb.jpg": saved("JPEG", "RGB", quality=80, **jpeg),
        "rgb 444.jpg": saved("JPEG", "RGB", quality=93, subsampling=0, progressive=True),
        "cmyk jpg.jpg": saved("JPEG", "CMYK", quality=80),
        "chunks.png": with_chunks(),
        "palette clear.png": saved("PNG", "P", transparency=3, **TAGGED),
        "group4.tif": saved("TIFF", "1", compression="group4"),
        "lzw.tif": saved("TIFF", "RGB", compression="tiff_lzw"),
        "tags.tif": saved("TIFF", "RGB", **TAGGED),
        "cmyk tif.tif": saved("TIFF", "CMYK"),
        "alpha.bmp": bmp_with_alpha(folder),
        "clear.gif": saved("GIF", "P", transparency=3, comment=b"dusk"),
        "animated gif.gif": frames("GIF"),
        "animated png.png": frames("PNG"),
        "animated webp.webp": frames("WEBP", lossless=True),
        "pages.tif": frames("TIFF"),
    }
    for mode in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        name = mode.replace(";", "-")
        files[f"{name} png.png"] = saved("PNG", mode, **TAGGED)
        files[f"{name} tif.tif"] = saved("TIFF", mode, icc_profile=ICC, dpi=(300, 150))
    for mode in ("1", "L", "P", "RGB"):
        files[f"{mode} bmp.bmp"] = saved("BMP", mode, dpi=(300, 150))
    for mode in ("1", "L", "P"):
        files[f"{mode} gif.gif"] = saved("GIF", mode)
    for mode in ("RGB", "RGBA"):
        files[f"{mode} lossless.webp"] = saved("WEBP", mode, **lossless, **photo)
        files[f"{mode} lossy.webp"] = saved("WEBP", mode, quality=80, **photo)
        if AVIF:
            files[f"{mode} avif.avif"] = saved("AVIF", mode, quality=70, **photo)
    files |= {f"deep {channels} png.png": deep_png(channels) for channels in (1, 2, 3, 4)}
    return files | {f"deep {channels} tif.tif": deep_tiff(channels, folder) for channels in (3, 4)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with all sources."""
    folder = tmp_path_factory.mktemp("photos")
    for name, data in sources(tmp_path_factory.mktemp("scratch")).items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """Call it with a hole's box and options to get the output folder, in which all is done."""
    folder = tmp_path_factory.mktemp("runs")
    weights = tiny_weights(folder / "tiny.safetensors")

    def run_command(name, box, *options):
        mask = put_mask(folder / f"{name} mask.png", *SIZE, box)
        arguments = (photos, "--mask", mask, "-o", folder / name, *options)
        assert fill(*arguments, weights=weights) == 0
        return folder / name

    return run_command


def test_empty_hole_copies_the_file_byte_for_byte_in_every_format(run, photos):
    out = run("empty", (0, 0, 0, 0))
    names = {path.name for path in photos.iterdir()}
    assert {path.name for path in out.iterdir()} == {*names, "report.jsonl"}
    for name in names:
        assert (out / name).read_bytes() == (photos / name).read_bytes(), name
    for row in report_of(out / "report.jsonl").values():
        assert row["hole_ratio"] == 0
        assert row["notes"] == [
            "the mask marks nothing; white means fill, invert it if it means keep",
            "the hole is empty: the file is copied as it is",
        ]


def assert_same_facts(before, after):
    if before.exif:
        assert exif_facts(before.exif) == exif_facts(after.exif)
    assert after.icc == before.icc
    if before.dpi:
        assert after.dpi == pytest.approx(before.dpi, abs=0.02)


def rgba(picture):
    """(H, W, 4): what the picture looks like, whatever its channels are."""
    colours = np.dstack([picture.pixels] * 3) if picture.gray else picture.pixels
    full = np.full(picture.size, np.iinfo(colours.dtype).max, colours.dtype)
    return np.dstack([colours, full if picture.alpha is None else picture.alpha])


@pytest.mark.parametrize("target", ["png", "tiff"])
def test_empty_hole_keeps_pixels_and_metadata_through_another_format(run, photos, target):
    out = run(f"as-{target}", (0, 0, 0, 0), "--format", target)
    for path in photos.iterdir():
        name = f"{path.stem}.{target[:3]}" if path.suffix[1:4] != target[:3] else path.name
        before, after = read_image(path), read_image(out / name)
        assert after.format == target
        np.testing.assert_array_equal(rgba(after), rgba(before), path.name)
        assert_same_facts(before, after)


@pytest.fixture(scope="module")
def filled(run):
    return run("filled", BOX)


def test_fill_changes_the_hole_only_and_keeps_all_metadata(filled, photos):
    known = np.ones(SIZE, bool)
    known[BOX[0] : BOX[2], BOX[1] : BOX[3]] = False
    for path in photos.iterdir():
        before, after = read_image(path), read_image(filled / path.name)
        assert (after.size, after.pixels.dtype) == (before.size, before.pixels.dtype), path.name
        if before.lossless:
            changed = (rgba(after) != rgba(before)).any(-1)
            assert changed.any() and not changed[known].any(), path.name
            np.testing.assert_array_equal(rgba(after)[..., 3], rgba(before)[..., 3], path.name)
        assert_same_facts(before, after)
        fields = set(METADATA) - {"exif", "dpi"} - ({"jpeg"} if before.mode == "CMYK" else set())
        for field in fields:
            assert getattr(after, field) == getattr(before, field), (path.name, field)


def test_notes_say_what_was_converted(filled):
    rows = report_of(filled / "report.jsonl")
    notes = {name: row["notes"] for name, row in rows.items() if "notes" in row}
    frames = ["first frame of 3 used"]
    assert notes == {
        "animated gif.gif": frames,
        "animated png.png": frames,
        "animated webp.webp": frames,
        "pages.tif": frames,
        "cmyk jpg.jpg": ["CMYK converted to RGB"],
        "cmyk tif.tif": ["CMYK converted to RGB"],
    }


@pytest.mark.parametrize("name", ["deep 1 png.png", "deep 3 png.png", "deep 4 tif.tif"])
def test_another_program_reads_the_16_bits_that_were_written(filled, photos, name):
    before = cv2.imread(str(photos / name), cv2.IMREAD_UNCHANGED)
    after = cv2.imread(str(filled / name), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16 and after.shape == before.shape
    np.testing.assert_array_equal(after[: BOX[0]], before[: BOX[0]])

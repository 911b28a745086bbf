"""One folder with all that people have in theirs, through the real command: each is named."""

import json
import os
import socket
import struct
import zlib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from batch_command import CAN_LOCK, command
from folders import files_below, put_mask
from pictures import exif_bytes, scene
from PIL import Image

from inpaint.images import ImageData, read_image, write_image

HEIGHT, WIDTH = 48, 64
HOLE = (slice(10, 30), slice(12, 28))
AVIF = ".avif" in Image.registered_extensions() and "AVIF" in Image.SAVE


def colours(channels=3, dtype=np.uint8):
    samples = scene(HEIGHT, WIDTH, channels, dtype)
    return samples if channels > 1 else samples[..., 0]


def saved(*, mode="RGB", **options):
    """Makes a picture in a mode of Pillow, in the format that its name says."""

    def make(path):
        channels = {"L": 1, "LA": 2, "RGBA": 4}.get(mode, 3)
        image = Image.fromarray(colours(channels))
        image = image.quantize(23) if mode == "P" else image.convert(mode)
        image.save(path, **options)

    return make


def stored(channels, *, alpha=False, name):
    """Makes a picture of 16 bits a channel."""

    def make(path):
        samples = scene(HEIGHT, WIDTH, channels + alpha, np.uint16)
        pixels = samples[..., 0] if channels == 1 else samples[..., :3]
        opacity = samples[..., -1].copy() if alpha else None
        write_image(ImageData(pixels.copy(), opacity), path, format=name)

    return make


def frames(**options):
    def make(path):
        images = [Image.fromarray(colours() // 64 * 64 + 9 * n) for n in range(3)]
        images[0].save(path, save_all=True, append_images=images[1:], **options)

    return make


def cut(**options):
    """Makes the first half of a picture."""

    def make(path):
        saved(**options)(path)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    return make


def holding(data):
    return lambda path: path.write_bytes(data)


def called(name, **options):
    """Makes a picture of another format than its name says."""

    def make(path):
        saved(format=name, **options)(path)

    return make


def locked(path):
    saved()(path)
    path.chmod(0)


def linked(target):
    return lambda path: path.symlink_to(target)


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's whole path may have 107 bytes
        server.bind(path.name)
        os.chdir(here)


def chunk(kind, body):
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png_of(width, height):
    """A PNG that claims a size and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def corrupt(path):
    """A PNG whose pixels do not fit their checksum."""
    saved()(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


CUT = "damaged or cut short"
NO_PICTURE = "this is not a picture of a known format"
DENIED = "Permission denied"
HEIC = CUT if find_spec("pillow_heif") else "needs pip install pillow-heif"

# Name of the picture: how it is made, what the report says about it.
BAD = {
    **{f"cut.{suffix}": (cut(), CUT) for suffix in ("jpg", "png", "webp", "bmp")},
    "cut progressive.jpg": (cut(progressive=True), CUT),
    "cut.tif": (cut(), CUT),
    "cut lzw.tif": (cut(compression="tiff_lzw"), CUT),
    "cut.gif": (cut(mode="P"), CUT),
    "corrupt.png": (corrupt, CUT),
    "zero bytes.jpg": (holding(b""), "the file is empty (zero bytes)"),
    "one byte.jpg": (holding(b"\xff"), NO_PICTURE),
    "text.png": (holding(b"Once upon a time"), NO_PICTURE),
    "error page.jpg": (holding(b"<!DOCTYPE html><title>404</title>"), NO_PICTURE),
    "zeros.webp": (holding(bytes(4096)), NO_PICTURE),
    "photo.heic": (holding(b"\0\0\0\x18ftypheic" + bytes(99)), HEIC),
    "header only.png": (holding(b"\x89PNG\r\n\x1a\n"), CUT),
    "huge.png": (holding(png_of(40_000, 40_000)), "40000 x 40000 pixels, more than the limit"),
    "no height.png": (holding(png_of(64, 0)), CUT),
    "float.tif": (saved(mode="F"), "mode F are not supported; convert it to RGB or gray"),
    "dangling.png": (linked("nowhere.png"), "No such file"),
    "self.png": (linked("self.png"), "symbolic links"),
    "pipe.png": (os.mkfifo, "this is not a regular file"),
    "socket.png": (socket_at, "this is not a regular file"),
    "mask other aspect.png": (saved(), "another aspect ratio"),
    "mask cut.png": (saved(), CUT),
    "mask zero bytes.png": (saved(), "the file is empty"),
    "mask text.png": (saved(), NO_PICTURE),
    "mask pipe.png": (saved(), "this is not a regular file"),
    "mask dangling.png": (saved(), "No such file"),
}
if AVIF:
    BAD["cut.avif"] = (cut(), CUT)
if CAN_LOCK:
    BAD |= {
        "locked.png": (locked, DENIED),
        "locked": (lambda path: path.mkdir(mode=0), f"the folder cannot be read: {DENIED}"),
        "mask locked.png": (saved(), DENIED),
        "sealed/masks.png": (saved(), f"masks/sealed: {DENIED}"),
    }

# Name of the picture: how it is made, a note in the report if there is one to expect.
GOOD = {
    "UPPER.JPG": (saved(), None),
    "with space.png": (saved(), None),
    "two\nlines.png": (saved(), None),
    "tab\tand \x1b[31mred.png": (saved(), None),
    "Grüße 写真 🖼.webp": (saved(), None),
    "latin-\udce9.png": (saved(), None),
    "-o.bmp": (saved(), None),
    "--mask.png": (saved(), None),
    "two.dots.jpg": (saved(), None),
    "[a-z]*?.png": (saved(), None),
    "'quoted\" $HOME.png": (saved(), None),
    "x" * 251 + ".png": (saved(), None),
    "no bits for others.png": (saved(), None),
    "wrong suffix.jpg": (called("PNG"), "the content is png, whatever the name says"),
    "wrong suffix.png": (called("JPEG"), "the content is jpg, whatever the name says"),
    "cmyk.jpg": (saved(mode="CMYK"), "CMYK converted to RGB"),
    "cmyk.tif": (saved(mode="CMYK"), "CMYK converted to RGB"),
    "deep gray.png": (stored(1, name="png"), None),
    "deep.png": (stored(3, name="png"), None),
    "deep alpha.png": (stored(3, alpha=True, name="png"), None),
    "deep.tif": (stored(3, name="tiff"), None),
    "animated.gif": (frames(), "first frame of 3 used"),
    "animated.png": (frames(), "first frame of 3 used"),
    "animated.webp": (frames(lossless=True), "first frame of 3 used"),
    "pages.tif": (frames(), "first frame of 3 used"),
    "bits.png": (saved(mode="1"), None),
    "gray.jpg": (saved(mode="L"), None),
    "gray alpha.png": (saved(mode="LA"), None),
    "palette.gif": (saved(mode="P"), None),
    "alpha.webp": (saved(mode="RGBA", lossless=True, exact=True), None),
    "turned.jpg": (saved(exif=exif_bytes(3)), None),
    "link.png": (linked("with space.png"), None),
    "mask empty.png": (saved(), "the hole is empty: the file is copied as it is"),
    "mask full.png": (saved(), "the hole is the whole picture"),
    "mask twice as large.png": (saved(), None),
    "folder.png/inside.png": (saved(), None),
}
SKIPPED = {
    "loop": "a symbolic link to a folder above it",
    "folder.png": "a folder that is called like a picture",
    "mask missing.png": "no mask called mask missing.*",
}
SILENT = (".hidden.png", "._resource.jpg", ".thumbnails/a.png", "notes.txt", "Thumbs.db")

MASKS = {
    "mask other aspect.png": lambda path: put_mask(path, 48, 48),
    "mask twice as large.png": lambda path: put_mask(path, 2 * HEIGHT, 2 * WIDTH, (20, 24, 60, 56)),
    "mask empty.png": lambda path: put_mask(path, HEIGHT, WIDTH, (0, 0, 0, 0)),
    "mask full.png": lambda path: put_mask(path, HEIGHT, WIDTH, (0, 0, HEIGHT, WIDTH)),
    "mask cut.png": cut(),
    "mask zero bytes.png": holding(b""),
    "mask text.png": holding(b"white means fill"),
    "mask pipe.png": os.mkfifo,
    "mask dangling.png": linked("nowhere.png"),
    "mask locked.png": locked,
}


def put_folder(folder):
    """folder/photos and folder/masks with one of every kind."""
    photos, masks = folder / "photos", folder / "masks"
    for name, (make, _) in {**BAD, **GOOD}.items():
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        make(photos / name)
        mask = masks / Path(name).with_suffix(".png")
        if not os.path.lexists(mask):
            mask.parent.mkdir(parents=True, exist_ok=True)
            MASKS.get(name, lambda path: put_mask(path, HEIGHT, WIDTH))(mask)
    saved()(photos / "mask missing.png")
    (photos / "no bits for others.png").chmod(0o400)
    (photos / "loop").symlink_to(photos)
    if CAN_LOCK:
        (masks / "sealed").chmod(0)
    (masks / "self.jpg").symlink_to("self.jpg")  # of no picture
    (masks / "folder.jpg").mkdir()
    for name in SILENT:
        (photos / name).parent.mkdir(exist_ok=True)
        holding(b"not a picture")(photos / name)


@pytest.fixture(scope="module")
def run(tmp_path_factory, weights):
    """(folder, result, report by relative path) of one run over everything."""
    folder = tmp_path_factory.mktemp("everything")
    put_folder(folder)
    arguments = ("photos", "--mask", "masks", "-o", "out", "--skip-unmasked")
    result = command(*arguments, weights=weights, cwd=folder)
    assert (folder / "out/report.jsonl").exists(), result.stderr
    rows = [json.loads(line) for line in (folder / "out/report.jsonl").read_text().splitlines()]
    images = [os.path.relpath(row["image"], "photos") for row in rows]
    assert len(images) == len(set(images))
    return folder, result, dict(zip(images, rows, strict=True))


def test_folder_holds_at_least_thirty_kinds():
    assert len(BAD) + len(SKIPPED) >= 30
    assert len(GOOD) >= 30


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_says_why(run, name):
    folder, _, rows = run
    row = rows[name]
    assert row["status"] == "failed"
    assert BAD[name][1] in row["message"]
    assert "\n" not in row["message"] and ".inpaint-" not in row["message"]
    if name.startswith("mask") and "aspect" not in name:
        assert row["message"].startswith(f"masks/{name}: ")
    assert not os.path.lexists(folder / "out" / name)


@pytest.mark.parametrize("name", GOOD)
def test_odd_input_is_done(run, name):
    folder, _, rows = run
    row = rows[name]
    assert row["status"] == "done", row["message"]
    note, notes = GOOD[name][1], row.get("notes", [])
    assert any(note in text for text in notes) if note else not notes
    before, after = read_image(folder / "photos" / name), read_image(folder / "out" / name)
    assert (after.size, after.format, after.pixels.dtype) == (
        before.size,
        before.format,
        before.pixels.dtype,
    )
    if before.lossless and "full" not in name:
        known = np.ones(before.size, bool)
        known[HOLE] = False
        np.testing.assert_array_equal(after.pixels[known], before.pixels[known])


@pytest.mark.parametrize("name", SKIPPED)
def test_left_out_input_is_named(run, name):
    row = run[2][name]
    assert row["status"] == "skipped" and SKIPPED[name] in row["message"]


def test_report_and_outputs_hold_nothing_else(run):
    folder, _, rows = run
    assert rows.keys() == {*BAD, *GOOD, *SKIPPED}
    assert files_below(folder / "out").keys() == set(GOOD)


def test_summary_counts_and_exit_code_says_that_some_failed(run):
    _, result, rows = run
    counts = Counter(row["status"] for row in rows.values())
    assert result.returncode == 1
    assert result.stdout == ""
    sums = f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed"
    assert sums in result.stderr
    assert "Traceback" not in result.stderr and "Warning" not in result.stderr

"""The page's batches, and the zips they come in."""

import os
import zipfile

import numpy as np
import pytest
from app_server import box_hole, mask_file, photo_file, zip_file
from pictures import scene
from PIL import Image

from inpaint.app.archive import ArchiveLimits, unpack
from inpaint.app.batch import BatchOptions, fill_batch
from inpaint.app.batch_tab import time_left
from inpaint.app.handlers import Limits
from inpaint.app.visitors import Cancelled
from inpaint.images import ImageData, read_image, write_image

ROOM = ArchiveLimits(files=10, total_bytes=100_000, file_bytes=50_000)


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png"])
def test_zip_with_names_that_lead_out_is_refused(tmp_path, name):
    archive = zip_file(tmp_path / "photos.zip", {name: b"x"})
    with pytest.raises(ValueError, match="a name that leads out of it"):
        unpack([archive], tmp_path / "out", ROOM)
    assert not list(tmp_path.rglob("evil.png"))


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    archive = zip_file(tmp_path / "photos.zip", {"bomb.png": bytes(10_000_000)})
    with pytest.raises(ValueError, match=r"A file is larger than the limit of 0\.05 MB"):
        unpack([archive], tmp_path / "out", ROOM)
    many = {f"{i}.png": bytes(40_000) for i in range(5)}
    with pytest.raises(ValueError, match="Unpacked, the files are larger"):
        unpack([zip_file(tmp_path / "many.zip", many)], tmp_path / "out2", ROOM)
    with pytest.raises(ValueError, match="There are 11 files"):
        unpack(
            [zip_file(tmp_path / "n.zip", {f"{i}.png": b"" for i in range(11)})],
            tmp_path / "out3",
            ROOM,
        )


def test_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    archive = zip_file(tmp_path / "photos.zip", {"a.png": bytes(60_000)})
    data = archive.read_bytes()
    archive.write_bytes(data.replace((60_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"photos\.zip cannot be unpacked"):
        unpack([archive], tmp_path / "out", ROOM)


def test_damaged_zip_is_refused_and_odd_members_are_left_out(tmp_path):
    members = {
        "a.png": bytes(range(200, 250)),  # deflate stores it as it is
        ".hidden.png": b"2",
        "__MACOSX/a.png": b"3",
        "notes.txt": b"4",
    }
    archive = zip_file(tmp_path / "photos.zip", members)
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    unpack([archive], tmp_path / "out", ROOM)
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["a.png"]
    data = archive.read_bytes()
    archive.write_bytes(data.replace(members["a.png"], bytes(50)))
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpack([archive], tmp_path / "again", ROOM)


def batch(models, photos, masks, **limits):
    counts = []
    paths = [[str(path) for path in part] for part in (photos, masks)]
    result = fill_batch(
        *paths, models, Limits(**limits), report=lambda done, total: counts.append((done, total))
    )
    return result, counts


def contents(archive):
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_batch_with_one_mask_for_all_gives_a_zip_with_a_report(models, tmp_path):
    photos = [photo_file(tmp_path / name) for name in ("a.png", "b.jpg")]
    (tmp_path / "c.png").write_text("not a picture")
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    result, counts = batch(models, [*photos, tmp_path / "c.png"], [mask])
    assert set(contents(result.archive)) == {"a.png", "b.jpg", "report.jsonl"}
    assert [row[:2] for row in result.rows] == [
        ["a.png", "done"],
        ["b.jpg", "done"],
        ["c.png", "failed"],
    ]
    assert "not a picture of a known format" in result.rows[2][2]
    assert result.text.startswith("2 done, 0 skipped, 1 failed")
    assert counts[0] == (0, 3) and counts[-1] == (3, 3)
    shown = contents(result.archive)["report.jsonl"].decode() + str(result.rows)
    assert str(tmp_path) not in shown and os.sep + "batch-" not in shown


def test_time_left_of_a_batch_is_rounded_up_as_that_of_a_fill_is():
    assert time_left(1, 0.01) == ""  # too early
    assert time_left(10, 0.5) == ", about 10 s left"
    assert time_left(100.5, 0.5) == ", about 2 min left"
    assert time_left(121, 0.5) == ", about 3 min left"


@pytest.mark.parametrize("done", [0, 1.2, 1.5])
def test_batch_that_is_cancelled_gives_what_was_filled_before(models, tmp_path, done):
    photos = [photo_file(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))

    def report(now, total):
        if now >= done:
            raise Cancelled

    def filled():
        paths = [str(path) for path in photos]
        return fill_batch(paths, [str(mask)], models, Limits(), report=report)

    if done == 0:
        with pytest.raises(Cancelled):
            filled()
        return
    result = filled()
    assert set(contents(result.archive)) == {"a.png", "report.jsonl"}
    assert result.rows == [["a.png", "done", ""]]
    assert result.text.startswith("Cancelled: 1 done, 0 skipped, 0 failed")


@pytest.mark.parametrize("names", [("photos/a.png", "masks/a.png"), ("in/a.png", "in/a_mask.png")])
def test_zip_of_photos_and_masks_is_a_batch_of_its_own(models, tmp_path, names):
    photo = photo_file(tmp_path / "a.png")
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    members = dict(zip(names, (photo.read_bytes(), mask.read_bytes()), strict=True))
    result, _ = batch(models, [zip_file(tmp_path / "all.zip", members)], [])
    (tmp_path / "filled.png").write_bytes(contents(result.archive)[names[0]])
    before, after = read_image(photo), read_image(tmp_path / "filled.png")
    changed = (before.pixels != after.pixels).any(-1)
    assert changed[30:60, 40:80].mean() > 0.9 and changed.sum() <= 30 * 40


def test_deep_and_transparent_photos_have_small_pictures_of_their_results(models, tmp_path):
    deep, layer = tmp_path / "deep.png", tmp_path / "layer.png"
    write_image(ImageData(scene(400, 640, dtype=np.uint16)), deep)
    Image.fromarray(scene(400, 640, channels=4)).save(layer)
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (400, 640))
    result, _ = batch(models, [deep, layer], [mask])
    assert [row[:2] for row in result.rows] == [["deep.png", "done"], ["layer.png", "done"]]
    for (small, name), source in zip(result.pictures, (deep, layer), strict=True):
        assert name == source.name
        shown = read_image(small)
        assert shown.size == (200, 320) and shown.pixels.dtype == np.uint8
        pixels = read_image(source).pixels
        expected = pixels / np.iinfo(pixels.dtype).max * 255
        assert np.abs(shown.pixels - expected[::2, ::2]).mean() < 6


def test_batch_takes_the_options_of_fill(models, tmp_path):
    photo = photo_file(tmp_path / "a.png")
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    (tmp_path / "more").mkdir()
    forbidden = mask_file(tmp_path / "more" / "no.png", (0, 30, 0, 128), (96, 128))

    def filled(exclude=(), **options):
        result = fill_batch(
            [str(photo)],
            [str(mask)],
            models,
            Limits(),
            exclude=[str(path) for path in exclude],
            options=BatchOptions(**options),
            report=lambda done, total: None,
        )
        assert result.rows[0][1] == "done" and result.pictures[0][1] == "a.png"
        [name] = set(contents(result.archive)) - {"report.jsonl"}
        (tmp_path / name).with_stem("filled").write_bytes(contents(result.archive)[name])
        return read_image((tmp_path / name).with_stem("filled"))

    usual = filled().pixels
    hole = box_hole((96, 128), 30, 60, 40, 80)
    for options in ({"seed": 1}, {"style": "faithful"}, {"exclude": [forbidden]}):
        assert (filled(**options).pixels != usual)[hole].any(), options
    grown = (filled(grow=4).pixels != read_image(photo).pixels).any(-1)
    assert grown[27, 60] and not grown[:25].any()
    inverted = (filled(invert=True).pixels != read_image(photo).pixels).any(-1)
    assert not inverted[hole].any() and inverted[~hole].mean() > 0.9
    assert filled(format="webp", quality=50).format == "webp"
    with pytest.raises(ValueError, match="style must be one of"):
        BatchOptions(style="loud")


def test_batch_that_cannot_be_matched_says_so_without_paths_of_the_server(models, tmp_path):
    photo = photo_file(tmp_path / "a.png")
    masks = [mask_file(tmp_path / f"{name}.png", (0, 9, 0, 9), (96, 128)) for name in "xy"]
    with pytest.raises(ValueError, match=r"^a.png: no mask called a\.\* or a_mask\.\* in masks$"):
        batch(models, [photo], masks)
    with pytest.raises(ValueError, match="There are no photos yet"):
        batch(models, [], masks)
    with pytest.raises(ValueError, match=r"png has 128 x 96 pixels, more than the limit"):
        batch(models, [photo], masks[:1], max_pixels=1000)

"""The page without a browser: sessions, strokes, edges, zips, options."""

import os
import zipfile

import numpy as np
import pytest
from app_server import encoded, mask_file, photo_file, tiny_weights, zip_file
from pictures import scene
from PIL import Image

from inpaint.app.archive import ArchiveLimits, unpack
from inpaint.app.batch import fill_batch
from inpaint.app.examples import find_examples
from inpaint.app.feather import feather
from inpaint.app.handlers import Limits
from inpaint.app.models import Models
from inpaint.app.serving import ServingOptions, parse_options
from inpaint.app.session import MAX_STEPS, Hole, Patch, Session
from inpaint.app.strokes import hole_of, hole_shown, layer_of, size_shown
from inpaint.app.uploads import painted_hole, read_mask
from inpaint.images import ImageData, read_image, with_pixels

ROOM = ArchiveLimits(files=10, total_bytes=100_000, file_bytes=50_000)


@pytest.fixture(scope="module")
def models():
    return Models(str(tiny_weights()))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def box_hole(size, top, bottom, left, right):
    hole = np.zeros(size, bool)
    hole[top:bottom, left:right] = True
    return hole


def session_of(size, **fields):
    return Session("photo.png", "photo.png", size, size_shown(size), **fields)


def filled_with(picture, hole, value):
    pixels = picture.pixels.copy()
    pixels[hole] = value
    return with_pixels(picture, pixels)


def test_packed_hole_comes_back():
    hole = np.random.default_rng(0).random((37, 91)) > 0.5
    np.testing.assert_array_equal(Hole.pack(hole).unpack(), hole)


@pytest.mark.parametrize("channels", [1, 3])
def test_steps_are_taken_and_undone_one_by_one(channels):
    source = ImageData(scene(40, 50, channels).squeeze())
    holes = [box_hole((40, 50), 5 * i, 5 * i + 8, 3, 30) for i in range(3)]
    session, pictures = session_of((40, 50)), [source]
    for value, hole in enumerate(holes):
        pictures.append(filled_with(pictures[-1], hole, value))
        patch = Patch.between(hole, pictures[-1].pixels)
        session = Session(**{**vars(session), "result": patch}).gone_on()
    for picture in reversed(pictures):
        np.testing.assert_array_equal(session.image(source).pixels, picture.pixels)
        session = session.stepped_back()


def test_history_is_bounded_and_the_picture_is_still_right():
    source = picture = ImageData(scene(40, 50))
    session = session_of((40, 50))
    for i in range(MAX_STEPS + 5):
        hole = box_hole((40, 50), i, i + 4, 2 * i % 40, 2 * i % 40 + 6)
        picture = filled_with(picture, hole, i)
        patch = Patch.between(hole, picture.pixels)
        session = Session(**{**vars(session), "result": patch}).gone_on()
    assert len(session.steps) == MAX_STEPS
    np.testing.assert_array_equal(session.image(source).pixels, picture.pixels)


def test_large_photos_are_shown_smaller_and_tiny_ones_larger():
    assert size_shown((3000, 4000)) == (1050, 1400)
    assert size_shown((600, 800)) == (600, 800)
    assert size_shown((1, 1)) == (360, 360)
    assert size_shown((20_000, 1)) == (1400, 1)


def test_strokes_are_mapped_to_the_size_of_the_photo():
    session = session_of((3000, 4000))
    painted = box_hole((1050, 1400), 105, 210, 700, 770)
    expected = box_hole((3000, 4000), 300, 600, 2000, 2200)
    np.testing.assert_array_equal(hole_of(session, painted), expected)
    assert not hole_of(session, None).any()


def test_given_mask_keeps_its_detail_where_nobody_painted():
    given = box_hole((3000, 4000), 100, 101, 0, 4000)  # a line of one pixel
    shown = hole_shown(given, (1050, 1400))
    assert shown[35].all() and shown.sum() == 1400
    session = session_of((3000, 4000), given=Hole.pack(given), shown=Hole.pack(shown))
    np.testing.assert_array_equal(hole_of(session, shown), given)
    np.testing.assert_array_equal(hole_of(session, None), given)
    assert not hole_of(session, np.zeros((1050, 1400), bool)).any()
    painted = shown | box_hole((1050, 1400), 700, 735, 700, 735)
    added = box_hole((3000, 4000), 2000, 2100, 2000, 2100)
    np.testing.assert_array_equal(hole_of(session, painted), given | added)
    erased = shown & ~box_hole((1050, 1400), 0, 100, 0, 700)
    np.testing.assert_array_equal(hole_of(session, erased)[100, [0, 1999, 2001]], [0, 0, 1])


def test_hole_is_where_any_layer_is_painted_even_if_faintly():
    layers = [box_hole((20, 30), 0, 5, 0, 5), box_hole((20, 30), 10, 15, 10, 15)]
    files = [encoded(Image.fromarray(layer_of(hole, (9, 9, 9), 0.1))) for hole in layers]
    np.testing.assert_array_equal(painted_hole(files), layers[0] | layers[1])
    assert painted_hole([]) is None
    assert painted_hole([encoded(Image.fromarray(scene()))]) is None  # without transparency


def test_soft_edge_changes_the_inner_edge_only_and_brings_nothing_back():
    picture = ImageData(np.full((60, 60, 3), 100, np.uint8))
    hole = box_hole((60, 60), 20, 40, 20, 40)
    secret = filled_with(picture, hole, 255)
    filled = filled_with(picture, hole, 0)
    result = feather(secret, filled, hole, 5).pixels
    np.testing.assert_array_equal(result[~hole], 100)
    profile = result[30, 20:30, 0].astype(int)
    assert list(profile[:6]) == sorted(profile[:6], reverse=True)
    assert 60 < profile[0] < 100 and not profile[5:].any()
    np.testing.assert_array_equal(feather(secret, filled, hole, 0).pixels, filled.pixels)


def test_soft_edge_takes_gray_and_16_bit_pictures():
    hole = box_hole((37, 91), 10, 20, 10, 20)
    for picture in (ImageData(scene(channels=1)[..., 0]), ImageData(scene(dtype=np.uint16))):
        result = feather(picture, filled_with(picture, hole, 0), hole, 4).pixels
        assert (result.shape, result.dtype) == (picture.pixels.shape, picture.pixels.dtype)
        np.testing.assert_array_equal(result[~hole], picture.pixels[~hole])


def test_fill_reports_progress_up_to_the_end(models):
    shares = []
    hole = box_hole((300, 900), 100, 130, 20, 880)
    models.fill(ImageData(scene(300, 900)), hole, report=shares.append)
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1


def test_only_offered_weights_are_taken(models):
    with pytest.raises(ValueError, match="weights must be one of tiny"):
        models.fill(ImageData(scene()), box_hole((37, 91), 5, 9, 5, 9), name="../../etc/passwd")
    assert not {"vgg16_features_to_pool3", "places2-refiner"} & set(models.names)


def test_transparent_mask_counts_by_its_alpha(tmp_path):
    hole = box_hole((96, 128), 30, 60, 40, 80)
    Image.fromarray(layer_of(hole, (0, 0, 0), 0.5)).save(tmp_path / "mask.png")
    read = read_mask(tmp_path / "mask.png", size=(96, 128), max_pixels=10**6)
    np.testing.assert_array_equal(read, hole)


def test_examples_are_found_with_their_masks(tmp_path):
    photo_file(tmp_path / "b.jpg")
    photo_file(tmp_path / "a.png")
    (tmp_path / "README.md").write_text("")
    (tmp_path / "masks").mkdir()
    mask = mask_file(tmp_path / "masks" / "b.png", (0, 9, 0, 9), (96, 128))
    assert find_examples(tmp_path) == [(tmp_path / "a.png", None), (tmp_path / "b.jpg", mask)]
    assert find_examples(tmp_path / "nothing") == []


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
        "a.png": os.urandom(50),
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


def test_batch_that_cannot_be_matched_says_so_without_paths_of_the_server(models, tmp_path):
    photo = photo_file(tmp_path / "a.png")
    masks = [mask_file(tmp_path / f"{name}.png", (0, 9, 0, 9), (96, 128)) for name in "xy"]
    with pytest.raises(ValueError, match=r"^a.png: no mask called a\.\* or a_mask\.\* in masks$"):
        batch(models, [photo], masks)
    with pytest.raises(ValueError, match="There are no photos yet"):
        batch(models, [], masks)
    with pytest.raises(ValueError, match=r"png has 128 x 96 pixels, more than the limit"):
        batch(models, [photo], masks[:1], max_pixels=1000)


def test_options_are_checked_and_safe_by_default(monkeypatch, capsys):
    options, in_browser = parse_options([])
    assert (options, in_browser) == (ServingOptions(), False)
    assert options.host == "127.0.0.1"
    monkeypatch.setenv("INPAINT_AUTH", "ada:lace")
    assert parse_options(["--port", "80", "--open"])[0].login == ("ada", "lace")
    for wrong in (["--port", "99999"], ["--auth", "ada"], ["--concurrency", "0"]):
        with pytest.raises(SystemExit):
            parse_options(wrong)
    assert "concurrency must be above 0, got 0" in capsys.readouterr().err

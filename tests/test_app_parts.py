"""The page without a browser: sessions, strokes, edges, zips, options."""

import os
import zipfile

import numpy as np
import pytest
from app_server import mask_file, photo_file, tiny_weights, zip_file
from pictures import scene
from PIL import Image

from inpaint.app.archive import ArchiveLimits, unpack
from inpaint.app.batch import BatchOptions, fill_batch
from inpaint.app.examples import find_examples
from inpaint.app.feather import feather
from inpaint.app.handlers import Limits
from inpaint.app.models import Models
from inpaint.app.photos import Photos
from inpaint.app.previews import size_shown, write_marks
from inpaint.app.requests import FillRequest, SelectRequest, StepRequest, read_request
from inpaint.app.serving import ServingOptions, parse_options
from inpaint.app.session import MAX_STEPS, MOST_CANDIDATES, Patch, Session
from inpaint.app.sessions import SESSION_SECONDS, SessionGone, Sessions
from inpaint.app.uploads import read_mask
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


def session_of(size):
    return Session("photo.png", "photo.png", size)


def filled_with(picture, hole, value):
    pixels = picture.pixels.copy()
    pixels[hole] = value
    return with_pixels(picture, pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_photo_after_any_count_of_fills_can_be_had(channels):
    source = ImageData(scene(40, 50, channels).squeeze())
    session, pictures = session_of((40, 50)), [source]
    for value in range(3):
        hole = box_hole((40, 50), 5 * value, 5 * value + 8, 3, 30)
        pictures.append(filled_with(pictures[-1], hole, value))
        session = session.filled(Patch.between(hole, pictures[-1].pixels), value)
    for fills, picture in enumerate(pictures):
        np.testing.assert_array_equal(session.image(source, fills).pixels, picture.pixels)
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match="fills must be 0 or 1 to 3"):
            session.image(source, wrong)


def test_fill_after_an_undone_one_takes_its_place():
    source, hole = ImageData(scene(40, 50)), box_hole((40, 50), 5, 9, 5, 9)
    session = session_of((40, 50))
    for fills, value in ((0, 1), (1, 2), (1, 3)):
        patch = Patch.between(hole, filled_with(source, hole, value).pixels)
        session = session.filled(patch, fills)
    assert session.fills == 2
    np.testing.assert_array_equal(session.image(source, 2).pixels[hole], 3)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 1)


def test_history_is_bounded_and_the_picture_is_still_right():
    source = picture = ImageData(scene(40, 50))
    session = session_of((40, 50))
    for i in range(MAX_STEPS + 5):
        hole = box_hole((40, 50), i, i + 4, 2 * i % 40, 2 * i % 40 + 6)
        picture = filled_with(picture, hole, i)
        session = session.filled(Patch.between(hole, picture.pixels), i)
    assert len(session.steps) == MAX_STEPS and session.joined == 5
    np.testing.assert_array_equal(session.image(source, MAX_STEPS + 5).pixels, picture.pixels)
    assert session.image(source, 0) is source
    with pytest.raises(ValueError, match="fills must be 0 or 6 to 25, got 5"):
        session.image(source, 5)


def test_candidates_of_a_fill_take_its_place_when_they_are_chosen():
    source, hole = ImageData(scene(40, 50)), box_hole((40, 50), 5, 9, 5, 9)
    session = session_of((40, 50))

    def patch(value):
        return Patch.between(hole, filled_with(source, hole, value).pixels)

    session = session.filled(patch(10), 0, seed=0)
    for seed in range(1, MOST_CANDIDATES + 1):
        session = session.with_candidate(patch(10 + seed), 0, seed=seed)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 10)
    assert session.nbytes == MOST_CANDIDATES * patch(0).nbytes  # the chosen one and the latest
    session = session.filled(patch(50), 1).choosing(1, MOST_CANDIDATES)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 10 + MOST_CANDIDATES)
    assert session.fills == 1
    with pytest.raises(ValueError, match=r"seed must be one of \[0, 2, 3, 4\], got 1"):
        session.choosing(1, 1)
    for number in (0, 2):
        with pytest.raises(ValueError, match=r"the number of a fill|fills must be"):
            session.choosing(number, 0)
    with pytest.raises(ValueError, match="fills must be 0 or 1 to 1, got 2"):
        session.with_candidate(patch(0), 1, seed=0)


def test_sessions_end_when_they_are_not_used_or_take_too_much():
    now = [0.0]
    sessions = Sessions(most=3, most_bytes=2000, clock=lambda: now[0])
    tokens = [sessions.add(session_of((40, 50))) for _ in range(3)]
    assert len(set(tokens)) == 3 and min(map(len, tokens)) >= 32
    sessions.get(tokens[0])
    tokens.append(sessions.add(session_of((40, 50))))
    with pytest.raises(SessionGone):
        sessions.get(tokens[1])  # the one that was not used for longest
    hole = box_hole((40, 50), 0, 20, 0, 20)
    patch = Patch.between(hole, scene(40, 50))
    sessions.update(tokens[3], lambda session: session.filled(patch, 0))
    assert sessions.get(tokens[3]).nbytes == patch.nbytes == 1600
    sessions.update(tokens[0], lambda session: session.filled(patch, 0))
    with pytest.raises(SessionGone):
        sessions.get(tokens[3])
    now[0] += SESSION_SECONDS + 1
    with pytest.raises(SessionGone):
        sessions.get(tokens[0])
    with pytest.raises(SessionGone):
        sessions.update(tokens[0], lambda session: session)
    with pytest.raises(SessionGone):
        sessions.get(tokens[0])


def test_photos_are_shown_at_their_size_up_to_what_browsers_can_hold():
    assert size_shown((3000, 4000)) == (3000, 4000)
    assert size_shown((1, 1)) == (1, 1)
    height, width = size_shown((8000, 8000))
    assert height == width == 4000
    assert size_shown((20_000, 1)) == (16_000, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "A call needs an object, got NoneType"),
        ({}, "token is missing"),
        ({"token": 5}, "token must be of type str"),
        ({"token": "t", "fills": True}, "fills must be of type int"),
        ({"token": "t" * 300}, "token must have at most 200 characters"),
        ({"token": "t", "path": "/etc/passwd"}, "fields must be of token, fills, .* got path"),
        ({"token": "t", "grow": 10**9}, "grow must lie in -200 to 200, got 1000000000"),
        ({"token": "t", "soft": -1}, "soft must lie in 0 to 200, got -1"),
        ({"token": "t", "seed": 2**40}, "seed must lie in"),
        ({"token": "t", "style": "loud"}, "style must be one of natural"),
    ],
)
def test_calls_of_the_page_are_checked(data, message):
    with pytest.raises(ValueError, match=message):
        read_request(FillRequest, data)
    assert read_request(StepRequest, {"token": "t", "fills": 2}) == StepRequest("t", 2)


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([], "the number of strokes must lie in 1 to 100, got 0"),
        ([{}] * 101, "the number of strokes must lie in 1 to 100, got 101"),
        (["x"], "strokes must be objects"),
        ([{"points": "12", "radius": 1}], "strokes must be objects"),
        ([{"points": [1, 2, 3], "radius": 1}], "points must hold pairs of x and y, got 3 numbers"),
        ([{"points": [], "radius": 1}], "points must hold pairs"),
        ([{"points": [1, float("nan")], "radius": 1}], "must be finite numbers"),
        ([{"points": [1, 2], "radius": None}], "must be finite numbers"),
        ([{"points": [1, 2], "radius": 0}], "must be those of a photo"),
        ([{"points": [1, 1e9], "radius": 1}], "must be those of a photo"),
        ([{"points": [1] * 100_002, "radius": 1}], "the number of coordinates must lie in"),
    ],
)
def test_strokes_of_the_page_are_checked(strokes, message):
    with pytest.raises(ValueError, match=message):
        read_request(SelectRequest, {"token": "t", "strokes": strokes})


def test_photos_are_kept_as_far_as_there_is_room_and_while_their_files_are_there(tmp_path):
    read = []
    photos = Photos(lambda path: read.append(path) or read_image(path), most_bytes=80_000)
    a, b, c = (photo_file(tmp_path / f"{name}.png") for name in "abc")  # 37 kB each
    for path in (a, b, a, a, c, a, b):
        photos.get(path)
    assert read == [a, b, c, b]
    b.unlink()
    with pytest.raises(FileNotFoundError):
        photos.get(b)


def test_another_seed_gives_another_fill_and_the_same_one_the_same(models):
    image, hole = ImageData(scene(96, 128)), box_hole((96, 128), 30, 60, 40, 80)
    first, again, other = (models.fill(image, hole, seed=seed).pixels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other)[hole].any()
    np.testing.assert_array_equal(first[~hole], other[~hole])
    with pytest.raises(ValueError, match="seed must lie in 0"):
        models.fill(image, hole, seed=-1)


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
    layer = np.zeros((96, 128, 4), np.uint8)
    layer[hole] = 0, 0, 0, 140
    Image.fromarray(layer).save(tmp_path / "mask.png")
    read = read_mask(tmp_path / "mask.png", size=(96, 128), max_pixels=10**6)
    np.testing.assert_array_equal(read, hole)
    with Image.open(write_marks(hole)) as marks:  # what the page shows of an opened mask
        np.testing.assert_array_equal(np.array(marks.convert("RGBA"))[..., 3] > 0, hole)


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

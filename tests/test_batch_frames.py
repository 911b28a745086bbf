"""`inpaint fill --frames all`: animations and TIFF files with several pages."""

import io

import numpy as np
import pytest
from folders import files_below, fill, put_image, put_mask, report_of
from pictures import scene
from PIL import Image

from inpaint.batch.records import Settings, Task
from inpaint.batch.run import run_single
from inpaint.images import read_image
from inpaint.images.frames import read_frames
from inpaint.inference.inpainter import Inpainter

BOX = (10, 12, 30, 28)  # of the hole of put_mask
HEIGHT, WIDTH = 48, 64


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_mask("mask.png", HEIGHT, WIDTH, BOX)
    (tmp_path / "photos").mkdir()
    return tmp_path


def stills(levels=256):
    colours = scene(HEIGHT, WIDTH) // (256 // levels) * (256 // levels)
    return [Image.fromarray(np.roll(colours, 7 * number, 1)) for number in range(3)]


def put_frames(path, images, **options):
    images[0].save(path, save_all=True, append_images=images[1:], **options)


def put_mask_pages(path, boxes):
    pages = []
    for box in boxes:
        pages.append(Image.open(put_mask("page.png", HEIGHT, WIDTH, box)))
    put_frames(path, pages)


def outside(box=BOX):
    known = np.ones((HEIGHT, WIDTH), bool)
    known[box[0] : box[2], box[1] : box[3]] = False
    return known


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.tif", {}),
        ("a.gif", {"duration": [40, 50, 60], "loop": 0}),
        ("a.png", {"duration": [40, 50, 60], "loop": 0}),
        ("a.webp", {"duration": [40, 50, 60], "lossless": True, "loop": 0}),
    ],
)
def test_all_frames_are_filled_and_known_pixels_stay(here, weights, name, options, capsys):
    put_frames(f"photos/{name}", stills(levels=4), **options)
    arguments = ("photos", "--mask", "mask.png", "-o", "out", "--frames", "all")
    assert fill(*arguments, weights=weights) == 0
    before, after = list(read_frames(f"photos/{name}")), list(read_frames(f"out/{name}"))
    assert len(after) == 3
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new.pixels[outside()], old.pixels[outside()])
        assert (new.pixels != old.pixels)[~outside()].any()
        assert new.duration == old.duration
    (row,) = report_of("out/report.jsonl").values()
    assert row["hole_ratio"] == pytest.approx(320 / (48 * 64), abs=1e-6)
    assert "notes" not in row and "frames_left" not in row
    assert "passed over" not in capsys.readouterr().err


def test_a_page_is_filled_as_a_picture_of_its_own(here, weights):
    images = stills()
    put_frames("photos/a.tif", images)
    images[1].save("one.tif")
    arguments = ("--mask", "mask.png", "-o")
    assert fill("photos/a.tif", *arguments, "x.tif", "--frames", "all", weights=weights) == 0
    assert fill("one.tif", *arguments, "y.tif", weights=weights) == 0
    np.testing.assert_array_equal(list(read_frames("x.tif"))[1].pixels, read_image("y.tif").pixels)


def test_pages_of_a_mask_belong_to_the_pages_of_a_picture(here, weights):
    boxes = [BOX, (0, 0, 0, 0), (30, 40, 40, 60)]
    put_frames("photos/a.tif", stills())
    put_mask_pages("masks.tif", boxes)
    options = ("--mask", "masks.tif", "-o", "out", "--frames", "all")
    assert fill("photos", *options, weights=weights) == 0
    pages = zip(read_frames("photos/a.tif"), read_frames("out/a.tif"), boxes, strict=True)
    for old, new, box in pages:
        changed = (old.pixels != new.pixels).any(-1)
        assert not changed[outside(box)].any() and changed.any() == (box[2] > 0)
    row = report_of("out/report.jsonl")["a.tif"]
    assert row["suspicious"] and len(row["notes"]) == 1 and "marks nothing" in row["notes"][0]
    put_mask_pages("masks.tif", boxes[:2])
    assert fill("photos", *options, "--overwrite", weights=weights) == 1
    message = report_of("out/report.jsonl")["a.tif"]["message"]
    assert message == "masks.tif: it has 2 frames or pages, and the picture 3"


def test_file_without_a_hole_on_any_page_is_copied(here, weights, capsys):
    put_frames("photos/a.gif", stills(levels=4))
    put_mask("empty.png", box=(0, 0, 0, 0))
    options = ("--mask", "empty.png", "-o", "out", "--frames", "all")
    assert fill("photos", *options, weights=weights) == 0
    assert files_below("out") == files_below("photos")
    assert "unchanged: 1" in capsys.readouterr().err


def test_format_for_one_picture_is_refused_before_filling(here, weights):
    put_frames("photos/a.gif", stills(levels=4))
    put_image("photos/b.jpg")
    options = ("--mask", "mask.png", "-o", "out", "--frames", "all", "--format", "jpg")
    assert fill("photos", *options, weights=weights) == 1
    rows = report_of("out/report.jsonl")
    assert rows["b.jpg"]["status"] == "done"
    assert "jpg holds one picture only; choose one of" in rows["a.gif"]["message"]


def test_first_frames_stay_the_default_and_masks_are_not_kept_of_all(here, weights, capsys):
    put_frames("photos/a.tif", stills())
    assert fill("photos", "--mask", "mask.png", "-o", "out", weights=weights) == 0
    with Image.open(io.BytesIO(files_below("out")["a.tif"])) as image:
        assert image.n_frames == 1
    options = ("--detect", "--keep-masks", "masks", "--frames", "all", "-o", "new")
    assert fill("photos", *options, weights=weights) == 2
    assert "choose one of --keep-masks and --frames all" in capsys.readouterr().err


def test_progress_goes_through_all_frames(here, weights):
    put_frames("photos/a.tif", stills())
    shares = []
    inpainter = Inpainter.load(weights, device="cpu")
    task = Task("photos/a.tif", "mask.png", "x.tif")
    (record,) = run_single(task, inpainter, Settings(all_frames=True), shares.append)
    assert record.status == "done", record.message
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    assert {1 / 3, 2 / 3} < {share for share in shares}

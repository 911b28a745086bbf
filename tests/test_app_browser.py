"""The page in a real browser."""

import numpy as np
import pytest
from app_server import (
    large_photo,
    mask_file,
    photo_file,
    shared_server,
    start_server,
    stop_server,
)
from browser import Visitor, running_browser
from PIL import Image

from inpaint.images import read_image


@pytest.fixture(scope="module")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def visitor(browser):
    """One visitor for all tests on a desktop: loading the page takes longer than most tests."""
    yield from visiting(browser)


@pytest.fixture
def phone(browser):
    yield from visiting(browser, phone=True)


def visiting(browser, **options):
    visitor = Visitor(browser, shared_server(), **options)
    yield visitor
    visitor.context.close()
    assert visitor.elsewhere == []
    assert shared_server().alive()


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


@pytest.mark.xfail(
    run=False, reason="reading the strokes of 12 megapixels back takes minutes without a GPU"
)
def test_large_turned_photo_is_filled_where_it_was_painted_only(visitor, tmp_path):
    upload = large_photo(tmp_path / "holiday.jpg")
    visitor.upload(upload)
    assert "holiday.jpg · 3000 × 4000" in visitor.page.inner_text("#about")
    visitor.stroke((-0.2, -0.2), (0.2, -0.15))
    visitor.tool("Erase")
    visitor.tool("Brush")
    visitor.tool("Brush Size")
    visitor.page.locator("#editor input[type=range]").first.fill("12")
    visitor.stroke((-0.2, 0.25), (0.2, 0.25))
    visitor.fill()
    hole = visitor.mask(tmp_path)
    after = read_image(visitor.download("#download", tmp_path))
    before = read_image(upload)
    assert hole.shape == before.size == after.size == (4000, 3000)
    assert hole[:2000].any() and hole[2000:].any() and hole.mean() < 0.2
    assert (after.format, after.exif, after.icc) == ("jpg", before.exif, before.icc)
    difference = np.abs(after.pixels.astype(int) - before.pixels).max(-1)
    # Coding a JPEG again shifts values by a few levels, next to the hole by some more.
    assert difference[~hole].mean() < 1 and difference[hole].mean() > 10


def test_pixels_outside_of_the_strokes_are_those_of_the_upload(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    visitor.fill()
    hole = visitor.mask(tmp_path)
    result = visitor.download("#download", tmp_path)
    assert result.name == "photo-inpainted.png"
    before, after = read_image(photo).pixels, read_image(result).pixels
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any(-1).mean() > 0.9
    assert hole[200, 300] and 0.005 < hole.mean() < 0.2


def test_undo_redo_eraser_and_clear_change_the_mask(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.3, -0.2), (0.3, -0.2))
    first = visitor.mask(tmp_path)
    visitor.stroke((-0.3, 0.2), (0.3, 0.2))
    both = visitor.mask(tmp_path)
    assert both.sum() > 1.5 * first.sum() and (first <= both).all()
    visitor.tool("Undo")
    np.testing.assert_array_equal(visitor.mask(tmp_path), first)
    visitor.tool("Redo")
    np.testing.assert_array_equal(visitor.mask(tmp_path), both)
    visitor.tool("Erase")
    visitor.stroke((-0.3, -0.2), (0, -0.2))
    erased = visitor.mask(tmp_path)
    assert (erased <= both).all() and 0.5 < erased.sum() / both.sum() < 0.95
    with visitor.changing():
        visitor.page.click("#clear")
    visitor.page.click("#fill")
    visitor.told("Nothing is marked yet")


def test_uploaded_mask_is_used_at_its_full_detail(visitor, tmp_path):
    size = (2000, 3000)
    image = Image.new("RGB", size[::-1], (90, 120, 60))
    image.save(tmp_path / "photo.png", compress_level=1)
    mask = mask_file(tmp_path / "given.png", (1001, 1002, 500, 2501), size)
    visitor.upload(tmp_path / "photo.png")
    visitor.open_more()
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.click("#mask_file")
    with visitor.changing():
        chooser.value.set_files(str(mask))
    given = visitor.mask(tmp_path)
    with Image.open(mask) as image:
        np.testing.assert_array_equal(given, np.array(image) > 127)
    with visitor.changing():
        visitor.page.click("#invert")
    np.testing.assert_array_equal(visitor.mask(tmp_path), ~given)


def test_slider_shows_before_and_after_by_mouse_and_keyboard(visitor, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    visitor.fill()
    page, clip = visitor.page, "document.querySelector('#slider img.fixed').style.clipPath"
    handle = page.locator('#slider [data-testid="slider"]').bounding_box()
    start = page.evaluate(clip)
    middle = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(handle["x"] - 120, middle, steps=5)
    page.mouse.up()
    dragged = page.evaluate(clip)
    assert dragged != start
    page.focus('#slider [data-testid="slider"]')
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"(old) => {clip} !== old", arg=dragged)


def test_result_is_gone_on_from_and_stepped_back_from(visitor, tmp_path, photo):
    visitor.upload(photo)
    page = visitor.page
    assert page.is_disabled("#back")
    visitor.stroke((-0.2, -0.2), (0.2, -0.2))
    visitor.fill()
    first = visitor.mask(tmp_path)
    with visitor.changing():
        visitor.page.click("#go_on")
    page.wait_for_selector("#back:not([disabled])")
    visitor.stroke((-0.2, 0.2), (0.2, 0.2))
    visitor.fill()
    second = visitor.mask(tmp_path)
    assert not (first & second).any()
    before = read_image(photo).pixels
    after = read_image(visitor.download("#download", tmp_path)).pixels
    changed = (before != after).any(-1)
    assert changed[first].mean() > 0.9 and changed[second].mean() > 0.9
    assert not changed[~first & ~second].any()
    with visitor.changing():
        visitor.page.click("#back")
    page.wait_for_selector("#back[disabled]")
    visitor.stroke((-0.2, 0.2), (0.2, 0.2))
    visitor.fill()
    again = read_image(visitor.download("#download", tmp_path)).pixels
    np.testing.assert_array_equal(again[first], before[first])


def test_photo_is_painted_by_touch_on_a_phone(phone, tmp_path, photo):
    visitor = phone
    visitor.upload(photo)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
    visitor.touch((-0.2, 0), (0.2, 0.05))
    visitor.fill()
    visitor.page.wait_for_function(
        "document.querySelector('#slider').getBoundingClientRect().bottom <= window.innerHeight"
    )
    hole = visitor.mask(tmp_path)
    before = read_image(photo).pixels
    after = read_image(visitor.download("#download", tmp_path)).pixels
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert hole[200, 300] and (after[hole] != before[hole]).any()


@pytest.mark.parametrize(
    ("kind", "target", "holder"),
    [("drop", "#photo button", "dataTransfer"), ("paste", "body", "clipboardData")],
)
def test_photo_is_dropped_or_pasted(visitor, photo, kind, target, holder):
    visitor.close()
    visitor.page.evaluate(
        """([kind, target, holder, bytes]) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], kind + ".png",
                                     { type: "image/png" }));
          const event = kind === "paste"
            ? new ClipboardEvent(kind, { [holder]: carried, bubbles: true })
            : new DragEvent(kind, { [holder]: carried, bubbles: true, cancelable: true });
          document.querySelector(target).dispatchEvent(event);
        }""",
        [kind, target, holder, list(photo.read_bytes())],
    )
    visitor.page.wait_for_selector(f"#about :text('{kind}.png · 600 × 400')")
    visitor.wait_for_canvas()


def test_bad_photo_gets_a_message_and_the_next_one_works(visitor, tmp_path, photo):
    (tmp_path / "bad.png").write_text("not a picture")
    visitor.close()
    visitor.page.set_input_files("#photo input[type=file]", str(tmp_path / "bad.png"))
    visitor.told("bad.png: this is not a picture of a known format")
    visitor.page.wait_for_selector("#photo input[type=file]", state="attached")
    visitor.upload(photo)


def test_page_is_used_by_keyboard(visitor, tmp_path, photo):
    visitor.upload(photo)
    page = visitor.page
    if not page.is_visible("#mask_file"):
        page.focus("#more > button")
        page.keyboard.press("Enter")
        page.wait_for_selector("#mask_file")
    with page.expect_file_chooser() as chooser:
        page.focus("#mask_file")
        page.keyboard.press("Enter")
    mask = mask_file(tmp_path / "m.png", (150, 250, 200, 400), (400, 600))
    with visitor.changing():
        chooser.value.set_files(str(mask))
    assert visitor.mask(tmp_path).sum() == 100 * 200
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#slider img")


def test_photos_without_masks_are_named_line_by_line(visitor, tmp_path):
    photos = [photo_file(tmp_path / name) for name in ("a<b>.png", "c.jpg")]
    page = visitor.page
    visitor.tab("Many photos")
    page.set_input_files("#batch_photos input[type=file]", [str(path) for path in photos])
    page.wait_for_selector("#batch_photos :text('c')")
    page.click("#fill_all")
    page.wait_for_selector(".toast-body:has-text('no mask')")
    lines = page.inner_text(".toast-body").splitlines()
    assert sum("no mask called" in line for line in lines) == 2
    assert any("c.jpg" in line and "a" not in line.partition(":")[0] for line in lines)
    page.click(".toast-close")
    page.click("#batch_photos button[aria-label='Clear']")


def test_fill_ends_when_the_page_is_closed(browser, tmp_path):
    size = (2400, 3200)  # fills for half a minute
    photo = photo_file(tmp_path / "large.png", height=size[0], width=size[1], compress_level=1)
    mask = mask_file(tmp_path / "mask.png", (200, 2200, 200, 3000), size)
    server = start_server()
    visitor = Visitor(browser, server)
    visitor.upload(photo)
    visitor.open_more()
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.click("#mask_file")
    with visitor.changing():
        chooser.value.set_files(str(mask))
    visitor.page.click("#fill")
    visitor.page.wait_for_selector(":text('Filling')")
    visitor.context.close()
    server.wait_for_log(r"fill cancelled at \d+ %: its visitor has left$")
    stop_server(server.process)


def test_many_photos_give_a_zip_with_a_report(visitor, tmp_path):
    photos = [photo_file(tmp_path / name) for name in ("a.png", "b.jpg")]
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    page = visitor.page
    visitor.tab("Many photos")
    page.click("#fill_all")
    visitor.told("There are no photos yet")
    page.set_input_files("#batch_photos input[type=file]", [str(path) for path in photos])
    page.wait_for_selector("#batch_photos :text('b')")
    page.set_input_files("#batch_masks input[type=file]", [str(mask)])
    page.wait_for_selector("#batch_masks :text('mask')")
    page.click("#fill_all")
    page.wait_for_selector("#batch_result :text('2 done, 0 skipped, 0 failed')")
    archive = visitor.download("#batch_download", tmp_path)
    assert archive.name == "inpainted.zip" and archive.read_bytes()[:2] == b"PK"

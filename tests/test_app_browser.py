"""The page in a real browser."""

import io
import zipfile
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from app_server import large_photo, mask_file, photo_file, shared_server
from browser import Visitor, visiting
from PIL import Image

from inpaint.images import read_image


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


def test_large_turned_photo_is_filled_where_it_was_painted_only(visitor, tmp_path):
    upload = large_photo(tmp_path / "holiday.jpg")
    visitor.upload(upload)
    assert "holiday.jpg · 3000 × 4000" in visitor.page.inner_text("#about")
    visitor.stroke((-0.2, -0.2), (0.2, -0.15))
    visitor.page.keyboard.press("]")
    visitor.stroke((-0.2, 0.25), (0.2, 0.25))
    hole = visitor.mask(tmp_path)
    visitor.fill()
    after = read_image(visitor.download("#download", tmp_path))
    before = read_image(upload)
    assert hole.shape == before.size == after.size == (4000, 3000)
    assert hole[:2000].any() and hole[2000:].any() and hole.mean() < 0.2
    assert (after.format, after.exif, after.icc) == ("jpg", before.exif, before.icc)
    difference = np.abs(after.pixels.astype(int) - before.pixels).max(-1)
    # Coding a JPEG again shifts values by a few levels, next to the hole by some more.
    assert difference[~hole].mean() < 1 and difference[hole].mean() > 5


def test_pixels_outside_of_the_strokes_are_those_of_the_upload(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    hole = visitor.mask(tmp_path)
    visitor.fill()
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
    assert both.sum() > 1.9 * first.sum() and (first <= both).all()
    visitor.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), first)
    visitor.page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), both)
    visitor.tool("erase")
    visitor.stroke((-0.3, -0.2), (0, -0.2))
    visitor.tool("brush")
    erased = visitor.mask(tmp_path)
    assert (erased <= both).all() and 0.6 < erased.sum() / both.sum() < 0.9
    with visitor.options():
        visitor.page.click("#clear")
    visitor.page.click("#fill")
    visitor.told("Nothing is marked yet")
    visitor.page.click("#undo")
    np.testing.assert_array_equal(visitor.mask(tmp_path), erased)


def test_uploaded_mask_is_used_at_its_full_detail(visitor, tmp_path):
    size = (2000, 3000)
    image = Image.new("RGB", size[::-1], (90, 120, 60))
    image.save(tmp_path / "photo.png", compress_level=1)
    mask = mask_file(tmp_path / "given.png", (1001, 1002, 500, 2501), size)
    visitor.upload(tmp_path / "photo.png")
    visitor.open_mask(mask)
    given = visitor.mask(tmp_path)
    with Image.open(mask) as image:
        np.testing.assert_array_equal(given, np.array(image) > 127)
    with visitor.options():
        visitor.page.click("#invert")
    np.testing.assert_array_equal(visitor.mask(tmp_path), ~given)


def test_fills_follow_each_other_and_are_undone_one_by_one(visitor, tmp_path, photo):
    visitor.upload(photo)
    page, before = visitor.page, read_image(photo).pixels
    visitor.stroke((-0.2, -0.2), (0.2, -0.2))
    first = visitor.mask(tmp_path)
    visitor.fill()
    once = visitor.saved(tmp_path)
    visitor.stroke((-0.2, 0.2), (0.2, 0.2))
    second = visitor.mask(tmp_path)
    assert not (first & second).any()
    visitor.fill()
    twice = visitor.saved(tmp_path)
    for hole, old, new in ((first, before, once), (second, once, twice)):
        changed = (old != new).any(-1)
        assert changed[hole].mean() > 0.9 and not changed[~hole].any()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), second)
    np.testing.assert_array_equal(visitor.saved(tmp_path), once)
    for _ in range(3):  # the second stroke, the first fill, the first stroke
        page.keyboard.press("Control+z")
    assert page.is_disabled("#undo")
    again = visitor.saved(tmp_path)
    np.testing.assert_array_equal(again, before)
    for _ in range(4):
        page.keyboard.press("Control+Shift+z")
    assert page.is_disabled("#redo")
    again = visitor.saved(tmp_path)
    np.testing.assert_array_equal(again, twice)


def test_photo_is_painted_by_touch_on_a_phone(phone, tmp_path, photo):
    phone.upload(photo)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone.stroke((-0.2, 0), (0.2, 0.05))
    hole = phone.mask(tmp_path)
    phone.fill()
    before = read_image(photo).pixels
    after = phone.saved(tmp_path)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert hole[200, 300] and (after[hole] != before[hole]).any()


CARRY = """([kind, holder, name, base64]) => {
  const carried = new DataTransfer();
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { [holder]: carried, bubbles: true })
    : new DragEvent(kind, { [holder]: carried, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def base64_of(path: Path) -> str:
    """A file's bytes as a text: a list of numbers takes seconds to reach the browser."""
    return b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize(("kind", "holder"), [("drop", "dataTransfer"), ("paste", "clipboardData")])
def test_photo_is_dropped_or_pasted_also_while_one_is_edited(visitor, photo, kind, holder):
    visitor.close()
    for name in ("first.png", "second.png"):
        visitor.page.evaluate(CARRY, [kind, holder, name, base64_of(photo)])
        visitor.page.wait_for_selector(f"#about:text('{name} · 600 × 400')")
        visitor.settle()
        visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.page.click(".film [title='first.png']")  # nothing was discarded
    assert visitor.page.inner_text("#about") == "first.png · 600 × 400"
    assert visitor.state("work.history.marks.length") == 1
    visitor.questions.clear()
    visitor.close()
    assert visitor.questions == ["Discard the work? It was not downloaded."]


def test_photo_that_was_dropped_last_is_the_one_that_is_filled(visitor, tmp_path, photo):
    large = photo_file(tmp_path / "large.png", height=1600, width=2000, compress_level=1)
    visitor.close()
    visitor.page.set_input_files("#photo", str(large))
    carried = ["drop", "dataTransfer", "last.png", base64_of(photo)]
    visitor.page.evaluate(CARRY, carried)
    visitor.page.wait_for_selector("#about:text('last.png')")
    visitor.page.wait_for_timeout(3000)  # the large one would have come by now
    visitor.settle()
    assert visitor.page.inner_text("#about") == "last.png · 600 × 400"
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.fill()
    after = visitor.saved(tmp_path)
    assert after.shape == (400, 600, 3)


def test_bad_photo_gets_a_message_and_the_next_one_works(visitor, tmp_path, photo):
    (tmp_path / "bad.png").write_text("not a picture")
    visitor.close()
    visitor.page.set_input_files("#photo", str(tmp_path / "bad.png"))
    visitor.told("bad.png: this is not a picture of a known format")
    assert visitor.page.is_visible("#choose")
    visitor.upload(photo)


def test_page_is_used_by_keyboard(visitor, tmp_path, photo):
    visitor.close()
    page = visitor.page
    with page.expect_file_chooser() as chooser:
        page.focus("#choose")
        page.keyboard.press("Enter")
    chooser.value.set_files(str(photo))
    page.wait_for_selector("#about:text('photo.png')")
    visitor.settle()
    page.focus(".stage")
    for key in ("ArrowUp", "Enter", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    hole = visitor.mask(tmp_path)
    assert hole[195, 300:340].all() and 0.003 < hole.mean() < 0.03
    page.focus(".stage")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#another:not([disabled])")
    with page.expect_download() as caught:
        page.keyboard.press("Control+s")
    assert caught.value.suggested_filename == "photo-inpainted.png"


def test_every_control_has_a_name_and_is_reached_by_tab(visitor, photo):
    visitor.upload(photo)
    page, reached = visitor.page, set()
    page.focus("#close")
    active = "document.querySelector('inpaint-editor').shadowRoot.activeElement"
    for _ in range(40):
        reached.add(
            page.evaluate(f"{active}?.id || {active}?.classList[0] + {active}?.dataset.tool")
        )
        page.keyboard.press("Tab")
    parts = {"close", "compare", "options", "help", "zoom", "size", "download", "fill"}
    assert parts | {"toolbrush", "toolhand", "stagebrush"} <= reached
    for button in page.locator("inpaint-editor button:visible").all():
        name = button.get_attribute("aria-label") or button.inner_text()
        assert name.strip(), button


def test_photos_without_masks_are_named_line_by_line(visitor, tmp_path):
    photos = [photo_file(tmp_path / name) for name in ("a<b>.png", "c.jpg")]
    page = visitor.page
    visitor.tab("Many photos")
    page.set_input_files("#batch_photos input[type=file]", [str(path) for path in photos])
    page.wait_for_selector("#batch_photos :text('c')")
    page.click("#fill_all_files")
    page.wait_for_selector(".toast-body:has-text('no mask')")
    lines = page.inner_text(".toast-body").splitlines()
    assert sum("no mask called" in line for line in lines) == 2
    assert any("c.jpg" in line and "a" not in line.partition(":")[0] for line in lines)
    page.click(".toast-close")
    page.click("#batch_photos button[aria-label='Clear']")


def test_fill_ends_when_the_page_is_closed(browser, tmp_path):
    size = (1600, 2000)  # fills for seconds
    photo = photo_file(tmp_path / "large.png", height=size[0], width=size[1], compress_level=1)
    mask = mask_file(tmp_path / "mask.png", (100, 1500, 100, 1900), size)
    visitor = Visitor(browser, shared_server())
    visitor.upload(photo)
    visitor.open_mask(mask)
    visitor.page.click("#fill")
    visitor.page.wait_for_selector(".status:has-text('Filling')")
    with shared_server().logging(r"job cancelled at \d+ %: its visitor has left$"):
        visitor.context.close()


def set_slider(page, part, name, value):
    """Give a slider of Gradio's a value; what comes before it is mounted is lost, so try again."""
    for _ in range(20):
        page.fill(f"{part} input[type=number][aria-label*='{name}']", str(value))
        page.wait_for_timeout(250)
        if page.input_value(f"{part} input[type=range][aria-label*='{name}']") == str(value):
            return
    raise AssertionError(f"{name} did not take {value}")


def test_many_photos_give_a_zip_with_a_report(visitor, tmp_path):
    photos = [photo_file(tmp_path / name) for name in ("a.png", "b.jpg")]
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    page = visitor.page
    visitor.tab("Many photos")
    page.click("#fill_all_files")
    page.wait_for_selector(".toast-body:has-text('There are no photos yet')")
    page.click(".toast-close")
    page.set_input_files("#batch_photos input[type=file]", [str(path) for path in photos])
    page.wait_for_selector("#batch_photos :text('b')")
    page.set_input_files("#batch_masks input[type=file]", [str(mask)])
    page.wait_for_selector("#batch_masks :text('mask')")
    page.click("#batch_options button:has-text('Options')")
    set_slider(page, "#batch_options", "Grow", 5)
    page.check("#batch_options label:has-text('faithful') input")
    page.click("#fill_all_files")
    page.wait_for_selector("#batch_result :text('2 done, 0 skipped, 0 failed')")
    page.wait_for_selector("#batch_pictures button img >> nth=1")
    archive = visitor.download("#batch_download", tmp_path)
    assert archive.name == "inpainted.zip"
    with zipfile.ZipFile(archive) as packed:
        after = read_image(io.BytesIO(packed.read("a.png"))).pixels
    changed = (after != read_image(photos[0]).pixels).any(-1)
    assert changed[25:65, 35:85].mean() > 0.9 and not changed[:24].any()  # grown by 5


def test_batch_is_cancelled_and_gives_what_was_filled_before(browser, tmp_path):
    size = (1600, 2000)  # fills for seconds
    (tmp_path / "masks").mkdir()
    small = photo_file(tmp_path / "a.png")
    large = photo_file(tmp_path / "b.png", height=size[0], width=size[1], compress_level=1)
    masks = [
        mask_file(tmp_path / "masks" / "a.png", (30, 60, 40, 80), (96, 128)),
        mask_file(tmp_path / "masks" / "b.png", (100, 1500, 100, 1900), size),
    ]
    for visitor in visiting(browser, shared_server()):
        page = visitor.page
        visitor.tab("Many photos")
        for part, paths in (("photos", [small, large]), ("masks", masks)):
            page.set_input_files(f"#batch_{part} input[type=file]", [str(path) for path in paths])
            page.wait_for_selector(f"#batch_{part} :text('b')")
        assert page.is_hidden("#cancel_all_files")
        page.click("#fill_all_files")
        page.wait_for_selector("#batch_status :text('Photo 2 of 2'):text('s left')")
        assert page.is_disabled("#fill_all_files")
        page.click("#cancel_all_files")
        page.wait_for_selector("#batch_result :text('Cancelled: 1 done, 0 skipped, 0 failed')")
        page.wait_for_selector("#cancel_all_files", state="hidden")
        assert page.is_enabled("#fill_all_files")
        with zipfile.ZipFile(visitor.download("#batch_download", tmp_path)) as packed:
            assert set(packed.namelist()) == {"a.png", "report.jsonl"}

"""Fills as a strip of pictures, and the line between original and result, in a real browser."""

import numpy as np
import pytest
from app_server import photo_file, shared_server
from browser import EDITOR, visiting

from inpaint.images import read_image


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


def fill_twice(visitor, photo):
    visitor.upload(photo)
    for down in (-0.25, 0.25):
        visitor.stroke((-0.2, down), (0.2, down))
        visitor.fill()


def test_click_goes_to_the_photo_as_it_was_after_a_fill(visitor, tmp_path, photo):
    fill_twice(visitor, photo)
    page = visitor.page
    twice = visitor.saved(tmp_path)
    if page.is_hidden(".timeline"):
        page.keyboard.press("t")
    pictures = page.locator(".timeline button")
    assert pictures.count() == 3
    assert len({picture.screenshot() for picture in pictures.all()}) == 3
    page.click(".timeline button[title='Fill 1']")
    once = visitor.saved(tmp_path)
    changed = (once != twice).any(-1)
    assert changed[250:350].any() and not changed[:200].any()
    assert page.get_attribute(".timeline [title='Fill 1']", "aria-current") == "true"
    page.click(".timeline button[title='Original']")
    np.testing.assert_array_equal(visitor.saved(tmp_path), read_image(photo).pixels)
    page.click(".timeline button[title='Fill 2']")
    np.testing.assert_array_equal(visitor.saved(tmp_path), twice)
    page.keyboard.press("Control+z")
    assert visitor.state("work.history.marks.length") == 1
    page.keyboard.press("t")
    assert page.is_hidden(".timeline")


def test_strip_is_open_again_on_the_next_visit(browser, photo):
    for visitor in visiting(browser, shared_server(), fill_on_release=None):
        visitor.upload(photo)
        assert visitor.page.is_hidden(".timeline")  # on a small screen
        visitor.page.keyboard.press("t")
        visitor.page.reload()
        visitor.page.wait_for_selector(".timeline button[title='Original']")


def test_line_divides_the_photo_into_original_and_result(visitor, photo):
    visitor.upload(photo)
    before = visitor.displayed()
    visitor.stroke((-0.4, 0), (0.4, 0))
    visitor.fill()
    after = visitor.displayed()
    page = visitor.page
    page.keyboard.press("d")
    box = page.locator("#divider").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(*visitor.point(0.2, -0.4), steps=4)
    page.mouse.up()
    assert visitor.state("work.history.marks.length") == 0  # no stroke
    split = visitor.displayed()
    width = split.shape[1]
    band = slice(int(0.45 * split.shape[0]), int(0.55 * split.shape[0]))
    left, right = slice(0, int(0.65 * width)), slice(int(0.75 * width), width)
    assert np.abs(split - before)[band, left].mean() < 1 < np.abs(split - after)[band, left].mean()
    assert (
        np.abs(split - after)[band, right].mean() < 1 < np.abs(split - before)[band, right].mean()
    )
    place = visitor.state("stage.split")
    page.focus("#divider")
    page.keyboard.press("ArrowLeft")
    assert visitor.state("stage.split") == pytest.approx(place - 0.02)
    page.keyboard.press("d")
    assert page.is_hidden("#divider") and np.abs(visitor.displayed() - after).mean() < 0.5


def test_line_is_dragged_by_touch(phone, photo):
    phone.upload(photo)
    phone.stroke((-0.4, 0), (0.4, 0))
    phone.fill()
    phone.page.click("#divide")
    phone.touch([(0, 0), (-0.3, 0)])
    assert phone.state("stage.split") < 0.3
    assert phone.state("work.history.marks.length") == 0
    phone.page.click("#divide")
    assert phone.page.evaluate(f"{EDITOR}.scrollWidth") <= 390

"""Zoom, pan, tools and fingers on the page's canvas, in a real browser."""

import io

import numpy as np
import pytest
from app_server import photo_file, shared_server
from browser import visiting
from PIL import Image


@pytest.fixture(scope="module")
def desktop(browser):
    yield from visiting(browser, shared_server(), dark=True)


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


def test_wheel_zooms_to_the_cursor(desktop, photo):
    desktop.upload(photo)
    x, y = desktop.point(0.25, -0.2)
    scale = desktop.state("stage.view.scale")
    desktop.page.mouse.move(x, y)
    desktop.page.mouse.wheel(0, -400)
    desktop.page.wait_for_function(
        f"document.querySelector('inpaint-editor').stage.view.scale > {1.5 * scale}"
    )
    np.testing.assert_allclose(desktop.point(0.25, -0.2), (x, y), atol=1)  # of whole CSS pixels
    percent = round(100 * desktop.state("stage.view.scale"))
    assert desktop.page.inner_text("#zoom") == f"{percent} %"


def test_the_screen_shows_what_was_zoomed_to(desktop, tmp_path):
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[80:120, 430:470] = 255  # around (0.25, -0.25)
    Image.fromarray(pixels).save(tmp_path / "spot.png")
    desktop.upload(tmp_path / "spot.png")
    x, y = desktop.point(0.25, -0.25)
    desktop.page.mouse.move(x, y)
    desktop.page.mouse.wheel(0, -1200)  # the spot now is larger than half of the screen
    desktop.page.mouse.move(1, 1)
    desktop.settle()
    data = desktop.page.screenshot(clip={"x": x - 90, "y": y - 90, "width": 180, "height": 180})
    with Image.open(io.BytesIO(data)) as shown:
        assert np.array(shown.convert("L")).min() > 240


def test_keys_fit_and_show_full_size(desktop, photo):
    desktop.upload(photo)
    fitted = desktop.photo_box()
    desktop.page.keyboard.press("1")
    desktop.settle()
    left, top, right, bottom = desktop.photo_box()
    assert (right - left, bottom - top) == pytest.approx((600, 400))
    assert desktop.page.inner_text("#zoom") == "100 %"
    desktop.page.keyboard.press("0")
    desktop.settle()
    assert desktop.photo_box() == pytest.approx(fitted)


def test_photo_fills_the_window(desktop, photo):
    desktop.upload(photo)
    left, _, right, _ = desktop.photo_box()
    assert right - left > 0.85 * desktop.page.viewport_size["width"]


@pytest.mark.parametrize("how", ["space", "middle", "hand"])
def test_photo_is_moved_without_painting(desktop, photo, how):
    desktop.upload(photo)
    desktop.page.keyboard.press("+")
    desktop.settle()
    before = np.array(desktop.point(0, 0))
    if how == "space":
        desktop.page.keyboard.down(" ")
    elif how == "hand":
        desktop.page.keyboard.press("h")
    desktop.drag((0, 0), (-0.1, 0.05), button="middle" if how == "middle" else "left")
    if how == "space":
        desktop.page.keyboard.up(" ")
    elif how == "hand":
        desktop.page.keyboard.press("b")
    desktop.settle()
    scale = desktop.state("stage.view.scale")
    moved = np.array(desktop.point(0, 0)) - before
    np.testing.assert_allclose(moved, [-0.1 * 600 * scale, 0.05 * 400 * scale], atol=1.5)
    assert desktop.state("work.history.at") == 0


def test_brush_paints_as_wide_as_its_ring_and_its_number_tell(desktop, tmp_path, photo):
    desktop.upload(photo)
    for key, count in (("[", 2), ("]", 5)):
        for _ in range(count):
            desktop.page.keyboard.press(key)
        desktop.stroke((-0.2, 0), (0.2, 0))
        size = float(desktop.page.inner_text("#size_shown").removesuffix(" px"))
        desktop.page.mouse.move(*desktop.point(0, 0.3))
        ring = desktop.page.locator(".ring").bounding_box()
        assert ring["width"] == pytest.approx(size * desktop.state("stage.view.scale"), abs=1)
        hole = desktop.mask(tmp_path)
        assert hole[:, 300].sum() == pytest.approx(size, abs=1.5)
        desktop.page.keyboard.press("Control+z")


def test_a_click_marks_a_disk(desktop, tmp_path, photo):
    desktop.upload(photo)
    desktop.stroke((0.25, 0))
    desktop.stroke((-0.25, 0), (-0.25, 0))  # pressed and let go, with a move of no length
    area = np.pi * desktop.state("tools.radius") ** 2
    hole = desktop.mask(tmp_path)
    for half in (hole[:, :300], hole[:, 300:]):
        assert np.count_nonzero(half) == pytest.approx(area, rel=0.05)


def test_size_of_the_brush_is_set_by_its_slider(desktop, photo):
    desktop.upload(photo)
    before = desktop.state("tools.radius")
    desktop.page.focus("#size")
    desktop.page.keyboard.press("ArrowRight")
    assert desktop.state("tools.radius") > before
    told = desktop.page.get_attribute("#size", "aria-valuetext")
    assert told == desktop.page.inner_text("#size_shown")


def test_rectangle_and_lasso_mark_what_they_enclose(desktop, tmp_path, photo):
    desktop.upload(photo)
    desktop.tool("rectangle")
    desktop.drag((-0.25, -0.25), (0.25, 0.25))
    hole = desktop.mask(tmp_path)
    expected = np.zeros((400, 600), bool)
    expected[100:300, 150:450] = True
    assert (hole != expected).mean() < 0.01
    desktop.page.keyboard.press("Control+z")
    desktop.tool("lasso")
    desktop.drag((-0.25, -0.25), (0.25, -0.25), (0.25, 0.25))
    triangle = desktop.mask(tmp_path)
    desktop.tool("brush")
    assert (triangle & ~expected).mean() < 0.01
    assert triangle.sum() == pytest.approx(expected.sum() / 2, rel=0.05)


def test_strokes_at_any_zoom_have_the_full_detail_of_the_photo(desktop, tmp_path):
    desktop.upload(photo_file(tmp_path / "large.png", height=2000, width=3000, compress_level=1))
    desktop.page.keyboard.press("1")
    desktop.settle()
    for _ in range(25):
        desktop.page.keyboard.press("[")
    size = float(desktop.page.inner_text("#size_shown").removesuffix(" px"))
    assert size < 2
    desktop.stroke((-0.01, 0), (0.01, 0))
    hole = desktop.mask(tmp_path)
    assert 1 <= hole[:, 1500].sum() <= 2 and hole[:, 1475:1525].any(0).all()


def test_two_fingers_zoom_and_move_but_never_paint(phone, photo):
    phone.upload(photo)
    scale = phone.state("stage.view.scale")
    phone.touch([(-0.1, 0), (-0.4, 0)], [(0.1, 0), (0.4, 0)])
    phone.settle()
    assert phone.state("stage.view.scale") == pytest.approx(4 * scale, rel=0.05)
    before = np.array(phone.point(0, 0))
    phone.touch([(-0.05, 0), (-0.09, 0.04)], [(0.05, 0), (0.01, 0.04)])
    phone.settle()
    assert np.abs(np.array(phone.point(0, 0)) - before).max() > 10
    assert phone.state("stage.view.scale") == pytest.approx(4 * scale, rel=0.05)
    assert phone.state("work.history.at") == 0 and phone.page.is_disabled("#undo")
    phone.stroke((-0.02, 0), (0.02, 0.02))
    assert phone.state("work.history.at") == 1


def test_second_finger_takes_the_stroke_of_the_first_one_back(phone, photo):
    phone.upload(photo)
    clean = phone.displayed()
    phone.touch([(-0.2, 0), (-0.2, 0.001)], [(0.2, 0), (0.2, 0.001)])
    assert phone.state("work.history.at") == 0
    shown = phone.displayed()
    height, width = np.minimum(shown.shape, clean.shape)[:2]
    assert np.abs(shown[:height, :width] - clean[:height, :width]).mean() < 5


def test_shortcuts_are_listed(desktop, photo):
    desktop.upload(photo)
    desktop.page.keyboard.press("?")
    assert desktop.page.is_visible("#shortcuts :text('Undo strokes and fills')")
    desktop.page.keyboard.press("Escape")
    assert desktop.page.is_hidden("#shortcuts")


def test_letters_in_fields_are_no_shortcuts(desktop, photo):
    desktop.upload(photo)
    with desktop.options():
        desktop.page.focus("#grow")
        desktop.page.keyboard.press("e")
        assert desktop.state("tools.name") == "brush"


# Marks, and whether the mask that is drawn around them only is as one that is drawn as a whole.
SAME_MASK = """async () => {
  const { maskOf } = await import("./editor/marks.js"), size = { width: 203, height: 151 };
  const stroke = (points, radius, erase) => ({ kind: "stroke", erase, radius, points });
  const area = { kind: "area", points: [20.5, 30.5, 90, 33, 40, 80.2] };
  const cases = {
    strokes: [stroke([60.3, 70.7, 90, 75], 5.5), stroke([70, 60, 80, 90], 2, true)],
    edges: [stroke([-30, -8, 4, 3], 9), stroke([200, 149, 240, 190], 6), area],
    outside: [stroke([-500, -500, -400, -450], 9)],
    cleared: [stroke([60, 70], 5), { kind: "clear" }, area],
    inverted: [area, { kind: "invert" }],
    none: [],
  };
  const pixels = async (blob) => {
    const context = new OffscreenCanvas(size.width, size.height).getContext("2d");
    context.drawImage(await createImageBitmap(blob), 0, 0);
    return context.getImageData(0, 0, size.width, size.height).data.join();
  };
  const same = {};
  for (const [name, marks] of Object.entries(cases)) {
    const whole = [{ kind: "invert" }, { kind: "invert" }, ...marks];
    const masks = await Promise.all([marks, whole].map((list) => maskOf(list, size)));
    same[name] = (await pixels(masks[0])) === (await pixels(masks[1]));
  }
  return same;
}"""


def test_masks_are_the_same_wherever_their_marks_lie(visitor):
    same = visitor.page.evaluate(SAME_MASK)
    assert len(same) == 6 and all(same.values()), same

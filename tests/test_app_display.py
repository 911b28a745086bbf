"""What the page shows in a real browser: pixels of the screen, and not only values."""

import cv2
import numpy as np
import pytest
from app_server import mask_file, photo_file, shared_server
from browser import EDITOR, visiting
from PIL import Image

from inpaint.app.examples import find_examples

EXAMPLES = find_examples()
BRUSH_COLOUR, BRUSH_OPACITY = (236, 72, 153), 0.55  # of editor.css


@pytest.fixture(scope="module")
def desktop(browser):
    yield from visiting(browser, shared_server())


@pytest.fixture(params=["desktop", "phone"])
def visitor(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


def pixels_of(path):
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def hole_of(path):
    with Image.open(path) as image:
        return np.array(image.convert("L")) > 127


def check_shown(visitor, path, hole, *, looks=20):
    """Asserts that the screen shows the photo with the hole, (H, W) bool, painted over it."""
    for _ in range(looks):  # the editor paints some frames after it says that it is ready
        strange, marked = look(visitor, path)
        expected = shrunk(hole * 255.0, marked.shape) > 127
        # Without the outermost pixels: the page tells its zoom in whole percents only.
        differs = (marked != expected)[2:-2, 2:-2].mean()
        if strange < 20 and differs <= 0.003 + 0.25 * expected.mean():
            return
        visitor.page.wait_for_timeout(150)
    raise AssertionError(
        f"{differs:.1%} of the screen is marked or not where it must not be, "
        f"and its colours are {strange:.0f} levels off"
    )


def look(visitor, path):
    """By how many levels the screen shows another picture, and where it is marked: bool."""
    found = visitor.displayed()
    size = (found.shape[0] // 3, found.shape[1] // 3)
    found, photo = shrunk(found, size), shrunk(pixels_of(path), size)
    marked = photo + BRUSH_OPACITY * (np.array(BRUSH_COLOUR) - photo)
    distances = np.abs(found - photo).mean(-1), np.abs(found - marked).mean(-1)
    return np.minimum(*distances).mean(), distances[1] < distances[0]


def shrunk(pixels, size):
    """Pixels at (height, width), each the mean of those that it stands for."""
    return cv2.resize(np.asarray(pixels, np.float32), size[::-1], interpolation=cv2.INTER_AREA)


def open_example(visitor, index):
    visitor.close()
    visitor.page.locator(".example").nth(index).click()
    visitor.page.wait_for_selector(f"#about:text('{EXAMPLES[index][0].name}')")
    visitor.settle()


def test_difference_of_a_shifted_mask_would_be_seen(desktop, photo):
    hole = np.zeros((400, 600), bool)
    hole[100:150, 100:150] = True
    desktop.upload(photo)
    with pytest.raises(AssertionError, match="of the screen is marked or not"):
        check_shown(desktop, photo, hole, looks=3)  # nothing will change


@pytest.mark.parametrize("index", range(len(EXAMPLES)))
def test_mask_of_an_example_is_shown_where_it_is_filled(visitor, tmp_path, index):
    path, mask = EXAMPLES[index]
    hole = hole_of(mask)
    open_example(visitor, index)
    check_shown(visitor, path, hole)
    np.testing.assert_array_equal(visitor.mask(tmp_path), hole)


def test_canvases_that_the_browser_has_emptied_are_drawn_again(visitor, photo):
    hole = np.zeros((400, 600), bool)
    visitor.upload(photo)
    emptied = f"""() => {{
      for (const name of ["photo", "overlay", "exclusion"]) {{
        const context = {EDITOR}.stage[name];
        context.reset();
        context.canvas.dispatchEvent(new Event("contextrestored"));
      }}
    }}"""
    visitor.page.evaluate(emptied)
    check_shown(visitor, photo, hole)


def test_mask_opened_before_any_stroke_stays_in_place_after_a_stroke(visitor, tmp_path, photo):
    mask = mask_file(tmp_path / "mask.png", (20, 120, 30, 230), (400, 600))
    hole = hole_of(mask)
    visitor.upload(photo)
    visitor.open_mask(mask)
    check_shown(visitor, photo, hole)
    visitor.stroke((0.1, 0.2), (0.3, 0.2))
    both = visitor.mask(tmp_path)
    np.testing.assert_array_equal(both[:200], hole[:200])  # the stroke is in the lower half
    assert both[280, 420] and both[200:].mean() < 0.3
    check_shown(visitor, photo, both)
    visitor.fill()
    filled = visitor.saved(tmp_path)
    changed = (filled != pixels_of(photo)).any(-1)
    assert not changed[~both].any() and changed[both].mean() > 0.9


def test_mask_of_a_tall_photo_opened_after_a_wide_one_is_in_place(visitor, tmp_path, photo):
    visitor.upload(photo)
    tall = photo_file(tmp_path / "tall.png", height=900, width=450)
    mask = mask_file(tmp_path / "mask.png", (600, 850, 20, 120), (900, 450))
    visitor.upload(tall)
    visitor.open_mask(mask)
    check_shown(visitor, tall, hole_of(mask))
    with visitor.options():
        visitor.page.click("#invert")
    check_shown(visitor, tall, ~hole_of(mask))
    with visitor.options():
        visitor.page.click("#clear")
    check_shown(visitor, tall, np.zeros((900, 450), bool))


def test_undo_goes_back_to_the_photo_and_never_removes_it(visitor, photo):
    empty = np.zeros((400, 600), bool)
    visitor.upload(photo)
    check_shown(visitor, photo, empty)
    assert visitor.page.is_disabled("#undo")
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    visitor.page.click("#undo")
    assert visitor.page.is_disabled("#undo")
    for _ in range(3):
        visitor.page.keyboard.press("Control+z")
    check_shown(visitor, photo, empty)


def test_result_appears_in_the_place_of_the_photo_and_is_undone_there(visitor, tmp_path, photo):
    visitor.upload(photo)
    box = visitor.photo_box()
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    hole = visitor.mask(tmp_path)
    check_shown(visitor, photo, hole)
    visitor.fill()
    filled = visitor.download("#download", tmp_path)
    assert visitor.photo_box() == box
    check_shown(visitor, filled, np.zeros((400, 600), bool))
    visitor.page.click("#undo")
    check_shown(visitor, photo, hole)
    visitor.page.click("#redo")
    check_shown(visitor, filled, np.zeros((400, 600), bool))


def test_original_is_shown_while_a_key_is_held(desktop, tmp_path, photo):
    nothing = np.zeros((400, 600), bool)
    desktop.upload(photo)
    desktop.stroke((-0.2, 0), (0.2, 0.05))
    desktop.fill()
    desktop.stroke((-0.2, 0.3), (0.2, 0.3))
    filled, marked = desktop.download("#download", tmp_path), desktop.mask(tmp_path)
    check_shown(desktop, filled, marked)
    desktop.page.keyboard.down("c")
    assert desktop.page.is_visible(".original")
    desktop.page.eval_on_selector(".original", "(label) => { label.style.opacity = 0; }")
    check_shown(desktop, photo, nothing)
    desktop.page.keyboard.up("c")
    assert desktop.page.is_hidden(".original")
    check_shown(desktop, filled, marked)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ((-0.51, 0.1), (-0.2, 0.1)),
        ((0.51, 0.1), (0.2, 0.1)),
        ((0.1, -0.51), (0.1, -0.2)),
        ((0.1, 0.51), (0.1, 0.2)),
        ((-0.51, -0.51), (-0.3, -0.3)),
    ],
)
def test_stroke_that_starts_in_the_margin_paints_from_the_edge_on(
    visitor, tmp_path, photo, start, stop
):
    visitor.upload(photo)
    check_shown(visitor, photo, np.zeros((400, 600), bool))
    visitor.stroke(start, stop)
    hole = visitor.mask(tmp_path)
    check_shown(visitor, photo, hole)
    edge = [min(max(place, -0.49), 0.49) for place in start]
    for right, down in (edge, stop):
        assert hole[round((0.5 + down) * 400), round((0.5 + right) * 600)]
    assert hole.mean() < 0.2


def test_stroke_that_stays_in_the_margin_paints_nothing(desktop, photo):
    desktop.upload(photo)
    desktop.stroke((-0.2, -0.6), (0.2, -0.6))
    desktop.page.mouse.move(*desktop.point(0, 0))  # without a button
    desktop.page.click("#fill")
    desktop.told("Nothing is marked yet")


@pytest.mark.parametrize("size", [(400, 600), (600, 400), (300, 1200)])
def test_no_tool_covers_the_photo(visitor, tmp_path, size):
    visitor.upload(photo_file(tmp_path / "photo.png", height=size[0], width=size[1]))
    left, top, right, bottom = visitor.photo_box()
    tools = visitor.page.locator("inpaint-editor").locator("button:visible, input:visible")
    boxes = [tool.bounding_box() for tool in tools.all()]
    boxes = [box for box in boxes if box["width"] > 1]  # those of files are hidden
    assert len(boxes) >= 12
    for box in boxes:
        assert box["width"] >= 44 and box["height"] >= 44
        beside = box["x"] >= right or box["x"] + box["width"] <= left
        assert beside or box["y"] >= bottom or box["y"] + box["height"] <= top
    for a, b in ((a, b) for i, a in enumerate(boxes) for b in boxes[:i]):
        apart = a["x"] >= b["x"] + b["width"] - 1 or b["x"] >= a["x"] + a["width"] - 1
        apart = apart or a["y"] >= b["y"] + b["height"] - 1 or b["y"] >= a["y"] + a["height"] - 1
        assert apart, "tools lie on each other"

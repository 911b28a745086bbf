"""Fills in a real browser: progress, cancelling, fill on release, another one, and lost servers."""

import numpy as np
import pytest
from app_server import mask_file, photo_file, shared_server, start_server, stop_server
from browser import EDITOR, visiting
from PIL import Image

from inpaint.images import read_image

LARGE = (1600, 2000)  # with the mask below, it fills for seconds


@pytest.fixture
def visitor(browser):
    yield from visiting(browser, shared_server())


@pytest.fixture
def photo(tmp_path):
    return photo_file(tmp_path / "photo.png", height=400, width=600)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A photo and a mask whose fill takes long."""
    folder = tmp_path_factory.mktemp("slow")
    photo = photo_file(folder / "slow.png", height=LARGE[0], width=LARGE[1], compress_level=1)
    return photo, mask_file(folder / "mask.png", (100, 1500, 100, 1900), LARGE)


def fills(visitor):
    return visitor.state("work.history.fills.length")


def test_progress_tells_the_time_left_and_a_fill_is_cancelled(visitor, slow):
    page, (photo, mask) = visitor.page, slow
    visitor.upload(photo)
    visitor.open_mask(mask)
    page.click("#fill")
    page.wait_for_selector(".status:has-text('left')")
    assert 0 < page.eval_on_selector(".status progress", "(bar) => bar.value") < 1
    with shared_server().logging(r"job cancelled at \d+ %: its visitor cancelled it$"):
        page.click("#cancel")
        assert page.is_hidden(".status") and page.is_enabled("#fill")
    assert fills(visitor) == 0 and visitor.state("work.history.marks.length") == 1


def test_calls_take_the_names_of_those_that_have_ended(visitor, photo):
    names = []

    def note(request):
        if "queue/join" in request.url:
            names.append(request.post_data_json["session_hash"])

    visitor.page.on("request", note)
    visitor.upload(photo)
    for place in (-0.2, 0, 0.2):
        visitor.stroke((place, -0.2), (place, 0.2))
        visitor.fill()
    visitor.page.remove_listener("request", note)
    assert len(names) >= 4 and len(set(names)) == 1


def test_second_visitor_is_told_of_those_before_and_fills_after_a_cancel(browser, slow, photo):
    large, mask = slow
    for second in visiting(browser, shared_server()):
        second.upload(photo)
        second.stroke((-0.2, 0), (0.2, 0))
        for first in visiting(browser, shared_server()):
            first.upload(large)
            first.open_mask(mask)
            first.page.click("#fill")
            first.page.wait_for_selector(".status:has-text('Filling')")
            second.page.click("#fill")
            second.page.wait_for_selector(".status:has-text('Waiting')")
            first.page.keyboard.press("Escape")
            second.page.wait_for_function(f"{EDITOR}.work.history.fills.length === 1")


def test_fill_follows_each_stroke_where_the_visitor_wants_it(browser, photo, tmp_path):
    for visitor in visiting(browser, shared_server(), fill_on_release=True):
        visitor.upload(photo)
        visitor.stroke((-0.2, -0.2), (0.2, -0.2))
        visitor.page.wait_for_function(f"{EDITOR}.work.history.fills.length === 1")
        visitor.stroke((-0.2, 0.2), (0.2, 0.2))
        visitor.page.wait_for_function(f"{EDITOR}.work.history.fills.length === 2")
        visitor.settle()
        after = visitor.saved(tmp_path)
        changed = (after != read_image(photo).pixels).any(-1)
        assert changed[120, 300] and changed[280, 300]


def test_fill_on_release_is_suggested_where_fills_are_quick(browser, photo):
    for visitor in visiting(browser, shared_server(), fill_on_release=None):
        checked = "part('on_release').checked"
        assert not visitor.state(checked)
        visitor.page.evaluate(f"{EDITOR}.options.suggestFillOnRelease(true)")
        assert visitor.state(checked)
        visitor.upload(photo)
        with visitor.options():
            visitor.page.uncheck("#on_release")
        visitor.page.evaluate(f"{EDITOR}.options.suggestFillOnRelease(true)")
        assert not visitor.state(checked)


def test_one_of_four_candidates_takes_the_place_of_the_last_fill(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, 0), (0.2, 0.05))
    hole = visitor.mask(tmp_path)
    visitor.fill()
    shown, first = visitor.displayed(), visitor.saved(tmp_path)
    page, pictures = visitor.page, visitor.page.locator(".candidates [role=radio]")
    page.keyboard.press("n")
    pictures.nth(3).wait_for()
    visitor.settle()
    seen = [picture.screenshot() for picture in pictures.all()]
    assert len(set(seen)) == 4
    np.testing.assert_array_equal(visitor.saved(tmp_path), first)
    pictures.nth(2).click()
    third = visitor.saved(tmp_path)
    page.keyboard.press("4")
    assert pictures.nth(3).get_attribute("aria-checked") == "true"
    fourth = visitor.saved(tmp_path)
    page.keyboard.press("ArrowLeft")
    np.testing.assert_array_equal(visitor.saved(tmp_path), third)
    page.keyboard.press("Enter")
    assert page.is_hidden(".candidates")
    for one, other in ((first, third), (first, fourth), (third, fourth)):
        assert (one != other)[hole].any() and not (one != other)[~hole].any()
    assert (np.abs(visitor.displayed() - shown).max(-1) > 3).any()
    assert fills(visitor) == 1
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), hole)
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(visitor.saved(tmp_path), third)
    page.reload()
    page.wait_for_selector("#about:text('photo.png')")
    visitor.settle()
    np.testing.assert_array_equal(visitor.saved(tmp_path), third)


def test_a_stroke_ends_the_choice_among_candidates(visitor, slow):
    photo, _ = slow
    visitor.upload(photo)
    visitor.stroke((-0.3, -0.2), (0.3, -0.2))
    visitor.fill()
    visitor.page.keyboard.press("n")
    visitor.page.wait_for_selector(".candidates")
    visitor.stroke((-0.3, 0), (0.3, 0))  # above the candidates and the progress
    visitor.page.wait_for_selector(".candidates", state="hidden")
    assert visitor.state("work.job") is None
    assert visitor.state("work.history.marks.length") == 1


def reds(colours):
    return ((colours[:, 0] > 200) & (colours[:, 1] < 60)).sum()


def test_nothing_is_copied_from_where_the_visitor_forbids_it(visitor, tmp_path):
    pixels = np.full((400, 600, 3), 128, np.uint8)
    pixels[:, 330:420] = 230, 20, 20
    Image.fromarray(pixels).save(tmp_path / "red.png")
    visitor.upload(tmp_path / "red.png")
    visitor.stroke((0.03, -0.1), (0.03, 0.1))  # next to the red, and a bit into it
    hole = visitor.mask(tmp_path)
    visitor.fill()
    assert reds(visitor.saved(tmp_path)[hole]) > 0
    visitor.page.keyboard.press("Control+z")
    visitor.page.keyboard.press("x")
    for _ in range(7):
        visitor.page.keyboard.press("]")
    visitor.stroke((0.125, -0.6), (0.125, 0.6))
    np.testing.assert_array_equal(visitor.mask(tmp_path), hole)  # two layers
    visitor.tool("brush")
    visitor.fill()
    assert reds(visitor.saved(tmp_path)[hole]) == 0
    shown = visitor.displayed()  # for the next fill it is still forbidden, and shown so
    place = shown.shape[0] // 2, round(0.65 * shown.shape[1])
    red, _, blue = np.median(around(shown, place), axis=0)
    assert blue > red
    with visitor.options():
        visitor.page.click("#clear")
    assert np.abs(visitor.displayed()[place] - [230, 20, 20]).max() < 12


def around(shown, place):
    """Pixels of the screen beside a place, (N, 3): stripes and what is between them."""
    row, column = place
    return shown[row - 12 : row + 12, column - 4 : column + 4].reshape(-1, 3)


def test_what_is_not_copied_is_seen_on_a_photo_of_its_colour(visitor, tmp_path):
    blue = [int(visitor.state("stage.colour('--exclude')")[i : i + 2], 16) for i in (1, 3, 5)]
    Image.fromarray(np.full((400, 600, 3), blue, np.uint8)).save(tmp_path / "blue.png")
    visitor.upload(tmp_path / "blue.png")
    visitor.page.keyboard.press("x")
    for _ in range(7):
        visitor.page.keyboard.press("]")
    visitor.stroke((-0.2, 0), (0.2, 0))
    shown = visitor.displayed()
    marked = around(shown, (shown.shape[0] // 2, shown.shape[1] // 2))
    seen = np.abs(marked - blue).max(axis=1) > 100
    assert 0.1 < seen.mean() < 0.5


def test_faithful_style_gives_another_fill(visitor, tmp_path, photo):
    results = []
    for style in ("natural", "faithful"):
        visitor.upload(photo)
        visitor.stroke((-0.2, 0), (0.2, 0.05))
        with visitor.options():
            visitor.page.check(f"input[name=style][value={style}]")
        visitor.fill()
        results.append(visitor.saved(tmp_path))
    assert (results[0] != results[1]).any()


def test_marks_that_are_painted_during_a_fill_stay(visitor, slow, tmp_path):
    photo, _ = slow
    visitor.upload(photo)
    visitor.stroke((-0.3, -0.2), (0.3, -0.2))
    visitor.page.click("#fill")
    visitor.stroke((-0.3, 0.3), (0.3, 0.3))
    visitor.page.wait_for_function(f"{EDITOR}.work.history.fills.length === 1")
    visitor.settle()
    hole = visitor.mask(tmp_path)
    height, width = LARGE
    assert hole[height * 4 // 5, width // 2] and not hole[height * 3 // 10, width // 2]


def test_work_is_there_again_after_a_reload(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, -0.2), (0.2, -0.2))
    visitor.fill()
    visitor.stroke((-0.2, 0.2), (0.2, 0.2))
    shown, hole = visitor.displayed(), visitor.mask(tmp_path)
    filled = visitor.saved(tmp_path)
    visitor.page.reload()
    visitor.page.wait_for_selector("#about:text('photo.png')")
    visitor.settle()
    assert np.abs(visitor.displayed() - shown).mean() < 2
    np.testing.assert_array_equal(visitor.mask(tmp_path), hole)
    again = visitor.saved(tmp_path)
    np.testing.assert_array_equal(again, filled)
    for _ in range(3):
        visitor.page.keyboard.press("Control+z")
    again = visitor.saved(tmp_path)
    np.testing.assert_array_equal(again, read_image(photo).pixels)
    visitor.close()
    visitor.page.reload()
    visitor.page.wait_for_selector("#choose")
    visitor.settle()
    assert visitor.page.is_visible("#choose")


def test_offline_page_says_so_and_keeps_the_marks(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.context.set_offline(True)
    visitor.page.click("#fill")
    visitor.told("does not answer")
    assert visitor.page.is_hidden(".status")
    visitor.context.set_offline(False)
    assert visitor.mask(tmp_path).any()
    visitor.fill()


BREAKING = """() => {
  const fetched = window.fetch;
  window.fetch = async (address, options) => {
    const answer = await fetched(address, options);
    if (!String(address).includes("queue/data")) return answer;
    const reader = answer.body.getReader();
    const pull = async (controller) => {
      const { done, value } = await reader.read();
      if (done) controller.error(new TypeError("network error"));
      else controller.enqueue(value);
    };
    return new Response(new ReadableStream({ pull }));
  };
}"""


def test_an_answer_counts_though_its_connection_breaks_afterwards(browser, photo):
    for visitor in visiting(browser, shared_server()):
        visitor.page.evaluate(BREAKING)
        visitor.upload(photo)
        visitor.stroke((-0.2, 0), (0.2, 0))
        visitor.fill()
        assert not visitor.page.is_visible(".message")


@pytest.fixture(scope="module")
def guarded():
    """A page behind a password. The last test stops it."""
    server = start_server("--auth", "ada:lace")
    yield server
    stop_server(server.process)


def test_photo_is_filled_behind_a_password(browser, photo, guarded):
    for visitor in visiting(browser, guarded, login=("ada", "lace")):
        visitor.upload(photo)
        visitor.stroke((-0.2, 0), (0.2, 0))
        visitor.fill()


def test_photo_is_opened_again_on_a_server_that_was_started_anew(browser, tmp_path, photo, guarded):
    port = guarded.address.rpartition(":")[2]
    for visitor in visiting(browser, guarded, login=("ada", "lace")):
        visitor.upload(photo)
        visitor.stroke((-0.2, 0), (0.2, 0))
        hole = visitor.mask(tmp_path)
        stop_server(guarded.process)
        server = start_server("--port", port)  # its visitors need no password, so none comes back
        visitor.page.click("#fill")
        visitor.told("The server was started anew")
        np.testing.assert_array_equal(visitor.mask(tmp_path), hole)
        visitor.fill()
    stop_server(server.process)

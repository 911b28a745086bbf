"""The page for everybody: contrast, names for screen readers, keys, motion, turned phones."""

from pathlib import Path

import pytest
from app_server import photo_file, shared_server
from browser import EDITOR, visiting

sync_api = pytest.importorskip("playwright.sync_api")

LEAST_TEXT, LEAST_LARGE_TEXT = 4.5, 3.0  # WCAG 2.2, 1.4.3
LEAST_ICON = 3.0  # WCAG 2.2, 1.4.11

CONTRASTS = (Path(__file__).parent / "contrast.js").read_text()
LEAST = {"text": LEAST_TEXT, "large": LEAST_LARGE_TEXT, "icon": LEAST_ICON}
CONTROLS = {"button", "checkbox", "combobox", "radio", "slider", "spinbutton", "textbox", "tab"}
FOCUSED = f"""() => {{
  const inner = {EDITOR}.shadowRoot.activeElement;
  return inner?.id || inner?.classList[0] || '';
}}"""


@pytest.fixture
def photos(tmp_path):
    return [photo_file(tmp_path / f"{name}.png", height=240, width=360) for name in "ab"]


def states(visitor, photos):
    """Goes through what the page can show; gives the name of each."""
    page = visitor.page
    visitor.close()
    yield "start"
    page.set_input_files("#photo", [str(path) for path in photos])
    page.wait_for_function(f"{EDITOR}.work.album.shots.length === 2")
    visitor.settle()
    visitor.page.evaluate(f"{EDITOR}.work.view.messages.show('A message', 'info')")
    visitor.page.evaluate(f"{EDITOR}.work.view.messages.show('An error', 'error')")
    yield "two photos and messages"
    visitor.page.evaluate(f"{EDITOR}.messages.clear()")
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.fill()
    page.click("#another")
    page.locator(".candidates [role=radio]").nth(3).wait_for()
    visitor.settle()
    yield "candidates"
    page.click("#keep")
    page.click("#options")
    page.click("#find_damage")
    page.wait_for_selector("#damage")
    visitor.settle()
    yield "damage"
    page.evaluate(f"{EDITOR}.messages.clear()")
    visitor.tool("select")
    page.click("#minus")
    page.evaluate(f"{EDITOR}.work.tasks.start('Filling')")
    yield "pointing, with progress"
    page.evaluate(f"{EDITOR}.work.cancel()")
    page.click("#options")
    yield "options"
    page.click("#options")
    page.evaluate(f"{EDITOR}.part('divide').click()")
    page.keyboard.press("t")
    yield "line and strip of fills"
    page.keyboard.press("t")
    page.evaluate(f"{EDITOR}.part('divide').click()")
    page.keyboard.press("?")
    yield "shortcuts"
    page.keyboard.press("Escape")


@pytest.mark.parametrize("dark", [False, True])
def test_texts_and_icons_have_contrast_and_controls_names_for_screen_readers(browser, photos, dark):
    weak, nameless = [], []
    for visitor in visiting(browser, shared_server(), dark=dark):
        session = visitor.context.new_cdp_session(visitor.page)
        session.send("Accessibility.enable")
        for state in states(visitor, photos):
            found = visitor.page.evaluate(CONTRASTS)
            assert found
            weak += [(state, what, round(c, 2)) for what, c, kind in found if c < LEAST[kind]]
            nodes = session.send("Accessibility.getFullAXTree")["nodes"]
            controls = [
                node for node in nodes if not node["ignored"] and node["role"]["value"] in CONTROLS
            ]
            assert controls
            nameless += [
                (state, node["role"]["value"])
                for node in controls
                if not node.get("name", {}).get("value", "").strip()
            ]
    assert weak == [] and nameless == []


def test_weak_contrast_would_be_seen(browser, photos):
    for visitor in visiting(browser, shared_server()):
        visitor.upload(photos[0])
        visitor.page.evaluate(f"{EDITOR}.part('about').style.color = '#aaa'")
        found = {what.split()[0]: c for what, c, _ in visitor.page.evaluate(CONTRASTS)}
        assert found["about"] == pytest.approx(2.32, abs=0.1)  # of #aaa on white


def test_photo_is_selected_filled_and_saved_by_keys_alone(browser, photos):
    for visitor in visiting(browser, shared_server()):
        page = visitor.page
        tab_to(page, "choose")
        choose_by_key(page, photos[0])
        page.wait_for_selector("#about:text('a.png')")
        visitor.settle()
        tab_to(page, "stage")
        for key in ("Enter", "Shift+ArrowRight", "Enter"):
            page.keyboard.press(key)
        assert visitor.state("work.history.marks.length") == 1
        tab_to(page, "fill")
        page.keyboard.press("Enter")
        page.wait_for_function(f"{EDITOR}.work.history.fills.length === 1")
        visitor.settle()
        tab_to(page, "options")
        page.keyboard.press(" ")
        tab_to(page, "format")
        page.keyboard.press("ArrowDown")
        tab_to(page, "download")
        with page.expect_download() as caught:
            page.keyboard.press("Enter")
        assert caught.value.suggested_filename == "a-inpainted.jpg"


def choose_by_key(page, path):
    """Opens a photo by the button that has the focus.

    In a new browser the first dialog may not be seen by Playwright; that of the next press is.
    """
    for attempt in range(3):
        try:
            with page.expect_file_chooser(timeout=5000) as chooser:
                page.keyboard.press("Enter")
        except sync_api.TimeoutError:
            assert attempt < 2
        else:
            return chooser.value.set_files(str(path))


def tab_to(page, name):
    """Presses Tab until the focus is on a part; fails where it never gets there."""
    for _ in range(60):
        if page.evaluate(FOCUSED) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name}")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_where_the_visitor_wants_little_motion(browser, photos, motion):
    for visitor in visiting(browser, shared_server()):
        visitor.page.emulate_media(reduced_motion=motion)
        visitor.upload(photos[0])
        moving = visitor.page.evaluate(f"""() => {{
          const editor = {EDITOR};
          editor.work.view.messages.show('A message');
          return editor.shadowRoot.getAnimations().length;
        }}""")
        assert (moving > 0) == (motion == "no-preference")


def test_all_is_in_sight_on_a_phone_that_is_turned(browser, photos):
    for visitor in visiting(browser, shared_server(), phone=True):
        for size in ({"width": 844, "height": 390}, {"width": 390, "height": 844}):
            visitor.page.set_viewport_size(size)
            visitor.upload(photos[0])
            boxes = {
                name: visitor.page.locator(name).first.bounding_box()
                for name in (".stage", "#fill", "#download", "#undo", ".tool")
            }
            for name, box in boxes.items():
                assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"], name
                assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"], name
            assert boxes[".stage"]["height"] >= 180 and boxes[".tool"]["height"] >= 44
            visitor.stroke((-0.2, 0), (0.2, 0))
            assert visitor.state("work.history.marks.length") == 1


def sides(page, selector):
    """The left and the right edge of an element, in CSS pixels."""
    box = page.locator(selector).bounding_box()
    return box["x"], box["x"] + box["width"]


def test_candidates_and_progress_fit_on_a_phone(browser, photos):
    for phone in visiting(browser, shared_server(), phone=True):
        page = phone.page
        assert page.inner_text(".drop strong:visible") == "Tap to choose photos"
        phone.upload(photos[0])
        phone.stroke((-0.2, 0), (0.2, 0))
        phone.fill()
        page.click("#another")
        page.locator(".candidates [role=radio]").nth(3).wait_for()
        phone.settle()
        page.evaluate(f"{EDITOR}.work.tasks.start('Candidate 2 of 4. Filling: 96 %, 12 s left')")
        shown = (".candidates [role=radio] >> nth=3", "#keep", "#cancel", ".status")
        for left, right in (sides(page, selector) for selector in shown):
            assert left >= 0 and right <= 390
        page.click("#cancel")
        page.click("#keep")
        phone.tool("select")
        assert page.is_visible(":text('Circle an object')")


def test_a_wide_page_names_its_tools_and_centres_its_bars(browser, photos):
    for visitor in visiting(browser, shared_server()):
        page = visitor.page
        visitor.upload(photos[0])
        assert not page.is_visible(".tool:has-text('Lasso') span")
        page.set_viewport_size({"width": 1920, "height": 1080})
        assert page.is_visible(".tool:has-text('Lasso') span")
        visitor.tool("exclude")
        assert page.is_visible("#excluding") and page.is_enabled("#size")
        page.evaluate(f"{EDITOR}.work.tasks.start('Filling')")
        middles = [sum(sides(page, bar)) / 2 for bar in ("#excluding", ".status", ".stage")]
        assert max(middles) - min(middles) <= 2
        visitor.tool("lasso")
        assert page.is_hidden("#excluding") and page.is_disabled("#size")

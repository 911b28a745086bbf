"""A headless Chromium at the page, and the gestures of people."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_server import Server
from PIL import Image

from inpaint.images import read_image

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
# Before a wait fails: the machine may be busy.
SECONDS = int(os.environ.get("PAGE_TEST_SECONDS", 100))
DESKTOP = {"width": 900, "height": 800}
PHONE = {"width": 390, "height": 844}
EDITOR = "document.querySelector('inpaint-editor')"
SETTLED = f"""() => {{
  const editor = {EDITOR};
  const calm = editor.find('.status').hidden && !editor.work.job && !editor.stage.frame;
  const width = Math.round(editor.stage.element.clientWidth * editor.stage.ratio);
  return calm && (!width || editor.stage.photo.canvas.width === width);
}}"""
# Points of the screen, in CSS pixels, of points of the photo.
ON_SCREEN = f"""(places) => {{
  const {{ element, view }} = {EDITOR}.stage;
  const box = element.getBoundingClientRect();
  const on = (start, offset, share, length) =>
    start + (offset + (0.5 + share) * length * view.scale) / devicePixelRatio;
  return places.map(([right, down]) => [
    on(box.x, view.x, right, view.photo.width),
    on(box.y, view.y, down, view.photo.height),
  ]);
}}"""
# After these, the screen shows it: a page that was just loaded is white for a while.
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
WHITE_SCREENSHOTS = 10  # that a busy Chromium may give of a page before it is painted

DENSE = 8  # places of a drag that need none in between

Place = tuple[float, float]


@contextmanager
def running_browser() -> Iterator[Any]:
    """A Chromium of this machine; skips the test if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine; set CHROMIUM to its path if there is one")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Visitor:
    """A person at the page.

    Points of the photo are told from its middle, in widths and heights of it, so -0.5 to 0.5.
    """

    def __init__(
        self,
        browser: Any,
        server: Server,
        *,
        phone: bool = False,
        dark: bool = False,
        fill_on_release: bool | None = False,
        login: tuple[str, str] | None = None,
    ):
        """fill_on_release: what the person chose on an earlier visit; None = nothing.
        login: name and password."""
        self.context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            accept_downloads=True,
        )
        self.phone = phone
        if fill_on_release is not None:
            chosen = f'{{"onRelease": {str(fill_on_release).lower()}}}'
            self.context.add_init_script(f"localStorage['inpaint-settings'] = '{chosen}'")
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.elsewhere: list[str] = []  # addresses asked for that are not the page's
        self.faults: list[str] = []  # of the page's script
        self.questions: list[str] = []  # that the page asked, all of which get a yes
        self.page.on("request", lambda request: self._note(request.url, server.address))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", self._agree)
        self.page.goto(server.address)
        if login is not None:
            for kind, word in zip(("text", "password"), login, strict=True):
                self.page.fill(f"input[type={kind}]", word)
            self.page.click("button:has-text('Login')")
        self.page.wait_for_selector("#choose")

    def _note(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:", "blob:")):
            self.elsewhere.append(url)

    def _agree(self, dialog: Any) -> None:
        self.questions.append(dialog.message)
        dialog.accept()

    def upload(self, path: Path) -> None:
        """Opens a photo, in place of one that may be open."""
        self.close()
        self.page.set_input_files("#photo", str(path))
        self.page.wait_for_selector(f"#about:text('{path.name}')")
        self.settle()

    def close(self) -> None:
        """Back to the empty page."""
        self.tab("One photo")
        self.settle()
        if self.page.is_visible("#close"):
            self.page.click("#close")
        self.page.wait_for_selector("#choose")

    def tab(self, label: str) -> None:
        self.page.click(f'button[role="tab"]:has-text("{label}")')

    def settle(self) -> None:
        """Until nothing is being opened or filled, and all is drawn."""
        self.page.wait_for_function(SETTLED)
        self.page.evaluate(TWO_FRAMES)

    def state(self, expression: str) -> Any:
        """A value of the editor, such as "stage.view.scale"."""
        return self.page.evaluate(f"{EDITOR}.{expression}")

    def point(self, right: float, down: float) -> Place:
        """A point of the screen, in CSS pixels, of a point of the photo."""
        return self.points([(right, down)])[0]

    def points(self, places: Sequence[Place]) -> list[Place]:
        """As `point`, of all at once: each look at the page takes time."""
        return [(x, y) for x, y in self.page.evaluate(ON_SCREEN, [list(one) for one in places])]

    def photo_box(self) -> tuple[float, float, float, float]:
        """Where the photo lies on the screen: (left, top, right, bottom) in CSS pixels."""
        corner, opposite = self.points([(-0.5, -0.5), (0.5, 0.5)])
        return *corner, *opposite

    def displayed(self) -> np.ndarray:
        """The photo and its marks as the screen shows them, (H, W, 3) int, without the brush."""
        if not self.phone:
            self.page.mouse.move(1, 1)
        self.settle()
        left, top, right, bottom = map(round, self.photo_box())
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        for _ in range(WHITE_SCREENSHOTS):
            with Image.open(io.BytesIO(self.page.screenshot(clip=clip))) as image:
                pixels = np.array(image.convert("RGB")).astype(int)
            if pixels.min() < 255:
                break
            self.page.wait_for_timeout(200)
        return pixels

    def drag(self, *places: Place, button: str = "left") -> None:
        """Moves the mouse with its button down along points of the photo or its margin."""
        mouse, (first, *others) = self.page.mouse, self.points(places)
        mouse.move(*first)
        mouse.down(button=button)
        for x, y in others:
            mouse.move(x, y, steps=4 if len(places) < DENSE else 1)
        mouse.up(button=button)

    def touch(self, *fingers: Sequence[Place]) -> None:
        """Moves fingers, each along points of the photo; all have as many points."""
        session = self.context.new_cdp_session(self.page)
        paths = [self.points(finger) for finger in fingers]
        down: list[dict[str, float]] = []
        for number, path in enumerate(paths):  # one after the other, as on a real screen
            down.append({"x": path[0][0], "y": path[0][1], "id": number})
            send_touch(session, "touchStart", down)
        for start, stop in zip(range(len(paths[0]) - 1), range(1, len(paths[0])), strict=True):
            for share in np.linspace(0, 1, 5)[1:]:
                moved = [
                    {"x": x, "y": y, "id": number}
                    for number, path in enumerate(paths)
                    for x, y in [np.array(path[start]) * (1 - share) + share * np.array(path[stop])]
                ]
                send_touch(session, "touchMove", moved)
        send_touch(session, "touchEnd", [])

    def stroke(self, *places: Place) -> None:
        """Draws with the mouse, or with a finger on a phone."""
        self.touch(places) if self.phone else self.drag(*places)

    def tool(self, name: str) -> None:
        self.page.click(f'.tool[data-tool="{name}"]')

    def fill(self) -> None:
        """Presses the button and waits for a result that was not there before."""
        before = self.state("work.history.fills.length")
        self.page.click("#fill")
        self.page.wait_for_function(
            f"(before) => {EDITOR}.work.history.fills.length > before", arg=before
        )
        self.settle()

    def download(self, selector: str, folder: Path) -> Path:
        with self.page.expect_download() as caught:
            self.page.click(selector)
        path = folder / caught.value.suggested_filename
        caught.value.save_as(path)
        return path

    def saved(self, folder: Path) -> np.ndarray:
        """The pixels of the photo as the page saves it."""
        return read_image(self.download("#download", folder)).pixels

    @contextmanager
    def options(self) -> Iterator[None]:
        """With the panel of options open."""
        self.page.click("#options")
        yield
        self.page.click("#options")

    def open_mask(self, path: Path) -> None:
        with self.options(), self.page.expect_file_chooser() as chooser:
            self.page.click("#open_mask")
        chooser.value.set_files(str(path))
        self.settle()

    def mask(self, folder: Path) -> np.ndarray:
        """The hole as the page would fill it, (H, W) bool."""
        with self.options(), Image.open(self.download("#save_mask", folder)) as image:
            hole = np.array(image.convert("L")) > 127
        self.settle()
        return hole

    def told(self, text: str) -> None:
        """Waits for a message, and closes it."""
        message = self.page.locator(f'.message:has-text("{text}")').first
        message.wait_for()
        message.locator("button").click()


def send_touch(session: Any, kind: str, points: list[dict[str, float]]) -> None:
    plain = [{key: float(value) for key, value in point.items()} for point in points]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": plain})


def visiting(browser: Any, server: Any, **options: Any) -> Iterator[Visitor]:
    """A visitor whose page must have met no fault and asked for nothing elsewhere."""
    visitor = Visitor(browser, server, **options)
    yield visitor
    visitor.context.close()
    assert visitor.elsewhere == [] and visitor.faults == []

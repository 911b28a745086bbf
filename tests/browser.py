"""A headless Chromium at the page, and the gestures of people."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_server import Server
from PIL import Image

from inpaint.app.strokes import size_shown

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SECONDS = 180  # before a wait fails: the machine may be busy
DESKTOP = {"width": 900, "height": 800}
PHONE = {"width": 390, "height": 844}


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
    """A person at the page."""

    def __init__(self, browser: Any, server: Server, *, phone: bool = False, dark: bool = False):
        self.context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            accept_downloads=True,
        )
        self.phone = phone
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.previews: set[str] = set()  # addresses of pictures that were in the editor
        self.elsewhere: list[str] = []  # addresses asked for that are not the page's
        self.page.on("request", lambda request: self._note(request.url, server.address))
        self.page.goto(server.address)
        self.page.wait_for_selector("#photo input[type=file]", state="attached")

    def _note(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:", "blob:")):
            self.elsewhere.append(url)

    def upload(self, path: Path) -> None:
        """Opens a photo, in place of one that may be open."""
        self.close()
        with self.changing():
            self.page.set_input_files("#photo input[type=file]", str(path))

    def close(self) -> None:
        """Back to the empty page."""
        self.tab("One photo")
        if self.page.is_visible("#close"):
            self.page.click("#close")
        self.page.wait_for_selector("#photo input[type=file]", state="attached")

    def tab(self, label: str) -> None:
        self.page.click(f'button[role="tab"]:has-text("{label}")')

    def wait_for_canvas(self) -> None:
        """Until the photo lies in the editor and its size does not change any more."""
        self.page.wait_for_selector("#editor .pixi-target.visible canvas")
        self.page.wait_for_function(
            """() => {
              const box = document.querySelector('#editor canvas').getBoundingClientRect();
              const zoom = document.querySelector('#editor .zoom-number').innerText;
              const now = JSON.stringify([box.x, box.width, box.height, zoom]);
              const calm = now === window.lastSeen ? (window.calm || 0) + 1 : 0;
              window.lastSeen = now; window.calm = calm;
              return calm >= 3;
            }""",
            polling=100,
        )

    def point(self, right: float, down: float) -> tuple[float, float]:
        """A point of the screen, in CSS pixels, of a point of the photo: from its middle, in
        widths and heights of the photo, so -0.5 to 0.5."""
        box = self.page.locator("#editor .pixi-target canvas").bounding_box()
        assert box is not None
        numbers = re.search(r"(\d+) × (\d+)$", self.page.inner_text("#about").strip())
        assert numbers is not None
        height, width = size_shown((int(numbers[2]), int(numbers[1])))
        zoom = float(self.page.inner_text("#editor .zoom-number").strip(" %\n")) / 100
        x = box["x"] + box["width"] / 2 + right * width * zoom
        return x, box["y"] + box["height"] / 2 + down * height * zoom

    def photo_box(self) -> tuple[float, float, float, float]:
        """Where the photo lies on the screen: (left, top, right, bottom) in CSS pixels."""
        self.show_editor()
        return *self.point(-0.5, -0.5), *self.point(0.5, 0.5)

    def displayed(self) -> np.ndarray:
        """The photo and its marks as the screen shows them, (H, W, 3) int, without the mouse."""
        self.page.mouse.move(1, 1)
        left, top, right, bottom = map(round, self.photo_box())
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        with Image.open(io.BytesIO(self.page.screenshot(clip=clip))) as image:
            return np.array(image.convert("RGB")).astype(int)

    def show_editor(self) -> None:
        """Scrolls as far as needed: gestures happen on the screen only."""
        self.page.evaluate("document.querySelector('#editor').scrollIntoView({ block: 'center' })")

    def stroke(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Draws with the mouse between two points of the photo, until it shows: a canvas that is
        getting ready does not take strokes."""
        self.show_editor()
        mouse = self.page.mouse
        for _ in range(5):
            before = self._look(start, stop)
            mouse.move(*self.point(*start))
            mouse.down()
            mouse.move(*self.point(*stop), steps=2)
            mouse.up()
            for _ in range(10):
                if np.abs(self._look(start, stop) - before).max() > 20:
                    return
                self.page.wait_for_timeout(100)
        raise AssertionError("the stroke does not show")

    def _look(self, start: tuple[float, float], stop: tuple[float, float]) -> np.ndarray:
        """Colours in the middle between two points, without the mouse."""
        self.page.mouse.move(1, 1)
        x, y = self.point((start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2)
        data = self.page.screenshot(clip={"x": x - 1, "y": y - 1, "width": 3, "height": 3})
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB")).astype(int)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around what puts another picture or other marks into the editor: waits for them."""
        with self.page.expect_response(
            lambda response: "/preview." in response.url and response.url not in self.previews
        ) as answer:
            yield
        self.previews.add(answer.value.url)
        self.wait_for_canvas()

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Moves the mouse with its button down between two points of the photo or its margin."""
        self.show_editor()
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.point(*stop), steps=4)
        self.page.mouse.up()

    def touch(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Draws with a finger."""
        self.show_editor()
        session = self.context.new_cdp_session(self.page)
        steps = np.linspace(self.point(*start), self.point(*stop), 5)
        for i, (x, y) in enumerate(steps):
            kind = "touchStart" if i == 0 else "touchMove"
            points = [{"x": float(x), "y": float(y)}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.page.wait_for_selector('#editor button[aria-label="Undo"]:not([disabled])')

    def tool(self, label: str) -> None:
        self.page.click(f'#editor button[aria-label="{label}"]')

    def fill(self) -> None:
        """Presses the button and waits for a result that was not there before."""
        images = '#slider img[data-testid="imageslider-image"]'
        old = self.page.evaluate(f"document.querySelector('{images}')?.src ?? ''")
        self.page.click("#fill")
        self.page.wait_for_function(
            f"(old) => (document.querySelector('{images}')?.src ?? '') !== old", arg=old
        )
        self.page.wait_for_selector("#download")

    def download(self, selector: str, folder: Path) -> Path:
        with self.page.expect_download() as caught:
            self.page.click(selector)
        path = folder / caught.value.suggested_filename
        caught.value.save_as(path)
        return path

    def open_more(self) -> None:
        if not self.page.is_visible("#save_mask"):
            self.page.click("#more > button")
            self.page.wait_for_selector("#save_mask")

    def mask(self, folder: Path) -> np.ndarray:
        """The hole as the page would fill it, (H, W) bool."""
        self.open_more()
        with Image.open(self.download("#save_mask", folder)) as image:
            return np.array(image.convert("L")) > 127

    def told(self, text: str) -> None:
        """Waits for a message, and closes it."""
        self.page.wait_for_selector(f'.toast-body:has-text("{text}")')
        self.page.click(".toast-close")

"""A visitor of the static page, and the photos it opens."""

import base64
import io

import numpy as np
from browser import TWO_FRAMES
from PIL import Image

EDITOR = "(await import('/main.js')).editor"


class Page:
    """A visitor of the static page."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests, self.faults = [], []
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(address)

    def open(self, data, name="photo.png", kind="image/png"):
        self.page.set_input_files("#photo", {"name": name, "mimeType": kind, "buffer": data})

    def photo(self, image, **options):
        kind = options.get("kind", "PNG")
        name = f"photo.{'jpg' if kind == 'JPEG' else 'png'}"
        self.open(encoded(image, **options), name, f"image/{kind.lower()}")
        height, width = image.shape[:2]
        self.page.wait_for_selector(f"#about:text('{name}, {width} × {height}')")
        self.settle()

    def settle(self):
        self.page.wait_for_selector("#status", state="hidden")
        self.page.evaluate(TWO_FRAMES)

    def run(self, code):
        return self.page.evaluate(f"(async () => {{ {code} }})()")

    def point(self, across, along):
        """A point of the screen, of shares of the photo's width and height."""
        box = self.page.locator(".stage").bounding_box()
        x, y = self.run(
            f"const {{ stage }} = {EDITOR}; const {{ width, height }} = stage.view.photo;"
            f"return stage.view.toStage({across} * width, {along} * height)"
            ".map((place) => place / stage.ratio);"
        )
        return box["x"] + x, box["y"] + y

    def stroke(self, *places):
        mouse = self.page.mouse
        mouse.move(*self.point(*places[0]))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.point(*place), steps=4)
        mouse.up()

    def brush(self, share):
        self.page.locator("#size").fill(str(share))

    def hole(self):
        """What is marked, (H, W) bool."""
        text = self.run(
            f"const editor = {EDITOR}; const {{ holeOf }} = await import('/mask.js');"
            "const hole = holeOf(editor.state.marks, editor.photo.size);"
            "return [...hole].join('') + ' ' + editor.photo.size.width;"
        )
        values, width = text.split()
        return (np.frombuffer(values.encode(), np.uint8) == ord("1")).reshape(-1, int(width))

    def pixels(self):
        """The photo as it would be saved, (H, W, 3) uint8, and not through a file."""
        data = self.run(
            f"const editor = {EDITOR};"
            "const image = editor.photo.pixels(editor.state.patches);"
            "let text = ''; for (const value of image.data) text += String.fromCharCode(value);"
            "return [btoa(text), image.height, image.width];"
        )
        array = np.frombuffer(base64.b64decode(data[0]), np.uint8)
        return array.reshape(data[1], data[2], 4)[..., :3]

    def fill(self):
        self.page.click("#fill")
        self.page.wait_for_selector("#fill:disabled")  # nothing is marked any more
        self.settle()

    def saved(self):
        with self.page.expect_download() as caught:
            self.page.click("#save")
        with Image.open(caught.value.path()) as image:
            return caught.value.suggested_filename, image.format, np.array(image.convert("RGB"))

    def close(self):
        self.context.close()
        assert self.faults == []


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()

"""The static page in Chromium: it fills as Python does, and nothing leaves the browser."""

from pathlib import Path

import numpy as np
import pytest
from browser import PHONE, send_touch
from folders import tiny_tiled_weights
from PIL import Image
from web_page import Page, encoded
from web_site import ISOLATION, build_site, has_runtime, serving

from inpaint import Inpainter
from inpaint.checkpoints.onnx_config import OnnxConfig
from inpaint.checkpoints.onnx_export import export_onnx

pytest.importorskip("onnxruntime", reason="the export extra is not installed")
pytest.importorskip("onnxscript", reason="the export extra is not installed")
pytestmark = pytest.mark.skipif(
    not has_runtime(), reason="npm install --prefix web, or NODE_PATH with onnxruntime-web"
)

SIZE = 170, 240
LEVELS = 2
CONTRASTS = (
    (Path(__file__).parent / "contrast.js")
    .read_text()
    .replace("document.querySelector('inpaint-editor').shadowRoot", "document.body")
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return tiny_tiled_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="module")
def site(weights, tmp_path_factory):
    model = weights.with_name("model.onnx")
    export_onnx(weights, model, OnnxConfig(precision="float16"))
    return build_site(tmp_path_factory.mktemp("site"), model)


@pytest.fixture(scope="module")
def address(site):
    with serving(site) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser, address):
    page = Page(browser, address)
    yield page
    page.close()


def scene(size=SIZE):
    """A photo with some of everything, (H, W, 3) uint8."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / max(size)
    waves = np.stack([np.sin(9 * x + c) * np.cos(7 * y - c) for c in range(3)], -1)
    noise = rng.normal(0, 0.05, (*size, 3))
    return (255 * (0.5 + 0.3 * waves + noise).clip(0, 1)).astype(np.uint8)


def python_fill(weights, image, hole):
    inpainter = Inpainter.load(weights, device="cpu", boundary=False, style="plain")
    return inpainter.fill(image, hole).astype(int)


def mark_all_kinds(page):
    """A scratch across the photo, a spot, and a hole that is thicker than the network bridges."""
    page.brush(0.2)
    page.stroke((0.05, 0.1), (0.95, 0.3))
    page.brush(0.5)
    page.stroke((0.2, 0.7))
    page.brush(0.85)
    page.stroke((0.65, 0.6), (0.75, 0.7))


def test_the_page_fills_as_python_does(page, weights):
    image = scene()
    page.photo(image)
    mark_all_kinds(page)
    hole = page.hole()
    depths = Inpainter.load(weights).tiling.hole_radius
    assert hole[80:150, 130:200].sum() > 4 * depths**2 and 0.05 < hole.mean() < 0.4
    page.fill()
    name, kind, saved = page.saved()
    assert (name, kind) == ("photo_filled.png", "PNG")
    np.testing.assert_array_equal(saved[~hole], image[~hole])
    assert np.abs(saved - python_fill(weights, image, hole)).max() <= LEVELS
    assert np.abs(saved.astype(int) - image)[hole].mean() > LEVELS  # something was filled


def test_gray_photos_stay_gray(page, weights):
    image = np.repeat(scene()[..., :1], 3, axis=2)
    page.photo(image)
    mark_all_kinds(page)
    hole = page.hole()
    page.fill()
    filled = page.pixels()
    assert (filled == filled[..., :1]).all()
    assert np.abs(filled - python_fill(weights, image, hole)).max() <= LEVELS


def test_fills_are_undone_and_redone_with_their_marks(page):
    image = scene()
    page.photo(image)
    page.stroke((0.3, 0.3), (0.6, 0.4))
    hole = page.hole()
    page.fill()
    filled = page.pixels()
    assert not page.hole().any()
    page.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(page.pixels(), image)
    np.testing.assert_array_equal(page.hole(), hole)
    page.page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(page.pixels(), filled)
    page.page.click("#undo")
    page.page.click("#undo")
    assert not page.hole().any() and page.page.is_disabled("#fill")


def test_a_fill_is_cancelled_and_the_marks_stay(page):
    image = scene((900, 1200))
    page.photo(image)
    page.brush(0.55)
    page.stroke((0.1, 0.1), (0.9, 0.9))
    hole = page.hole()
    page.page.click("#fill")
    page.page.click("#cancel")
    page.settle()
    assert page.page.is_disabled("#save")
    np.testing.assert_array_equal(page.pixels(), image)
    np.testing.assert_array_equal(page.hole(), hole)


def test_jpegs_are_turned_upright_and_stay_jpegs(page):
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera that was held upright
    stored = np.full((40, 60, 3), 90, np.uint8)
    stored[:, :30] = 200
    page.open(encoded(stored, "JPEG", exif=exif), "held.jpg", "image/jpeg")
    page.page.wait_for_selector("#about:text('held.jpg, 40 × 60')")
    page.settle()
    page.stroke((0.5, 0.2))
    page.fill()
    name, kind, saved = page.saved()
    assert (name, kind, saved.shape) == ("held_filled.jpg", "JPEG", (60, 40, 3))
    assert saved[5, 5, 0] > 190 and saved[55, 5, 0] < 100


def test_what_is_no_photo_is_told(page):
    page.open(b"no picture", "letter.png")
    page.page.wait_for_selector("#message:text('letter.png is no picture')")
    page.page.click("#message")
    assert page.page.is_hidden("#message")


def test_nothing_leaves_the_browser(browser, address):
    page = Page(browser, address)
    page.photo(scene())
    page.run("await (await import('/main.js')).loadNetwork();")
    page.context.set_offline(True)
    page.stroke((0.3, 0.3), (0.6, 0.4))
    page.fill()
    assert all(request.url.startswith((address, "data:", "blob:")) for request in page.requests)
    assert {request.method for request in page.requests} == {"GET"}
    page.context.set_offline(False)
    blocked = "fetch('http://localhost:1/').then(() => 'sent', (error) => error.name)"
    assert page.run(f"return await {blocked};") == "TypeError"
    page.close()


def test_a_page_without_its_other_files_says_so(browser, tmp_path):
    with serving(build_site(tmp_path / "bare")) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#incomplete:visible", timeout=30_000)
        assert "python web/vendor.py" in page.inner_text("#incomplete")
        page.close()


def test_a_missing_network_is_told(browser, site):
    page = Page(browser, "about:blank")
    page.page.route("**/model.onnx", lambda route: route.fulfill(status=404, body=""))
    with serving(site) as address:
        page.page.goto(address)
        page.photo(scene())
        page.stroke((0.5, 0.5))
        page.page.click("#fill")
        page.page.wait_for_selector("#message:text('answered 404')")
    page.close()


def test_threads_give_the_same_where_the_server_allows_them(browser, site, weights):
    with serving(site, ISOLATION) as address:
        page = Page(browser, address)
        threads = page.run("return (await (await import('/main.js')).loadNetwork()).threads;")
        assert threads > 1
        image = scene()
        page.photo(image)
        page.stroke((0.3, 0.3), (0.6, 0.4))
        hole = page.hole()
        page.fill()
        assert np.abs(page.pixels() - python_fill(weights, image, hole)).max() <= LEVELS
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_icons_have_contrast(browser, address, scheme):
    """As WCAG 2.2 asks for (AA)."""
    page = Page(browser, address, color_scheme=scheme)
    found = page.page.evaluate(CONTRASTS)
    page.photo(scene())
    found += page.page.evaluate(CONTRASTS)
    assert len(found) >= 10
    wanted = {"text": 4.5, "large": 3, "icon": 3}
    assert [entry for entry in found if entry[1] < wanted[entry[2]]] == []
    page.close()


def test_every_control_has_a_name(page):
    page.photo(scene())
    for control in page.page.locator("button:visible, input:visible").all():
        assert control.evaluate(
            "(node) => node.ariaLabel || node.innerText.trim() || node.labels?.length"
        )


def test_a_phone_has_room_for_it(browser, address):
    page = Page(browser, address, viewport=PHONE, has_touch=True, is_mobile=True)
    page.photo(scene())
    boxes = [button.bounding_box() for button in page.page.locator("button:visible").all()]
    assert len(boxes) >= 9
    for box in boxes:
        assert box["width"] >= 44 and box["height"] >= 44
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
    assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    session = page.context.new_cdp_session(page.page)
    first, *rest = [page.point(0.3 + 0.1 * step, 0.5) for step in range(4)]
    send_touch(session, "touchStart", [{"x": first[0], "y": first[1], "id": 0}])
    for x, y in rest:
        send_touch(session, "touchMove", [{"x": x, "y": y, "id": 0}])
    send_touch(session, "touchEnd", [])
    assert page.hole().any()
    page.fill()
    page.close()

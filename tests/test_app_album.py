"""Several photos that are open at the same time, copies and formats, in a real browser."""

import io
import zipfile

import numpy as np
import pytest
from app_server import photo_file
from browser import EDITOR
from PIL import Image

from inpaint.images import read_image

NAMES = ("a.png", "b.png", "c.jpg", "d.png", "e.png")


@pytest.fixture
def photos(tmp_path):
    """The last one has another size."""
    sizes = [(240, 360)] * 4 + [(300, 200)]
    return [
        photo_file(tmp_path / name, height=height, width=width)
        for name, (height, width) in zip(NAMES, sizes, strict=True)
    ]


def open_all(visitor, photos):
    visitor.close()
    visitor.page.set_input_files("#photo", [str(path) for path in photos])
    visitor.page.wait_for_function(f"{EDITOR}.work.album.shots.length === {len(photos)}")
    visitor.settle()


def show(visitor, name):
    visitor.page.click(f".film [title='{name}']")
    visitor.page.wait_for_selector(f"#about:text('{name}')")
    visitor.settle()


def states(visitor):
    return [
        item.get_attribute("class").removeprefix("state").strip()
        for item in visitor.page.locator(".film .state").all()
    ]


def test_each_photo_has_its_own_marks_and_history(visitor, tmp_path, photos):
    open_all(visitor, photos)
    page = visitor.page
    assert page.inner_text("#about").startswith("a.png")
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.fill()
    page.keyboard.press("PageDown")
    page.wait_for_selector("#about:text('b.png')")
    assert page.is_disabled("#undo")
    visitor.stroke((-0.2, 0.2), (0.2, 0.2))
    assert states(visitor) == ["filled", "marked", "", "", ""]
    show(visitor, "e.png")  # the pictures of the first one leave memory
    show(visitor, "d.png")
    assert visitor.state("work.album.shots[0].loaded") is False
    show(visitor, "a.png")
    after = visitor.saved(tmp_path)
    changed = (after != read_image(photos[0]).pixels).any(-1)
    assert changed[120, 180] and not changed[:80].any()
    page.keyboard.press("Control+z")
    assert visitor.mask(tmp_path)[120, 180]


def test_all_are_filled_and_saved_in_one_zip(visitor, tmp_path, photos):
    open_all(visitor, photos)
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.page.click("#mark_all")
    visitor.told("3 other photos of this size marked")
    assert states(visitor) == ["marked"] * 4 + [""]
    visitor.page.click("#fill_all")
    visitor.page.wait_for_selector(".status:has-text('of 4')")
    visitor.page.wait_for_function(
        f"{EDITOR}.work.album.shots.filter((shot) => shot.history.fills.length).length === 4"
    )
    visitor.settle()
    assert states(visitor) == ["filled"] * 4 + [""]
    archive = visitor.download("#save_all", tmp_path)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        assert names == [f"{n[0]}-inpainted{n[1:]}" for n in NAMES]
        results = [read_image(io.BytesIO(packed.read(name))).pixels for name in names]
    for path, result in zip(photos[:2], results, strict=False):
        changed = (read_image(path).pixels != result).any(-1)
        assert changed[120, 180] and not changed[:80].any()
    np.testing.assert_array_equal(results[4], read_image(photos[4]).pixels)


def test_fill_of_all_is_cancelled(visitor, photos):
    open_all(visitor, photos)
    visitor.stroke((-0.3, -0.3), (0.3, 0.3), (0.3, -0.3), (-0.3, 0.3))
    visitor.page.click("#mark_all")
    visitor.page.click("#fill_all")
    visitor.page.click("#cancel")
    visitor.settle()
    assert "marked" in states(visitor)


def test_opening_tells_the_time_left_and_is_cancelled(visitor, tmp_path, photos):
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")  # of 0.7 MB
    visitor.close()
    network = visitor.context.new_cdp_session(visitor.page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": 150_000})
    visitor.page.set_input_files("#photo", str(tmp_path / "noise.png"))
    visitor.page.wait_for_selector(".status:has-text('Opening the photo'):has-text('left')")
    visitor.page.click("#cancel")
    network.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": -1})
    visitor.settle()
    assert visitor.page.is_visible("#choose") and visitor.page.locator(".message").count() == 0
    open_all(visitor, photos[:2])


def test_photos_are_closed_one_by_one(visitor, photos):
    open_all(visitor, photos[:2])
    for button in visitor.page.locator(".film button").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, button.inner_text()
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.questions.clear()
    visitor.page.click(".film [aria-label='Close a.png']")
    visitor.page.wait_for_selector("#about:text('b.png')")
    assert len(visitor.questions) == 1  # its marks are lost
    assert visitor.page.is_hidden(".film")


def test_all_photos_are_there_again_after_a_reload(visitor, tmp_path, photos):
    open_all(visitor, photos[:3])
    show(visitor, "b.png")
    visitor.stroke((-0.2, 0), (0.2, 0))
    hole = visitor.mask(tmp_path)
    visitor.page.wait_for_timeout(300)  # until the work is kept
    visitor.page.reload()
    visitor.page.wait_for_selector(".film [title='c.jpg']")
    visitor.page.wait_for_selector("#about:text('b.png')")
    visitor.settle()
    np.testing.assert_array_equal(visitor.mask(tmp_path), hole)
    assert states(visitor) == ["", "marked", ""]


def test_photo_is_downloaded_in_a_chosen_format(visitor, tmp_path, photos):
    visitor.upload(photos[0])
    for name, suffix in (("webp", ".webp"), ("jpg", ".jpg"), ("avif", ".avif"), ("", ".png")):
        with visitor.options():
            visitor.page.select_option("#format", name)
        path = visitor.download("#download", tmp_path)
        assert path.name == f"a-inpainted{suffix}"
        with Image.open(path) as image:
            assert image.size == (360, 240)
            assert image.format == {"jpg": "JPEG", "": "PNG"}.get(name, name.upper())


def test_photo_is_copied_to_the_clipboard(visitor, tmp_path, photos):
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.upload(photos[0])
    visitor.stroke((-0.2, 0), (0.2, 0))
    visitor.fill()
    expected = visitor.saved(tmp_path)
    visitor.page.keyboard.press("Control+c")
    visitor.told("The photo is on the clipboard")
    data = visitor.page.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      const blob = await item.getType("image/png");
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    }""")
    np.testing.assert_array_equal(read_image(io.BytesIO(bytes(data))).pixels, expected)

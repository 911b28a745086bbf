"""Objects selected by pointing at them, in a real browser."""

import numpy as np
import pytest
from browser import EDITOR
from PIL import Image

from inpaint.images import read_image

SIZE = (400, 600)


def disc(right=0.1, down=0.0, radius=50):
    """A disc whose middle is told as points of a visitor are, (H, W) bool."""
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    x, y = (0.5 + right) * SIZE[1], (0.5 + down) * SIZE[0]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


@pytest.fixture
def photo(tmp_path):
    """A blue disc and a green one on sand."""
    image = np.full((*SIZE, 3), (190, 170, 140), float)
    image[disc()] = 60, 90, 200
    image[disc(-0.3, 0.2, 30)] = 60, 150, 70
    image += np.random.default_rng(0).normal(0, 4, image.shape)
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def around(right=0.1, down=0.0, radius=70):
    """Points of a circle."""
    angles = np.linspace(0, 2 * np.pi, 16)
    across, along = radius / SIZE[1] * np.cos(angles), radius / SIZE[0] * np.sin(angles)
    return [(right + x, down + y) for x, y in zip(across, along, strict=True)]


def point(visitor, *places):
    """Draws a stroke with the tool that selects, and waits for the outline."""
    before = visitor.state("work.history.at")
    visitor.stroke(*places)
    visitor.page.wait_for_function(f"(at) => {EDITOR}.work.history.at > at", arg=before)
    visitor.settle()


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_circled_object_is_marked_corrected_and_filled(visitor, tmp_path, photo):
    visitor.upload(photo)
    page = visitor.page
    page.keyboard.press("s")
    clean = visitor.displayed()
    point(visitor, *around())
    circled = visitor.mask(tmp_path)
    grown = disc(radius=52)
    assert overlap(circled, grown) > 0.95 and (circled >= disc(radius=49)).all()
    place = clean.shape[0] // 2, round(0.6 * clean.shape[1])
    assert (visitor.displayed()[place] - clean[place])[0] > 40  # shown in pink
    page.keyboard.down("Alt")
    point(visitor, (0.1, -0.2), (0.1, 0.2))
    page.keyboard.up("Alt")
    corrected = visitor.mask(tmp_path)
    assert not corrected[180:220, 360].any() and overlap(corrected, circled) > 0.4
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), circled)
    visitor.fill()
    after = visitor.saved(tmp_path)
    before = read_image(photo).pixels
    np.testing.assert_array_equal(after[~circled], before[~circled])
    assert (after != before).any(-1)[disc()].mean() > 0.9
    page.keyboard.press("b")


def test_second_object_is_added_and_both_are_there_after_a_reload(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.tool("select")
    point(visitor, (0.08, 0), (0.12, 0.02))
    point(visitor, *around(-0.3, 0.2, 48))
    both = visitor.mask(tmp_path)
    assert overlap(both, disc(radius=52) | disc(-0.3, 0.2, 32)) > 0.93
    visitor.page.wait_for_timeout(300)  # until the work is kept
    visitor.page.reload()
    visitor.page.wait_for_selector("#about:text('photo.png')")
    visitor.settle()
    np.testing.assert_array_equal(visitor.mask(tmp_path), both)


def test_selection_grows_as_far_as_wanted(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.tool("select")
    areas = []
    for pixels in (0, 12):
        with visitor.options():
            visitor.page.fill("#selection_grow", str(pixels))
        point(visitor, *around())
        areas.append(visitor.mask(tmp_path).sum())
        visitor.page.keyboard.press("Control+z")
    radii = np.sqrt(np.array(areas) / np.pi)
    assert radii[1] - radii[0] == pytest.approx(12, abs=1.5)
    visitor.tool("brush")


def test_object_is_selected_and_corrected_by_touch(phone, tmp_path, photo):
    phone.upload(photo)
    phone.tool("select")
    point(phone, *around())
    assert overlap(phone.mask(tmp_path), disc(radius=52)) > 0.93
    phone.page.click("#minus")
    point(phone, (0.1, -0.2), (0.1, 0.2))
    assert not phone.mask(tmp_path)[190:210, 360].any()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390


def test_strokes_that_follow_each_other_quickly_are_all_answered(visitor, tmp_path, photo):
    visitor.upload(photo)
    visitor.tool("select")
    visitor.drag(*around())
    visitor.drag(*around(-0.3, 0.2, 48))
    visitor.page.wait_for_function(f"{EDITOR}.work.history.marks.length === 2")
    visitor.settle()
    assert overlap(visitor.mask(tmp_path), disc(radius=52) | disc(-0.3, 0.2, 32)) > 0.93
    visitor.tool("brush")

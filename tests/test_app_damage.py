"""The page's button that finds damage: its handlers, and a visitor who presses it."""

import cv2
import numpy as np
import pytest
from app_server import editor_call, mask_file, photo_file, sent, shared_server, tiny_weights
from browser import EDITOR, visiting
from PIL import Image

from inpaint.app.damage import DamageScores
from inpaint.app.handlers import Handlers, Limits
from inpaint.app.requests import DamageRequest, FillRequest, TokenRequest, read_request
from inpaint.app.sessions import SessionGone
from inpaint.app.visitors import Cancelled
from inpaint.images import ImageData, read_image
from inpaint.serving import models as app_models
from inpaint.serving.models import Models

SIZE = (300, 400)


def clean_photo():
    """Soft hills of colour with the grain of a film, (H, W, 3) uint8."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(60, 190, (4, 5, 3)).astype(np.float32)
    image = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)


def damage():
    """Two scratches and twelve specks, (H, W) bool."""
    mask = np.zeros(SIZE, np.uint8)
    cv2.line(mask, (60, 30), (110, 260), 1, 2)
    cv2.line(mask, (220, 240), (350, 190), 1, 2)
    for x, y in np.random.default_rng(5).integers((150, 40), (380, 150), (12, 2)):
        cv2.circle(mask, (int(x), int(y)), 2, 1, -1)
    return mask > 0


@pytest.fixture
def photos(tmp_path):
    """Paths of the photo, damaged and clean."""
    clean = clean_photo()
    damaged = clean.copy()
    damaged[damage()] += 40  # brighter, as where light shines through the emulsion
    Image.fromarray(clean).save(tmp_path / "clean.png")
    Image.fromarray(damaged).save(tmp_path / "damaged.png")
    return tmp_path / "damaged.png", tmp_path / "clean.png"


def ignored(share):
    """A report that nobody reads."""


def check_marks(hole):
    """Most of the damage is marked, and nothing else but its rim."""
    near = cv2.dilate(damage().view(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert hole[damage()].mean() > 0.7
    assert hole[near].sum() > 0.95 * hole.sum()


@pytest.fixture(scope="module")
def models():
    return Models(str(tiny_weights()), device="cpu")


@pytest.fixture
def handlers(models, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return Handlers(models, Limits(), [])


def hole_of(answer):
    """The marks of an answer in the photo, (H, W) bool."""
    left, top, right, bottom = answer.values["box"]
    hole = np.zeros(SIZE, bool)
    with Image.open(answer.files[0]) as marks:
        hole[top:bottom, left:right] = np.array(marks.convert("RGBA"))[..., 3] > 0
    return hole


def test_damage_is_found_once_and_marked_again_from_kept_scores(handlers, photos, monkeypatch):
    token = handlers.open(photos[0]).values["token"]
    assert handlers.mark_damage(DamageRequest(token)).values == {"kept": False}
    found = handlers.find_damage(DamageRequest(token), ignored)
    check_marks(hole_of(found))
    assert found.values["share"] == hole_of(found).mean() and not found.values["doubtful"]

    monkeypatch.setattr(handlers.models.detector(), "scores", None)  # no network from here
    holes = [
        hole_of(handlers.mark_damage(DamageRequest(token, sensitivity=percent)))
        for percent in (0, 50, 100)
    ]
    assert (holes[0] <= holes[1]).all() and (holes[1] <= holes[2]).all()
    assert holes[0].sum() < holes[1].sum() < holes[2].sum()
    np.testing.assert_array_equal(holes[1], hole_of(found))


def test_after_a_fill_the_photo_is_looked_at_anew(handlers, photos, tmp_path):
    token = handlers.open(photos[0]).values["token"]
    handlers.find_damage(DamageRequest(token), ignored)
    mask = mask_file(tmp_path / "mask.png", (20, 40, 20, 40), SIZE)
    handlers.fill(FillRequest(token, style="plain"), [mask], lambda share: None)
    assert not handlers.mark_damage(DamageRequest(token, fills=1)).values["kept"]
    assert handlers.mark_damage(DamageRequest(token, fills=0)).values["kept"]


def test_clean_photo_gets_no_marks(handlers, photos):
    token = handlers.open(photos[1]).values["token"]
    found = handlers.find_damage(DamageRequest(token), ignored)
    assert found.values["share"] == 0 and not hole_of(found).any()


def test_scores_go_with_their_session(handlers, photos):
    token = handlers.open(photos[0]).values["token"]
    handlers.find_damage(DamageRequest(token), ignored)
    assert handlers.damage.nbytes == SIZE[0] * SIZE[1] * 3
    handlers.close(TokenRequest(token))
    assert handlers.damage.nbytes == 0
    with pytest.raises(SessionGone):
        handlers.find_damage(DamageRequest(token), ignored)


def test_scores_of_a_photo_closed_meanwhile_are_not_kept(handlers, photos, monkeypatch):
    token = handlers.open(photos[0]).values["token"]

    def scores(pixels, on_progress):
        handlers.close(TokenRequest(token))
        return np.zeros((*pixels.shape[:2], 3), np.uint8)

    monkeypatch.setattr(handlers.models.detector(), "scores", scores)
    with pytest.raises(SessionGone):
        handlers.find_damage(DamageRequest(token), ignored)
    assert handlers.damage.nbytes == 0


def test_nothing_is_looked_for_when_the_visitor_has_left(handlers, photos, monkeypatch):
    token = handlers.open(photos[0]).values["token"]
    monkeypatch.setattr(handlers.models.detector(), "scores", None)
    handlers.visitors.cancel("page")
    with pytest.raises(Cancelled):
        handlers.find_damage(DamageRequest(token, visitor="page"), ignored)


def test_search_tells_its_share_and_ends_when_it_is_cancelled(handlers, photos):
    token = handlers.open(photos[0]).values["token"]
    shares = []

    def report(share):
        shares.append(share)
        if share > 0:
            handlers.visitors.cancel("search")

    with pytest.raises(Cancelled):
        handlers.find_damage(DamageRequest(token, job="search"), report)
    assert 0 < shares[-1] < 1 and handlers.damage.nbytes == 0
    handlers.find_damage(DamageRequest(token, job="another"), report)
    assert shares[-1] == 1


def test_kept_scores_are_bounded_and_one_set_a_session():
    image = ImageData(np.zeros((10, 10, 3), np.uint8))
    calls = []

    def find(image, report):
        calls.append(1)
        return np.zeros((*image.size, 3), np.uint8)

    kept = DamageScores(find, most_bytes=700)  # two sets of 300 bytes
    for token in ("a", "b", "a", "c"):
        kept.find(token, (), image, ignored)
    assert len(calls) == 3 and kept.nbytes == 600
    assert kept.get("b", ()) is None and kept.get("a", ()) is not None


def test_missing_weights_are_told_and_the_page_has_no_button(tmp_path, monkeypatch):
    models = Models(str(tiny_weights()), device="cpu")
    monkeypatch.setattr(app_models, "weights_folder", lambda: tmp_path)
    assert not models.finds_damage
    with pytest.raises(ValueError, match=r"detector\.safetensors is missing"):
        models.detector()


@pytest.mark.parametrize("sensitivity", [-1, 101, 0.5, "50"])
def test_other_sensitivities_are_refused(sensitivity):
    with pytest.raises(ValueError, match="sensitivity must"):
        read_request(DamageRequest, {"token": "a", "sensitivity": sensitivity})


def test_server_answers_the_call_through_its_queue(photos):
    server = shared_server()
    opened = editor_call(server, "open", {}, sent(server, photos[0]))["output"]["data"]
    token = {"token": opened[0]["token"]}
    values, files = editor_call(server, "find_damage", token)["output"]["data"]
    assert 0.005 < values["share"] < 0.1 and len(files) == 1
    values, _ = editor_call(server, "find_damage", {"token": "guessed"})["output"]["data"]
    assert values == {"gone": True}


@pytest.fixture
def visitor(browser):
    yield from visiting(browser, shared_server())


def press(visitor):
    """Presses the button, and waits for the answer."""
    visitor.page.click("#options")
    visitor.page.click("#find_damage")
    visitor.page.wait_for_selector("#damage")
    visitor.settle()


def slide(visitor, percent):
    """Moves the slider to a sensitivity, and waits for the marks."""
    visitor.page.locator("#sensitivity").evaluate(
        f"slider => {{ slider.value = {percent}; slider.dispatchEvent(new Event('change')); }}"
    )
    visitor.page.evaluate(f"{EDITOR}.damage.answered")
    visitor.settle()


def test_damage_is_marked_beside_strokes_tuned_undone_and_filled(visitor, photos, tmp_path):
    visitor.upload(photos[0])
    visitor.stroke((-0.4, 0.4), (-0.38, 0.4))
    stroke = visitor.mask(tmp_path)
    press(visitor)
    both = visitor.mask(tmp_path)
    assert both[stroke].all()
    check_marks(both & ~stroke)
    share = visitor.page.inner_text("#damage_share")
    assert share.endswith("% marked") and 0.5 < float(share.split()[0]) < 10
    areas = []
    for percent in (0, 100):
        slide(visitor, percent)
        areas.append(visitor.mask(tmp_path).sum())
    assert areas[0] < both.sum() < areas[1]
    visitor.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(visitor.mask(tmp_path), stroke)
    assert visitor.page.inner_text("#damage_share") == "nothing marked"
    slide(visitor, 50)
    visitor.fill()
    assert not visitor.page.is_visible("#damage")
    after = visitor.saved(tmp_path)
    before = read_image(photos[0]).pixels
    np.testing.assert_array_equal(after[~both], before[~both])
    assert (after != before).any(-1)[damage() & both].mean() > 0.9


def test_marks_are_there_after_a_reload_and_a_clean_photo_has_none(visitor, photos, tmp_path):
    visitor.upload(photos[0])
    press(visitor)
    found = visitor.mask(tmp_path)
    visitor.page.wait_for_timeout(300)  # until the work is kept
    visitor.page.reload()
    visitor.page.wait_for_selector("#about:text('damaged.png')")
    visitor.settle()
    np.testing.assert_array_equal(visitor.mask(tmp_path), found)
    visitor.upload(photos[1])
    press(visitor)
    visitor.told("No damage found")
    assert visitor.page.inner_text("#damage_share") == "nothing marked"
    assert visitor.state("work.history.at") == 0


def test_search_by_its_key_tells_the_time_left_and_is_cancelled(visitor, tmp_path):
    visitor.upload(photo_file(tmp_path / "large.jpg", height=2400, width=3200))
    page = visitor.page
    page.keyboard.press("f")
    page.wait_for_selector(".status:has-text('Looking for damage'):has-text('left')")
    with shared_server().logging(r"job cancelled at \d+ %: its visitor cancelled it$"):
        page.keyboard.press("Escape")
        assert page.is_hidden(".status")
    visitor.settle()
    assert page.is_hidden("#damage") and visitor.state("work.history.at") == 0

"""Parts of the page without a browser: networks, soft edges, masks, previews, examples."""

import numpy as np
import pytest
from app_server import box_hole, filled_with, mask_file, photo_file
from pictures import scene
from PIL import Image

from inpaint.app.examples import find_examples
from inpaint.app.feather import feather
from inpaint.app.handlers import Handlers, Limits
from inpaint.app.previews import size_shown, write_marks
from inpaint.app.requests import StepsRequest, TokenRequest
from inpaint.app.visitors import Cancelled
from inpaint.images import ImageData
from inpaint.serving.uploads import read_mask

pytestmark = pytest.mark.usefixtures("own_cache")


def test_photos_are_shown_at_their_size_up_to_what_browsers_can_hold():
    assert size_shown((3000, 4000)) == (3000, 4000)
    assert size_shown((1, 1)) == (1, 1)
    height, width = size_shown((8000, 8000))
    assert height == width == 4000
    assert size_shown((20_000, 1)) == (16_000, 1)


def test_another_seed_gives_another_fill_and_the_same_one_the_same(models):
    image, hole = ImageData(scene(96, 128)), box_hole((96, 128), 30, 60, 40, 80)
    first, again, other = (models.fill(image, hole, seed=seed).pixels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other)[hole].any()
    np.testing.assert_array_equal(first[~hole], other[~hole])
    with pytest.raises(ValueError, match="seed must lie in 0"):
        models.fill(image, hole, seed=-1)


def test_soft_edge_changes_the_inner_edge_only_and_brings_nothing_back():
    picture = ImageData(np.full((60, 60, 3), 100, np.uint8))
    hole = box_hole((60, 60), 20, 40, 20, 40)
    secret = filled_with(picture, hole, 255)
    filled = filled_with(picture, hole, 0)
    result = feather(secret, filled, hole, 5).pixels
    np.testing.assert_array_equal(result[~hole], 100)
    profile = result[30, 20:30, 0].astype(int)
    assert list(profile[:6]) == sorted(profile[:6], reverse=True)
    assert 60 < profile[0] < 100 and not profile[5:].any()
    np.testing.assert_array_equal(feather(secret, filled, hole, 0).pixels, filled.pixels)


def test_soft_edge_takes_gray_and_16_bit_pictures():
    hole = box_hole((37, 91), 10, 20, 10, 20)
    for picture in (ImageData(scene(channels=1)[..., 0]), ImageData(scene(dtype=np.uint16))):
        result = feather(picture, filled_with(picture, hole, 0), hole, 4).pixels
        assert (result.shape, result.dtype) == (picture.pixels.shape, picture.pixels.dtype)
        np.testing.assert_array_equal(result[~hole], picture.pixels[~hole])


def test_fill_reports_progress_up_to_the_end(models):
    shares = []
    hole = box_hole((300, 900), 100, 130, 20, 880)
    models.fill(ImageData(scene(300, 900)), hole, report=shares.append)
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1


def test_zip_of_several_photos_tells_its_share_and_is_cancelled(models, tmp_path):
    handlers = Handlers(models, Limits(), [])
    paths = [photo_file(tmp_path / name) for name in ("a.png", "b.png")]
    shots = [{"token": handlers.open(path).values["token"]} for path in paths]
    shares = []
    handlers.save_all(StepsRequest(shots), shares.append)
    assert shares == [0, 0.5]
    with pytest.raises(Cancelled):
        handlers.save_all(StepsRequest(shots, job="zip"), lambda _: handlers.visitors.cancel("zip"))


def test_photo_that_was_read_goes_with_its_session(models, tmp_path):
    handlers = Handlers(models, Limits(), [])
    token = handlers.open(photo_file(tmp_path / "a.png")).values["token"]
    assert handlers.photos.nbytes == 96 * 128 * 3
    handlers.close(TokenRequest(token))
    handlers.close(TokenRequest(token))  # nothing is there any more
    assert handlers.photos.nbytes == 0


def test_only_offered_weights_are_taken(models):
    with pytest.raises(ValueError, match="weights must be one of tiny"):
        models.fill(ImageData(scene()), box_hole((37, 91), 5, 9, 5, 9), name="../../etc/passwd")
    assert not {"vgg16_features_to_pool3", "places2-refiner"} & set(models.names)


def test_transparent_mask_counts_by_its_alpha(tmp_path):
    hole = box_hole((96, 128), 30, 60, 40, 80)
    layer = np.zeros((96, 128, 4), np.uint8)
    layer[hole] = 0, 0, 0, 140
    Image.fromarray(layer).save(tmp_path / "mask.png")
    read = read_mask(tmp_path / "mask.png", size=(96, 128), max_pixels=10**6)
    np.testing.assert_array_equal(read, hole)
    with Image.open(write_marks(hole)) as marks:  # what the page shows of an opened mask
        np.testing.assert_array_equal(np.array(marks.convert("RGBA"))[..., 3] > 0, hole)


def test_examples_are_found_with_their_masks(tmp_path):
    photo_file(tmp_path / "b.jpg")
    photo_file(tmp_path / "a.png")
    (tmp_path / "README.md").write_text("")
    (tmp_path / "masks").mkdir()
    mask = mask_file(tmp_path / "masks" / "b.png", (0, 9, 0, 9), (96, 128))
    assert find_examples(tmp_path) == [(tmp_path / "a.png", None), (tmp_path / "b.jpg", mask)]
    assert find_examples(tmp_path / "nothing") == []

"""Holes that were painted over the photo itself."""

import cv2
import numpy as np
import pytest
from pictures import scene
from PIL import Image

from inpaint.batch.records import PAINTS
from inpaint.cli import main
from inpaint.masks.paint import painted_hole

PLACES = [((30, 40), (90, 60)), ((100, 20), (100, 75))]  # strokes, (x, y)


def painted(colour, dtype=np.uint8):
    """A photo, the same with strokes of a soft brush over it, and where they are at all."""
    photo = scene(100, 140)
    over = photo.copy()
    for start, stop in PLACES:
        cv2.line(over, start, stop, colour, 9, cv2.LINE_AA)
    full = np.iinfo(dtype).max // 255
    return photo.astype(dtype) * full, over.astype(dtype) * full, (over != photo).any(-1)


@pytest.mark.parametrize("name", PAINTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_paint_is_found_but_for_its_soft_edge(name, dtype):
    _, over, touched = painted(PAINTS[name], dtype)
    hole = painted_hole(over, PAINTS[name])
    assert not (hole & ~touched).any()
    inside = cv2.erode(touched.astype(np.uint8), np.ones((7, 7))).astype(bool)
    assert inside.sum() > 300 and hole[inside].all()


def test_other_colours_are_no_paint():
    photo = scene(100, 140)
    assert not any(painted_hole(photo, colour).any() for colour in PAINTS.values())
    grays = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert not any(painted_hole(grays, colour).any() for colour in PAINTS.values())


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_the_command_fills_what_was_painted_over(tmp_path, ending):
    photo, over, touched = painted(PAINTS["magenta"])
    source, target = tmp_path / f"painted.{ending}", tmp_path / f"filled.{ending}"
    Image.fromarray(over).save(source, quality=95)
    arguments = ["--mask", "magenta", "--grow", "3", "--style", "faithful", "-o", str(target)]
    assert main(["fill", str(source), *arguments]) == 0
    filled = np.array(Image.open(target)).astype(int)
    # No pixel is pinker than the photo's: more red and blue than green.
    pink = filled[..., [0, 2]].min(-1) - filled[..., 1]
    natural = photo.astype(int)
    assert pink[touched].max() < (natural[..., [0, 2]].min(-1) - natural[..., 1]).max() + 40
    beside = ~cv2.dilate(touched.astype(np.uint8), np.ones((9, 9))).astype(bool)
    if ending == "png":
        np.testing.assert_array_equal(filled[beside], over[beside])


def test_a_gray_photo_is_refused(tmp_path, capsys):
    Image.fromarray(scene(40, 50)[..., 0]).save(tmp_path / "gray.png")
    arguments = ["--mask", "magenta", "-o", str(tmp_path / "out.png")]
    assert main(["fill", str(tmp_path / "gray.png"), *arguments]) == 1
    assert "no paint can be seen" in capsys.readouterr().err


def test_a_photo_without_paint_is_copied(tmp_path):
    Image.fromarray(scene(40, 50)).save(tmp_path / "photo.png")
    target = tmp_path / "out.png"
    assert main(["fill", str(tmp_path / "photo.png"), "--mask", "green", "-o", str(target)]) == 0
    assert target.read_bytes() == (tmp_path / "photo.png").read_bytes()

"""What is excluded is not copied from."""

import json

import numpy as np
import pytest
import torch
from folders import fill, tiny_weights
from PIL import Image

from inpaint import Inpainter

GREEN, RED = (60, 170, 60), (170, 60, 60)


def gray_network(image, valid):
    """Knows nothing: between green and red."""
    return torch.full_like(image, 0.45)


@pytest.fixture(scope="module")
def scene():
    """Green noise on the left and red noise on the right of a hole: image, hole, red part."""
    noise = np.random.default_rng(0).integers(-40, 41, (120, 160, 1))
    image = (np.where(np.arange(160)[None, :, None] < 70, GREEN, RED) + noise).astype(np.uint8)
    hole = np.zeros((120, 160), bool)
    hole[40:80, 50:90] = True
    red = np.zeros_like(hole)
    red[:, 70:] = True
    return image, hole, red


def redness(image, hole):
    """Share of the hole's pixels that are redder than they are green."""
    inside = image[hole].astype(int)
    return (inside[:, 0] > inside[:, 1]).mean()


@pytest.mark.parametrize("style", ["natural", "faithful"])
def test_nothing_is_copied_from_what_is_excluded(scene, style):
    image, hole, red = scene
    inpainter = Inpainter(gray_network, boundary=False, style=style)
    texture = inpainter.fill(image, hole)
    without = inpainter.fill(image, hole, exclude=red)
    repainted = image.copy()  # but for what is close to the hole, which patches are compared with
    repainted[:, 120:] = np.random.default_rng(1).integers(0, 256, (120, 40, 3))
    assert (texture[hole] != without[hole]).any()
    again = inpainter.fill(repainted, hole, exclude=red)
    assert (again[hole] == without[hole]).all()
    only_red = inpainter.fill(image, hole, exclude=~red)
    assert (inpainter.fill(repainted, hole, exclude=~red)[hole] != only_red[hole]).any()


def test_natural_fills_hold_no_red_texture(scene):
    image, hole, red = scene
    inpainter = Inpainter(gray_network, boundary=False)
    deep = np.zeros_like(hole)
    deep[50:70, 58:66] = True  # away from the seam with the red side
    assert redness(inpainter.fill(image, hole, exclude=~red), hole) > 0.3
    assert redness(inpainter.fill(image, hole, exclude=red), deep) < 0.05


def test_an_image_without_a_source_keeps_the_networks_fill(scene):
    image, hole, _ = scene
    inpainter = Inpainter(gray_network, boundary=False)
    everything = np.ones_like(hole)
    plain = inpainter.fill(image, hole, style="plain")
    for style in ("natural", "faithful"):
        assert (inpainter.fill(image, hole, style=style, exclude=everything) == plain).all()


def test_pil_images_and_wrong_sizes(scene):
    image, hole, red = scene
    inpainter = Inpainter(gray_network, boundary=False)
    expected = inpainter.fill(image, hole, exclude=red)
    masks = Image.fromarray(hole), Image.fromarray(red)
    filled = inpainter.fill(Image.fromarray(image), masks[0], exclude=masks[1])
    assert (np.asarray(filled) == expected).all()
    with pytest.raises(ValueError, match="aspect"):
        inpainter.fill(image, hole, exclude=red[:, :50])


@pytest.fixture
def files(scene, tmp_path):
    image, hole, red = scene
    for folder in ("photos", "masks", "others"):
        (tmp_path / folder).mkdir()
    Image.fromarray(image).save(tmp_path / "photos/a.png")
    Image.fromarray(hole).save(tmp_path / "masks/a.png")
    Image.fromarray(red).save(tmp_path / "others/a.png")
    return tmp_path, tiny_weights(tmp_path / "tiny.safetensors")


@pytest.mark.parametrize("exclude", ["others", "others/a.png"])
def test_the_command_takes_a_file_or_a_folder(files, scene, exclude):
    root, weights = files
    image, hole, red = scene
    options = ("--mask", root / "masks", "-o", root / "out", "--exclude", root / exclude)
    assert fill(root / "photos", *options, weights=weights) == 0
    expected = Inpainter.load(weights, device="cpu").fill(image, hole, exclude=red)
    assert (np.asarray(Image.open(root / "out/a.png")) == expected).all()


def test_a_manifest_names_it_and_dry_runs_print_it(files, scene, capsys):
    root, weights = files
    image, hole, red = scene
    row = {"image": "photos/a.png", "mask": "masks/a.png", "output": "b.png"}
    (root / "set.jsonl").write_text(json.dumps({**row, "exclude": "others/a.png"}))
    assert fill(root / "set.jsonl", "--dry-run", weights=weights) == 0
    assert json.loads(capsys.readouterr().out)["exclude"] == str(root / "others/a.png")
    assert fill(root / "set.jsonl", weights=weights) == 0
    expected = Inpainter.load(weights, device="cpu").fill(image, hole, exclude=red)
    assert (np.asarray(Image.open(root / "b.png")) == expected).all()


def test_a_missing_one_is_named(files, capsys):
    root, weights = files
    (root / "others/a.png").unlink()
    options = ("--mask", root / "masks", "-o", root / "out", "--exclude", root / "others")
    assert fill(root / "photos", *options, weights=weights) == 2
    assert "no exclude mask called a.*" in capsys.readouterr().err

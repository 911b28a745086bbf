"""Fills are the same on any number of threads."""

import numpy as np
import pytest
import torch
from folders import fill, put_image, put_mask, tiny_weights

from inpaint import Inpainter
from inpaint.images import read_image
from inpaint.masks.read import read_hole
from inpaint.serving.models import Models
from inpaint.utils.threads import map_in_order, one_thread, usable_cpus


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photo():
    """440 x 760 px of edges and noise; a hole of a speck, strokes and a blob, scaled apart."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:440, :760]
    image = 120 + 60 * np.sin(x / 17 + y / 40)[..., None] + rng.normal(0, 25, (440, 760, 3))
    hole = np.zeros((440, 760), bool)
    hole[60:140, 60:720] = True
    hole[220:226, 20:600] = True
    hole[300:420, 520:660] = True
    hole[20:24, 30:34] = True
    return image.clip(0, 255).astype(np.uint8), hole


@pytest.mark.parametrize("style", ["natural", "faithful", "plain"])
def test_any_number_of_threads_gives_the_same_bytes(photo, style, monkeypatch):
    monkeypatch.setattr("inpaint.utils.threads.usable_cpus", lambda: 8)
    image, hole = photo
    inpainter = Inpainter.load(device="cpu", style=style)
    fills = []
    for threads in (1, 2, 4, 8):
        torch.set_num_threads(threads)
        fills.append(inpainter.fill(image, hole))
        assert torch.get_num_threads() == threads
    assert (fills[0][hole] != image[hole]).any()
    for threads, other in zip((2, 4, 8), fills[1:], strict=True):
        assert (other != fills[0]).sum() == 0, f"{threads} threads"


def test_a_quota_of_the_control_group_limits_the_threads(tmp_path):
    unlimited = usable_cpus(tmp_path)
    for written, wanted in (("max 100000", unlimited), ("50000 100000", 1), ("100000 100000", 1)):
        (tmp_path / "cpu.max").write_text(written + "\n")
        assert usable_cpus(tmp_path) == wanted
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    for written, wanted in (("-1", unlimited), ("20000", 1)):
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(written + "\n")
        assert usable_cpus(tmp_path) == wanted


def test_one_thread_ends_with_what_was_before():
    torch.set_num_threads(2)
    with pytest.raises(RuntimeError), one_thread() as threads:
        assert torch.get_num_threads() == 1
        assert 1 <= threads <= 2
        raise RuntimeError
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_in_inference_mode(threads):
    def square(n):
        assert torch.is_inference_mode_enabled()
        return n * n, torch.get_num_threads()

    with one_thread():
        assert list(map_in_order(square, range(20), threads)) == [(n * n, 1) for n in range(20)]


@pytest.mark.parametrize("style", ["natural", "faithful"])
def test_python_page_file_and_folder_give_the_same_bytes(tmp_path, style, monkeypatch):
    monkeypatch.setattr("inpaint.utils.threads.usable_cpus", lambda: 8)
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    for number in range(3):
        put_image(tmp_path / f"photos/{number}.png", 120, 140, seed=number)
    mask = put_mask(tmp_path / "mask.png", 120, 140, box=(40, 30, 80, 100))
    image, hole = read_image(tmp_path / "photos/1.png"), read_hole(mask)
    expected = Inpainter.load(weights, device="cpu", style=style).fill_image_data(image, hole)
    page = Models(weights, device="cpu")
    options = ("--mask", mask, "--style", style, "-o")
    for threads in (1, 4):
        torch.set_num_threads(threads)
        assert (page.fill(image, hole, style=style).pixels == expected.pixels).all()
        one, folder = tmp_path / f"{threads}.png", tmp_path / f"out{threads}"
        assert fill(tmp_path / "photos/1.png", *options, one, weights=weights) == 0
        assert fill(tmp_path / "photos", *options, folder, "--workers", 3, weights=weights) == 0
        for path in (one, folder / "1.png"):
            assert (read_image(path).pixels == expected.pixels).all()
    assert (expected.pixels != image.pixels)[hole].any()

"""Who waits for whom: fills take turns, in the page as in Models."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from app_server import editor_call, mask_file, photo_file, sent, shared_server, tiny_weights
from gradio_client import Client, handle_file

from inpaint.images import ImageData
from inpaint.serving.models import Models


@pytest.fixture(scope="module")
def server():
    return shared_server()


def test_fills_of_all_kinds_wait_for_each_other():
    models = Models(str(tiny_weights()), concurrency=2)
    running, most = [], []

    def slow(*_):
        running.append(1)
        most.append(len(running))
        time.sleep(0.05)
        running.pop()

    waiting = models._in_turn(slow)
    image = ImageData(np.zeros((8, 8, 3), np.uint8))
    threads = [threading.Thread(target=waiting, args=(image, None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8 and max(most) == 2


@pytest.mark.parametrize("first", [False, True], ids=["small first", "large first"])
def test_a_large_image_and_a_small_one_do_not_wait_for_each_other(first):
    models = Models(str(tiny_weights()))
    both = threading.Barrier(2)  # is passed only if both run at once
    work = models._in_turn(lambda image: both.wait(30))
    sizes = sorted([(3, 4, 3), (2000, 2000, 3)], reverse=first)
    images = [ImageData(np.broadcast_to(np.uint8(0), size)) for size in sizes]
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(work, image) for image in images]
        assert sorted(one.result() for one in done) == [0, 1]


def test_a_small_photo_is_filled_while_a_large_one_is(server, tmp_path):
    def opened(height, width):
        photo = photo_file(tmp_path / f"{height}.png", height=height, width=width, compress_level=1)
        box = height // 4, height // 2, width // 4, width // 2
        mask = mask_file(tmp_path / f"{height}-mask.png", box, (height, width))
        values, _ = editor_call(server, "open", {}, sent(server, photo))["output"]["data"]
        return values, sent(server, mask)

    (large, large_mask), (small, small_mask) = opened(2000, 2048), opened(96, 128)
    assert large["large"] and not small["large"]
    with ThreadPoolExecutor(1) as pool:
        asked = {"token": large["token"]}
        slow = pool.submit(editor_call, server, "fill_large", asked, large_mask)
        time.sleep(0.5)  # it has begun
        answer = editor_call(server, "fill", {"token": small["token"]}, small_mask)
        assert answer["success"] and not slow.done()
        assert slow.result()["success"]


def test_calls_from_programs_wait_for_their_turn_and_all_get_their_answer(server, tmp_path):
    photo = photo_file(tmp_path / "photo.png")
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))

    def visit(_):
        client = Client(server.address, verbose=False)
        return client.predict(handle_file(photo), handle_file(mask), api_name="/inpaint")

    with ThreadPoolExecutor(6) as pool:
        assert all(answer.endswith("photo-inpainted.png") for answer in pool.map(visit, range(6)))

"""The endpoint for programs, and what it answers to bad input."""

import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

import httpx
import numpy as np
import pytest
from app_server import (
    ROOT,
    large_photo,
    mask_file,
    photo_file,
    png_bomb,
    shared_server,
)
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from pictures import scene
from PIL import Image

from inpaint.images import read_image

BOX = (30, 60, 40, 80)


@pytest.fixture(scope="module")
def server():
    return shared_server()


@pytest.fixture(scope="module")
def client(server):
    return Client(server.address, verbose=False)


@pytest.fixture
def mask(tmp_path):
    return mask_file(tmp_path / "mask.png", BOX, (96, 128))


def fill(client, image, mask):
    return client.predict(handle_file(str(image)), handle_file(str(mask)), api_name="/inpaint")


def message(client, image, mask):
    with pytest.raises(AppError) as caught:
        fill(client, image, mask)
    return str(caught.value)


def inside():
    hole = np.zeros((96, 128), bool)
    hole[BOX[0] : BOX[1], BOX[2] : BOX[3]] = True
    return hole


def test_answer_differs_in_the_hole_and_nowhere_else(client, tmp_path, mask):
    photo = photo_file(tmp_path / "photo.png")
    before, after = read_image(photo).pixels, read_image(fill(client, photo, mask)).pixels
    np.testing.assert_array_equal(after[~inside()], before[~inside()])
    assert (after[inside()] != before[inside()]).any(-1).mean() > 0.9


def test_answer_keeps_format_name_size_and_metadata(client, tmp_path):
    photo = large_photo(tmp_path / "holiday.jpg")
    mask = mask_file(tmp_path / "mask.png", (1000, 1200, 800, 900), (4000, 3000))
    answer = fill(client, photo, mask)
    before, after = read_image(photo), read_image(answer)
    assert answer.endswith("holiday-inpainted.jpg")
    assert (after.format, after.size, after.icc) == ("jpg", (4000, 3000), before.icc)
    assert after.exif == before.exif
    assert after.jpeg == before.jpeg


def test_curl_example_in_the_documentation_works(server, tmp_path, mask):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    photo_file(tmp_path / "photo.jpg")
    text = (ROOT / "docs" / "app.md").read_text()
    script = re.search(r"```sh\n(.*?inpaint.*?)```", text.split("## From a shell")[1], re.S)[1]
    script = script.replace("http://127.0.0.1:7860", server.address)
    subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, check=True, timeout=60)
    assert read_image(tmp_path / "filled.jpg").size == (96, 128)


def test_python_example_in_the_documentation_works(server, tmp_path, mask, monkeypatch):
    photo_file(tmp_path / "photo.jpg")
    text = (ROOT / "docs" / "app.md").read_text()
    script = re.search(r"```python\n(.*?)```", text, re.S)[1]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(script.replace("http://127.0.0.1:7860", server.address), names)
    assert read_image(names["filled"]).size == (96, 128)


def test_style_can_be_left_out(client, tmp_path, mask):
    photo = photo_file(tmp_path / "photo.png")
    files = [handle_file(str(path)) for path in (photo, mask)]
    answers = [
        read_image(client.predict(*files, **style, api_name="/inpaint")).pixels
        for style in ({}, {"style": "natural"}, {"style": "plain"}, {"style": "off"})
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[1] != answers[2]).any(-1)[inside()].mean() > 0.5
    np.testing.assert_array_equal(answers[2], answers[3])  # a word of before


def test_text_file_called_png_gets_a_message(client, tmp_path, mask):
    (tmp_path / "photo.png").write_text("not a picture")
    text = message(client, tmp_path / "photo.png", mask)
    assert re.match(r"photo\.png: this is not a picture of a known format", text)


def test_empty_file_gets_a_message(client, tmp_path, mask):
    (tmp_path / "photo.png").write_bytes(b"")
    assert "the file is empty" in message(client, tmp_path / "photo.png", mask)


def test_truncated_jpeg_gets_a_message(client, tmp_path, mask):
    photo = photo_file(tmp_path / "photo.jpg")
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert "the picture is damaged or cut short" in message(client, photo, mask)


def test_pixel_bomb_gets_a_message_without_being_decoded(client, tmp_path, mask):
    text = message(client, png_bomb(tmp_path / "bomb.png"), mask)
    assert "bomb.png: the picture has 30000 x 30000 pixels, more than the limit" in text
    photo = photo_file(tmp_path / "photo.png")
    assert "more than the limit" in message(client, photo, tmp_path / "bomb.png")


def test_picture_of_one_pixel_that_is_all_hole_gets_a_message(client, tmp_path):
    photo = photo_file(tmp_path / "photo.png", height=1, width=1)
    mask = mask_file(tmp_path / "mask.png", (0, 1, 0, 1), (1, 1))
    assert "nothing is left to fill from" in message(client, photo, mask)


def test_mask_of_another_size_is_scaled_if_its_shape_fits(client, tmp_path):
    photo = photo_file(tmp_path / "photo.png")
    mask = mask_file(tmp_path / "mask.png", [side // 2 for side in BOX], (48, 64))
    before, after = read_image(photo).pixels, read_image(fill(client, photo, mask)).pixels
    np.testing.assert_array_equal(after[~inside()], before[~inside()])


def test_mask_of_another_shape_gets_a_message(client, tmp_path):
    photo = photo_file(tmp_path / "photo.png")
    mask = mask_file(tmp_path / "mask.png", BOX, (128, 96))
    assert "another aspect ratio" in message(client, photo, mask)


@pytest.mark.parametrize(
    ("box", "text"), [((0, 96, 0, 128), "The mask is all white"), ((0, 0, 0, 0), "all black")]
)
def test_full_and_empty_masks_get_a_message(client, tmp_path, box, text):
    photo = photo_file(tmp_path / "photo.png")
    mask = mask_file(tmp_path / "mask.png", box, (96, 128))
    assert text in message(client, photo, mask)


def test_first_frame_of_an_animation_is_filled(client, tmp_path, mask):
    frames = [Image.fromarray(scene()).resize((128, 96)).rotate(90 * i) for i in range(3)]
    frames[0].save(tmp_path / "photo.gif", save_all=True, append_images=frames[1:])
    with Image.open(fill(client, tmp_path / "photo.gif", mask)) as answer:
        assert (answer.format, answer.size) == ("GIF", (128, 96))


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "LA"])
def test_rare_kinds_of_pictures_are_filled(client, tmp_path, mask, mode):
    name, image = rare_picture(mode)
    image.save(tmp_path / name)
    before, after = read_image(tmp_path / name), read_image(fill(client, tmp_path / name, mask))
    assert (after.size, after.pixels.dtype) == (before.size, before.pixels.dtype)
    if before.alpha is not None:
        np.testing.assert_array_equal(after.alpha, before.alpha)
    if mode != "CMYK":  # a JPEG
        np.testing.assert_array_equal(after.pixels[~inside()], before.pixels[~inside()])


def rare_picture(mode):
    rgb = Image.fromarray(scene(96, 128))
    if mode == "CMYK":
        return "photo.jpg", rgb.convert("CMYK")
    if mode == "I;16":
        return "photo.png", Image.fromarray(scene(96, 128, 1, np.uint16)[..., 0])
    if mode == "P":
        image = rgb.quantize(40)
        image.info["transparency"] = 3
        return "photo.png", image
    image = rgb.convert("LA")
    image.putalpha(Image.fromarray(scene(96, 128, 1)[..., 0]))
    return "photo.png", image


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
        {"path": "/etc/hostname"},
        {"path": str(ROOT / "examples" / "cat.jpg"), "meta": {"_type": "gradio.FileData"}},
        {"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}},
        {"path": "s3://bucket/x.png", "meta": {"_type": "gradio.FileData"}},
        "/etc/hostname",
    ],
)
def test_paths_and_addresses_from_a_client_are_refused(server, file):
    assert "event: error" in call(server, [file, file])
    assert server.alive()


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
        {"path": "/etc/hostname"},
        {"url": "http://127.0.0.1:9/x.png"},
        {"path": 7},
        "/etc/hostname",
        [],
        7,
    ],
)
def test_what_is_no_upload_gets_a_message_that_says_what_is_wanted(server, file):
    answer = call(server, [file, file])
    assert "event: error" in answer
    text = json.loads(answer.partition("data: ")[2].partition("\n")[0])["error"]
    assert text.startswith("Each file must be uploaded first") and "/etc" not in text


def test_calls_with_too_few_or_too_many_values_get_a_message(server):
    assert "Both files are needed" in call(server, [])
    assert "Both files are needed" in call(server, [None, None])
    assert "data must hold image, mask, style, got 4 values" in call(server, [None] * 4)


def test_upload_without_meta_is_filled(server, tmp_path, mask):
    photo = photo_file(tmp_path / "photo.png")
    files = [{"path": path} for path in (upload(server, photo), upload(server, mask))]
    assert "event: complete" in call(server, files)


def test_styles_of_the_documentation_are_taken_and_others_get_a_message(server, tmp_path, mask):
    photo = photo_file(tmp_path / "photo.png")
    files = [{"path": path} for path in (upload(server, photo), upload(server, mask))]
    text = (ROOT / "docs" / "app.md").read_text().split("## From a shell")[1].split("## ")[0]
    values = re.findall(r'`"(\w+)"`', text)
    assert values == ["natural", "faithful", "plain"]
    for value in values:
        assert "event: complete" in call(server, [*files, value])
    assert "style must be one of natural, faithful, plain" in call(server, [*files, False])


def upload(server, path):
    """Where the server keeps the file."""
    with path.open("rb") as file:
        answer = httpx.post(f"{server.address}/gradio_api/upload", files={"files": file})
    return answer.json()[0]


@pytest.mark.parametrize("path", ["/etc/hostname", str(ROOT / "pyproject.toml"), "../app.py"])
def test_files_of_the_server_are_not_handed_out(server, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.address}/gradio_api/file={path}")
    assert caught.value.code in (403, 404)
    caught.value.close()


def call(server, data):
    """The events that a raw request gets, as text."""
    address = f"{server.address}/gradio_api/call/inpaint"
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}") as events:
        return events.read().decode()


def test_clients_at_the_same_time_get_their_own_pictures(client, server, tmp_path, mask):
    photos = [photo_file(tmp_path / f"{i}.png", width=128) for i in range(8)]
    for i, photo in enumerate(photos):
        Image.fromarray(np.full((96, 128, 3), 10 * i, np.uint8)).save(photo)
    colours = {}

    def visit(i):
        own = Client(server.address, verbose=False)
        colours[i] = read_image(fill(own, photos[i], mask)).pixels[0, 0, 0]

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert colours == {i: 10 * i for i in range(8)}

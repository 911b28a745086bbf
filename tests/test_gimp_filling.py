"""How the GIMP plug-in fills: by the command line and by a server, both without GIMP."""

import base64
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from fill_server import server

ROOT = Path(__file__).parents[1]
PLUG_IN = ROOT / "integrations" / "gimp" / "inpaint-selection"
ENDS_WITHIN = 20  # s, on a busy machine


def load(name):
    """A module of the plug-in's folder."""
    spec = importlib.util.spec_from_file_location(f"gimp_{name}", PLUG_IN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


filling, png = load("filling"), load("png")


def pixels(height=40, width=56, channels=3, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


@pytest.fixture
def request_of(tmp_path):
    """A request whose image and mask are written."""
    request = filling.Request(
        tmp_path, tmp_path / "image.png", tmp_path / "mask.png", tmp_path / "filled.png",
        style="faithful", seed=3,
    )  # fmt: skip
    image, mask = pixels(), np.zeros((40, 56, 1), np.uint8)
    mask[10:20, 10:30] = 255
    png.write_png(request.image, image.tobytes(), (56, 40), 3, 8)
    png.write_png(request.mask, mask.tobytes(), (56, 40), 1, 8)
    return request


@pytest.mark.parametrize("dtype, channels", [
    (np.uint8, 1), (np.uint8, 3), (np.uint8, 4), (np.uint16, 3), (np.uint16, 4),
])  # fmt: skip
def test_pngs_hold_the_pixels(tmp_path, dtype, channels):
    image = pixels(channels=channels, dtype=dtype)
    depth = 8 * image.itemsize
    png.write_png(tmp_path / "image.png", image.tobytes(), (56, 40), channels, depth)
    found = cv2.imread(str(tmp_path / "image.png"), cv2.IMREAD_UNCHANGED).reshape(image.shape)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    np.testing.assert_array_equal(found[..., order], image)


def test_pixels_of_another_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match="pixels must be 6720 bytes, got 6719"):
        png.write_png(tmp_path / "image.png", bytes(6719), (56, 40), 3, 8)


def test_the_command_line_fills(request_of, monkeypatch):
    monkeypatch.chdir(ROOT)
    ticks = []
    filling.fill_by_command(request_of, ticks.append, [sys.executable, "-m", "inpaint"])
    filled = cv2.imread(str(request_of.output))[..., ::-1]
    image = pixels()
    changed = (filled != image).any(-1)
    assert changed[10:20, 10:30].mean() > 0.9
    changed[10:20, 10:30] = False
    assert not changed.any()
    assert set(ticks) == {None}


def script(folder, code):
    """A command that runs Python code."""
    path = folder / "command.py"
    path.write_text(code)
    return [sys.executable, str(path)]


def test_the_last_line_of_a_failed_command_is_the_message(request_of, tmp_path):
    command = script(tmp_path, "import sys; sys.exit('first line\\ninpaint fill: no memory left')")
    with pytest.raises(filling.FillError, match=r"^inpaint fill: no memory left$"):
        filling.fill_by_command(request_of, lambda _: None, command)


def test_options_reach_the_command_and_gimps_python_does_not(request_of, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/of/gimp")
    code = (
        "import os, sys; from pathlib import Path\n"
        "out = Path(sys.argv[sys.argv.index('--output') + 1])\n"
        "out.write_text(' '.join(sys.argv[1:]) + str('PYTHONPATH' in os.environ))"
    )
    filling.fill_by_command(request_of, lambda _: None, script(tmp_path, code))
    said = request_of.output.read_text()
    assert said.startswith("fill ") and said.endswith("--style faithful --seed 3False")


def test_a_missing_command_is_told(request_of):
    with pytest.raises(filling.FillError, match=r"no command 'inpaint-of-nobody'\. Install"):
        filling.fill(request_of, lambda _: None, command="inpaint-of-nobody")


SLEEPER = (
    "import os, sys, time; from pathlib import Path\n"
    "Path(os.environ['SLEEPER']).write_text(str(os.getpid()))\n"
    "time.sleep(600)"
)


def wait_for(condition):
    end = time.monotonic() + ENDS_WITHIN
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
        return False


@pytest.fixture
def sleeper(tmp_path, monkeypatch):
    path = tmp_path.parent / f"{tmp_path.name}-pid"
    monkeypatch.setenv("SLEEPER", str(path))
    return path


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_fill_that_is_stopped_ends_the_command(request_of, tmp_path, sleeper):
    class Stopped(Exception):
        pass

    def stop(_):
        if sleeper.exists() and sleeper.read_text():
            raise Stopped

    with pytest.raises(Stopped):
        filling.fill_by_command(request_of, stop, script(tmp_path, SLEEPER))
    assert not alive(int(sleeper.read_text()))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_plug_in_that_is_killed_takes_its_command_and_files_along(request_of, tmp_path, sleeper):
    command = script(tmp_path.parent, SLEEPER)
    code = (
        f"import sys; sys.path.insert(0, {str(PLUG_IN)!r}); from pathlib import Path\n"
        "import filling; folder = Path(sys.argv[1])\n"
        "request = filling.Request(folder, *(folder / n for n in ('image.png', 'mask.png', 'o')))\n"
        f"filling.fill_by_command(request, lambda _: None, {command!r})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    wait_for(lambda: sleeper.exists() and sleeper.read_text())
    os.kill(parent.pid, signal.SIGKILL)  # as GIMP does
    parent.wait()
    wait_for(lambda: not alive(int(sleeper.read_text())) and not tmp_path.exists())


def test_a_server_fills_and_tells_its_progress(request_of):
    image, mask = request_of.image.read_bytes(), request_of.mask.read_bytes()
    events = [
        ("progress", {"share": 0.0, "ahead": 2}),
        ("progress", {"share": 0.25, "ahead": 0}),
        ("progress", {"share": 0.75, "ahead": 0}),
        ("done", {"type": "image/png", "image": base64.b64encode(b"filled").decode()}),
    ]
    shares = []
    with server(events) as (address, handler):
        filling.fill(request_of, shares.append, command="-", server=f"{address}/", token="secret")
    assert request_of.output.read_bytes() == b"filled" and shares == [None, 0.25, 0.75]
    ((path, headers, form),) = handler.forms
    assert path == "/v1/fill" and headers["Authorization"] == "Bearer secret"
    assert headers["Accept"] == "text/event-stream"
    assert form == {
        "image": image, "mask": mask, "style": b"faithful", "seed": b"3"
    }  # fmt: skip
    assert not request_of.image.exists() and not request_of.mask.exists()


@pytest.mark.parametrize("events, status, message", [
    ((), 422, "The server refuses: the mask is all white"),
    ((), 401, "The server wants a token"),
    ([("error", {"status": 504, "detail": "too slow"})], 200, "The server refuses: too slow"),
    ([("progress", {"share": 0.5})], 200, "The server ended before the fill did"),
])  # fmt: skip
def test_a_server_that_refuses_is_told(request_of, events, status, message):
    with (
        server(events, status) as (address, _),
        pytest.raises(filling.FillError, match=f"^{message}$"),
    ):
        filling.fill(request_of, lambda _: None, command="-", server=address)


def test_a_fill_that_is_stopped_leaves_the_server(request_of):
    events = [("progress", {"share": number / 500, "ahead": 0}) for number in range(500)]

    def stop(share):
        if share:
            raise KeyboardInterrupt

    with server(events) as (address, handler):
        with pytest.raises(KeyboardInterrupt):
            filling.fill(request_of, stop, command="-", server=address)
        assert handler.gone.wait(ENDS_WITHIN)


@pytest.mark.parametrize("address, message", [
    ("http://127.0.0.1:1", "The server http://127.0.0.1:1 does not answer"),
    ("127.0.0.1:8000", "The server must be http://HOST:PORT, got '127.0.0.1:8000'"),
])  # fmt: skip
def test_a_missing_server_is_told(request_of, address, message):
    with pytest.raises(filling.FillError, match=message):
        filling.fill(request_of, lambda _: None, command="-", server=address)

"""The plug-in in GIMP 3 itself, without a screen; skipped where there is none.

GIMP_CONSOLE: the command, if it is not gimp-console or gimp-console-3.0.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from fill_server import server

PLUG_IN = Path(__file__).parents[1] / "integrations" / "gimp" / "inpaint-selection"
SECONDS = 300  # of a run: GIMP's first start looks at all its plug-ins

# Runs in GIMP. FOLDER and CALLS, the arguments of `called`, come before it.
SCRIPT = """
import json, sys
from gi.repository import Gegl, Gimp, Gio

def pixels(drawable, kind, left=0, top=0, size=None):
    width, height = size or (drawable.get_width(), drawable.get_height())
    box = Gegl.Rectangle.new(left, top, width, height)
    return list(bytes(drawable.get_buffer().get(box, 1.0, kind, Gegl.AbyssPolicy.NONE)))

def called(path, precision, gray, alpha, offset, chosen, settings):
    mode = Gimp.RunMode.NONINTERACTIVE
    image = Gimp.file_load(mode, Gio.File.new_for_path(path))
    layer = image.get_layers()[0]
    image.convert_precision(getattr(Gimp.Precision, precision)) if precision else None
    image.convert_grayscale() if gray else None
    layer.add_alpha() if alpha else None
    layer.set_offsets(*offset)
    if chosen:
        image.select_ellipse(Gimp.ChannelOps.REPLACE, *chosen)
    before = pixels(layer, "R'G'B' u8")
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-inpaint-selection")
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    for name, value in settings.items():
        config.set_property(name, value)
    done = procedure.run(config).index(0) == Gimp.PDBStatusType.SUCCESS
    error = Gimp.get_pdb().get_last_error()  # before another call succeeds
    size = layer.get_width(), layer.get_height()
    selected = pixels(image.get_selection(), "Y u8", *offset, size)
    after = pixels(layer, "R'G'B' u8")
    image.delete()
    return {"done": done, "error": error, "before": before, "after": after, "selected": selected}

with open(f"{FOLDER}/answers.json", "w") as file:
    json.dump([called(*call) for call in CALLS], file)
"""


def console():
    """The command of GIMP 3, or None."""
    for name in (os.environ.get("GIMP_CONSOLE"), "gimp-console-3.0", "gimp-console"):
        path = name and shutil.which(name)
        if path:
            run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
            if re.search(r"version 3\.", run.stdout):
                return path
    return None


pytestmark = pytest.mark.skipif(console() is None, reason="GIMP 3 is not installed")


@pytest.fixture
def gimp(tmp_path):
    """What runs calls in GIMP with the plug-in installed; gives a process."""
    shutil.copytree(PLUG_IN, tmp_path / "config" / "plug-ins" / PLUG_IN.name)
    (tmp_path / "temporary").mkdir()

    def start(calls):
        script = tmp_path / "run.py"
        script.write_text(f"FOLDER = {str(tmp_path)!r}\nCALLS = {calls!r}\n{SCRIPT}")
        environment = {
            **os.environ,
            "GIMP3_DIRECTORY": str(tmp_path / "config"),
            "TMPDIR": str(tmp_path / "temporary"),
        }
        batch = [
            "--batch-interpreter",
            "python-fu-eval",
            "-b",
            f"exec(open({str(script)!r}).read())",
        ]
        command = [console(), "--no-interface", "--new-instance", "--quit", *batch]
        with (tmp_path / "log.txt").open("w") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    return start


def ended(process, folder):
    """The answers to the calls."""
    process.wait(SECONDS)
    answers = folder / "answers.json"
    assert answers.exists(), (folder / "log.txt").read_text()
    return json.loads(answers.read_text())


def photo(folder):
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(folder / "photo.png"), image[..., ::-1])
    return str(folder / "photo.png")


def invert(form):
    """Events of a server that makes a negative of what is white in the mask."""
    image, mask = (
        cv2.imdecode(np.frombuffer(form[name], np.uint8), cv2.IMREAD_UNCHANGED)
        for name in ("image", "mask")
    )
    white = mask == 255
    image[white, :3] = np.iinfo(image.dtype).max - image[white, :3]
    data = cv2.imencode(".png", image)[1].tobytes()
    yield "progress", {"share": 0.5, "ahead": 0}
    yield "done", {"type": "image/png", "image": base64.b64encode(data).decode()}


def test_the_selection_is_filled_in_images_of_all_kinds(gimp, tmp_path):
    path, chosen = photo(tmp_path), (10, 12, 20, 16)
    with server(invert) as (address, handler):
        settings = {"server": address, "style": "faithful", "seed": 5}
        calls = [
            (path, None, False, False, (0, 0), chosen, settings),
            (path, "U16_NON_LINEAR", False, True, (-4, 3), chosen, settings),
            (path, None, True, False, (5, 0), chosen, settings),
            (path, None, False, False, (0, 0), None, settings),
            (path, None, False, False, (0, 0), chosen, {"command": "inpaint-of-nobody"}),
        ]
        answers = ended(gimp(calls), tmp_path)
    for answer in answers[:3]:
        assert answer["done"], answer["error"]
        before, after = (np.array(answer[key]).reshape(-1, 3) for key in ("before", "after"))
        share = np.array(answer["selected"])[:, None] / 255
        assert 0 < (share > 0).mean() < 0.3
        full = share[:, 0] == 1
        assert full.sum() > 150
        np.testing.assert_allclose(after[full], 255 - before[full], atol=1)
        low, high = np.minimum(before, 255 - before), np.maximum(before, 255 - before)
        assert ((after >= low - 1) & (after <= high + 1)).all()  # GIMP blends in linear light
        np.testing.assert_array_equal(after[share[:, 0] == 0], before[share[:, 0] == 0])
    for answer, text in zip(answers[3:], ("Select what", "no command"), strict=True):
        assert not answer["done"] and text in answer["error"]
        assert answer["before"] == answer["after"]
    assert [(form["style"], form["seed"]) for _, _, form in handler.forms] == [
        (b"faithful", b"5")
    ] * 3
    assert not list((tmp_path / "temporary").glob("inpaint-*"))


def processes(text):
    """Numbers of the processes whose command line holds a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in path.read_bytes().decode(errors="replace"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has ended
    return found


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc")
def test_a_cancelled_fill_ends_its_command(gimp, tmp_path):
    command = tmp_path / "sleeper"
    command.write_text('#!/bin/sh\n[ "$1" = fill ] && exec sleep 7654\n')
    command.chmod(0o755)
    settings = {"command": str(command)}
    calls = [(photo(tmp_path), None, False, False, (0, 0), (10, 12, 20, 16), settings)]
    process = gimp(calls)
    wait_for(lambda: processes("sleep\0" + "7654"))
    folder = str(tmp_path / "config")
    (plug_in,) = [n for n in processes("inpaint-selection.py") if n in processes(folder)]
    os.kill(plug_in, signal.SIGKILL)  # what GIMP does after its Cancel
    (answer,) = ended(process, tmp_path)
    assert not answer["done"] and answer["before"] == answer["after"]
    wait_for(lambda: not processes("sleep\0" + "7654"))
    wait_for(lambda: not list((tmp_path / "temporary").glob("inpaint-*")))

"""`-` for the standard input and output of `inpaint fill`."""

import io
import sys

import numpy as np
import pytest
from folders import files_below, fill, put_image, put_mask
from PIL import Image
from streams import Stream

from inpaint.images import read_image


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_image("a.jpg", quality=90)
    put_image("a.png")
    put_mask("mask.png")
    return tmp_path


@pytest.fixture
def piped(monkeypatch, weights):
    """Exit code and standard output of a fill with bytes at the standard input."""

    def run(*arguments, data=b"", terminal=False):
        out = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stdin", Stream(data))
        monkeypatch.setattr(sys, "stdout", out)
        code = fill(*arguments, weights=weights)
        return code, out.buffer.getvalue()

    return run


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_picture_goes_through_a_pipe_as_through_files(here, piped, weights, name, capsys):
    data = (here / name).read_bytes()
    code, out = piped("-", "--mask", "mask.png", "-o", "-", data=data)
    assert code == 0 and capsys.readouterr().err == ""
    ending = name.rpartition(".")[2]
    assert fill(name, "--mask", "mask.png", "-o", f"x.{ending}", weights=weights) == 0
    assert out == (here / f"x.{ending}").read_bytes()


def test_only_one_end_may_be_a_pipe_and_the_format_be_chosen(here, piped):
    data = (here / "a.png").read_bytes()
    code, out = piped("-", "--mask", "mask.png", "-o", "x.webp", data=data)
    assert code == 0 and out == b"" and read_image("x.webp").format == "webp"
    code, out = piped("a.png", "--mask", "mask.png", "-o", "-", "--format", "webp")
    assert code == 0 and read_image(io.BytesIO(out)).format == "webp"
    assert sorted(files_below(here)) == ["a.jpg", "a.png", "mask.png", "x.webp"]


def test_mask_may_come_through_the_pipe(here, piped, weights):
    code, out = piped("a.png", "-m", "-", "-o", "-", data=(here / "mask.png").read_bytes())
    assert fill("a.png", "--mask", "mask.png", "-o", "x.png", weights=weights) == code == 0
    assert out == (here / "x.png").read_bytes()


def test_picture_without_a_hole_comes_out_as_it_went_in(here, piped, capsys):
    Image.fromarray(np.zeros((48, 64), np.uint8)).save("empty.png")
    data = (here / "a.jpg").read_bytes()
    assert piped("-", "--mask", "empty.png", "-o", "-", data=data) == (0, data)
    assert "note: the hole is empty" in capsys.readouterr().err


def test_failure_names_the_stream_and_writes_nothing(here, piped, capsys):
    assert piped("-", "--mask", "mask.png", "-o", "-", data=b"no picture") == (1, b"")
    err = capsys.readouterr().err
    assert err.startswith("failed: standard input: this is not a picture of a known format")
    assert "inpaint-" not in err
    data = (here / "a.png").read_bytes()
    assert piped("-", "-o", "-", data=data) == (2, b"")
    assert capsys.readouterr().err == "inpaint fill: standard input: no mask is given\n"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("-", "-m", "-", "-o", "x.png"), {"data": b"x"}, "can be one of picture and mask"),
        (("-", "-m", "mask.png", "-o", "x.png"), {}, "the standard input is empty"),
        (("a.png", "a.jpg", "-m", "mask.png", "-o", "-"), {}, "takes the result of one picture"),
        ((".", "-m", "mask.png", "-o", "-"), {}, "takes the result of one picture"),
        (("a.png", "-m", "mask.png", "-o", "-"), {"terminal": True}, "is a terminal"),
        (("-", "-m", "mask.png", "-o", "-", "--dry-run"), {"data": b"x"}, "leave out --dry-run"),
    ],
)
def test_streams_that_cannot_work_are_bad_usage(here, piped, capsys, arguments, options, message):
    before = files_below(here)
    assert piped(*arguments, **options) == (2, b"")
    assert message in capsys.readouterr().err
    assert files_below(here) == before

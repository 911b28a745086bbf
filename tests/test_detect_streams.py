"""`-` for the standard input and output of `inpaint detect`."""

import io
import sys

import pytest
from folders import files_below, put_image
from PIL import Image
from streams import Stream

from inpaint.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_image("a.jpg", quality=90)
    return tmp_path


@pytest.fixture
def piped(monkeypatch):
    """Exit code and standard output of `inpaint detect` with bytes at the standard input."""

    def run(*arguments, data=b"", terminal=False):
        out = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stdin", Stream(data))
        monkeypatch.setattr(sys, "stdout", out)
        return main(["detect", *arguments, "--device", "cpu"]), out.buffer.getvalue()

    return run


def test_picture_and_mask_go_through_pipes_as_through_files(here, piped, capsys):
    data = (here / "a.jpg").read_bytes()
    assert piped("a.jpg", "-o", "x.png") == (0, b"")
    said = capsys.readouterr().err
    mask = (here / "x.png").read_bytes()
    assert piped("-", "-o", "-", data=data) == (0, mask)
    assert capsys.readouterr().err == said
    assert piped("-", "-o", "y.png", data=data) == (0, b"")
    assert (here / "y.png").read_bytes() == mask
    assert piped("a.jpg", "-o", "-") == (0, mask)
    assert Image.open(io.BytesIO(mask)).size == (64, 48)
    assert sorted(files_below(here)) == ["a.jpg", "x.png", "y.png"]


def test_failure_names_the_stream_and_writes_nothing(here, piped, capsys):
    assert piped("-", "-o", "-", data=b"no picture") == (1, b"")
    assert capsys.readouterr().err.startswith("failed: standard input: this is not a picture")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("-", "-", "-o", "x"), {"data": b"x"}, "can be one of picture and mask"),
        (("-", "-o", "x.png"), {}, "the standard input is empty"),
        ((".", "-o", "-"), {}, "takes the result of one picture"),
        (("a.jpg", "-o", "-"), {"terminal": True}, "is a terminal"),
        (("-", "--repeated", "-o", "x.png"), {"data": b"x"}, "--repeated takes paths"),
        (("a.jpg", "--repeated", "-o", "-"), {}, "--repeated takes paths"),
    ],
)
def test_streams_that_cannot_work_are_bad_usage(here, piped, capsys, arguments, options, message):
    before = files_below(here)
    assert piped(*arguments, **options) == (2, b"")
    assert message in capsys.readouterr().err
    assert files_below(here) == before

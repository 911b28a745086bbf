"""Command-line options made of dataclasses."""

from argparse import ArgumentParser
from dataclasses import dataclass

import pytest

from inpaint.utils.options import add_options, check_choices, from_options, option


@dataclass(frozen=True)
class Settings:
    """Some of each kind."""

    size: int = option(4, "side", "-s")
    ratio: float | None = option(None, "share")
    kind: str = option("a", "which", choices=("a", "b"))
    fast: bool = option(False, "quickly")
    data_root: str = option("here", "folder", "--data_root")
    resume: str | None = option(None, "file", const="auto")
    order: str | None = option(None, "of things", choices=("up", "down"))
    inner: int = 7

    def __post_init__(self) -> None:
        check_choices(self)


def parse(*words: str, **defaults: object) -> Settings:
    parser = ArgumentParser()
    add_options(parser, Settings, **defaults)
    return from_options(Settings, parser.parse_args(words))


def test_without_options_the_defaults_hold() -> None:
    assert parse() == Settings()
    assert parse(size=9) == Settings(size=9)


def test_every_field_is_an_option() -> None:
    words = [
        "-s",
        "5",
        "--ratio",
        "0.5",
        "--kind",
        "b",
        "--fast",
        "--data_root",
        "there",
        "--resume",
        "file",
        "--order",
        "up",
    ]
    assert parse(*words) == Settings(5, 0.5, "b", True, "there", "file", "up")
    assert parse("--size", "6", "--resume") == Settings(size=6, resume="auto")


def test_fields_left_out_come_from_elsewhere() -> None:
    parser = ArgumentParser()
    add_options(parser, Settings, without=("size",))
    arguments = parser.parse_args([])
    assert not hasattr(arguments, "size")
    assert from_options(Settings, arguments, size=3).size == 3


@pytest.mark.parametrize("words", [("--kind", "c"), ("--size", "x"), ("--inner", "3")])
def test_bad_options_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse(*words)
    assert words[0] in capsys.readouterr().err


def test_choices_hold_without_a_parser_too() -> None:
    with pytest.raises(ValueError, match="kind must be one of a, b, got 'c'"):
        Settings(kind="c")
    with pytest.raises(ValueError, match="order must be one of up, down, got 'left'"):
        Settings(order="left")
    assert Settings().order is None
    assert Settings(order="up").order == "up"


def test_help_names_the_default() -> None:
    parser = ArgumentParser()
    add_options(parser, Settings)
    text = parser.format_help()
    assert "side (4)" in text and "share\n" in text

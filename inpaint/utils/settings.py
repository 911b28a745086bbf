"""Dataclasses of settings from what JSON held: untrusted, so every type is checked."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Settings = TypeVar("Settings")

MAX_ENTRIES = 1000  # of a list
_MAX_TEXT = 60  # characters of a value in a message

_KINDS: dict[Any, str] = {int: "an integer", float: "a finite number", bool: "true or false",
                          str: "text"}  # fmt: skip
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _MAX_TEXT
_short.maxlist = _short.maxtuple = _short.maxdict = 4
_short.maxlong = 20


def shortened(value: Any) -> str:
    """A value as Python writes it, printable, on one line and cut to a moderate length."""
    return one_line(_short.repr(value))


def one_line(text: str, limit: int = 300) -> str:
    """A text of unknown origin as one printable line of at most so many characters."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1].strip())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def read_settings(kind: type[Settings], values: Any, what: str) -> Settings:
    """The dataclass that JSON-able values stand for.

    Its fields may be int, float, bool, str, and tuples of them, which may be lists here.

    Args:
        kind: The dataclass.
        values: Field values by name; a field that is missing has its default.
        what: Names the settings in messages, such as "network".

    Raises:
        ValueError: For unknown names, values of another type, numbers that are not finite, and
            as the dataclass does.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{what} settings must be an object, got {shortened(values)}")
    known = {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(name) for name in values if name not in known)
    if unknown:
        names = ", ".join(shortened(name).strip("'\"") for name in unknown[:4])
        raise ValueError(f"unknown {what} settings: {names}")
    hints = get_type_hints(kind)
    return kind(**{name: _checked(name, value, hints[name]) for name, value in values.items()})


def _checked(name: str, value: Any, wanted: Any) -> Any:
    """The value, lists as tuples, if it has the wanted type. Raises ValueError."""
    if get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list, got {shortened(value)}")
        if len(value) > MAX_ENTRIES:
            raise ValueError(f"{name} must have at most {MAX_ENTRIES} entries, got {len(value)}")
        entry = get_args(wanted)[0]
        return tuple(_checked(f"{name}[{i}]", v, entry) for i, v in enumerate(value))
    fits = _is_finite(value) if wanted is float else type(value) is wanted
    if wanted is int and fits and not -(2**63) <= value < 2**63:
        raise ValueError(f"{name} must fit into 64 bits, got {shortened(value)}")
    if not fits:
        raise ValueError(f"{name} must be {_KINDS[wanted]}, got {shortened(value)}")
    return value


def _is_finite(value: Any) -> bool:
    """Whether this is a finite number; true and false are none."""
    try:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False

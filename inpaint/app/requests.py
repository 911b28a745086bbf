"""What the page's own script asks for. All of it is untrusted."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from inpaint.images import FORMATS
from inpaint.inference.style import DEFAULT_STYLE, Style, check_style
from inpaint.selection import Stroke

T = TypeVar("T")

MOST_EDGE_PIXELS = 200
MOST_SHOTS = 500  # in one zip
MOST_STROKES = 100
MOST_COORDINATE = 200_000  # pixels
MOST_COORDINATES = 100_000  # of all strokes
# Types by annotation; all others are texts.
KINDS: dict[str, type] = {"int": int, "bool": bool, "list[Any]": list}
MOST_TEXT = 200  # characters of a token or name


@dataclass(frozen=True)
class TokenRequest:
    """Asks for something of a session."""

    token: str


@dataclass(frozen=True)
class StepRequest:
    """Asks for the photo of a session after its first fills."""

    token: str
    fills: int = 0
    format: str = ""  # a key of FORMATS; empty = the photo's own

    def __post_init__(self) -> None:
        if self.format and self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {self.format!r}")


@dataclass(frozen=True)
class StepsRequest:
    """Asks for photos of several sessions in one file."""

    shots: list[Any]  # what StepRequest holds
    format: str = ""
    visitor: str = ""  # name of the page, which ends with it
    job: str = ""  # name of the work, by which it is cancelled

    def __post_init__(self) -> None:
        _check_range("the number of photos", len(self.shots), 1, MOST_SHOTS)
        self.read_shots()

    def read_shots(self) -> list[StepRequest]:
        """One request for each photo. Raises ValueError for one that is not valid."""
        requests = [read_request(StepRequest, shot) for shot in self.shots]
        return [replace(request, format=self.format) for request in requests]


@dataclass(frozen=True)
class MaskRequest:
    """Asks for a mask as it would be filled."""

    token: str
    grow: int = 0  # pixels; below 0 shrinks

    def __post_init__(self) -> None:
        _check_range("grow", self.grow, -MOST_EDGE_PIXELS, MOST_EDGE_PIXELS)


@dataclass(frozen=True)
class FillRequest:
    """Asks for a fill on top of the first fills of a session."""

    token: str
    fills: int = 0
    grow: int = 0  # pixels; below 0 shrinks
    soft: int = 0  # pixels
    style: Style = DEFAULT_STYLE
    weights: str = ""  # name; empty = the default
    seed: int = 0
    candidate: bool = False  # beside the fill that there is, not in its place
    visitor: str = ""  # name of the page, which ends with it
    job: str = ""  # name of the fill, by which it is cancelled

    def __post_init__(self) -> None:
        _check_range("grow", self.grow, -MOST_EDGE_PIXELS, MOST_EDGE_PIXELS)
        _check_range("soft", self.soft, 0, MOST_EDGE_PIXELS)
        _check_range("seed", self.seed, 0, 2**31)
        check_style(self.style)


@dataclass(frozen=True)
class SelectRequest:
    """Asks for the outline of an object that strokes point at."""

    token: str
    strokes: list[Any]  # of {"points": [x0, y0, x1, y1, ...], "radius": ..., "erase": ...}
    fills: int = 0
    grow: int = 0  # pixels
    shadow: bool = False

    def __post_init__(self) -> None:
        _check_range("grow", self.grow, 0, MOST_EDGE_PIXELS)
        _check_range("the number of strokes", len(self.strokes), 1, MOST_STROKES)
        self.read_strokes()

    def read_strokes(self) -> list[Stroke]:
        """The strokes. Raises ValueError for one that is not valid."""
        strokes = [_read_stroke(stroke) for stroke in self.strokes]
        count = sum(stroke.points.size for stroke in strokes)
        _check_range("the number of coordinates", count, 2, MOST_COORDINATES)
        return strokes


@dataclass(frozen=True)
class DamageRequest:
    """Asks for the damage of the photo of a session after its first fills."""

    token: str
    fills: int = 0
    sensitivity: int = 50  # percent: 0 marks what is certain, 100 what is possible
    visitor: str = ""  # name of the page, which ends with it
    job: str = ""  # name of the search, by which it is cancelled

    def __post_init__(self) -> None:
        _check_range("sensitivity", self.sensitivity, 0, 100)


@dataclass(frozen=True)
class ChoiceRequest:
    """Asks for another candidate of the latest fill."""

    token: str
    fills: int  # with the latest one
    seed: int  # of the candidate


@dataclass(frozen=True)
class CancelRequest:
    """Asks for the end of a fill, a search for damage, or the writing of several photos."""

    job: str


@dataclass(frozen=True)
class ExampleRequest:
    """Asks for one of the examples."""

    index: int


def read_request(kind: type[T], data: Any) -> T:
    """A request from the JSON of a call. Raises ValueError for other fields, types or values."""
    if not isinstance(data, dict):
        raise ValueError(f"A call needs an object, got {type(data).__name__}")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(map(str, data)) - set(known))
    if unknown:
        raise ValueError(
            f"fields must be of {', '.join(known)}, got {', '.join(unknown)[:MOST_TEXT]}"
        )
    for name, field in known.items():
        if name not in data and field.default is MISSING:
            raise ValueError(f"{name} is missing")
        expected = KINDS.get(str(field.type), str)
        if name in data and type(data[name]) is not expected:
            raise ValueError(f"{name} must be of type {expected.__name__}")
        if expected is str and len(data.get(name, "")) > MOST_TEXT:
            raise ValueError(f"{name} must have at most {MOST_TEXT} characters")
    return kind(**data)


def _read_stroke(data: Any) -> Stroke:
    if not isinstance(data, dict) or not isinstance(data.get("points"), list):
        raise ValueError('strokes must be objects with a list "points"')
    points, radius = data["points"], data.get("radius")
    if not all(type(value) in (int, float) and math.isfinite(value) for value in (*points, radius)):
        raise ValueError("points and radius of a stroke must be finite numbers")
    if len(points) < 2 or len(points) % 2:
        raise ValueError(f"points must hold pairs of x and y, got {len(points)} numbers")
    places, width = np.array(points, float).reshape(-1, 2), float(radius)  # type: ignore[arg-type]
    if np.abs(places).max() > MOST_COORDINATE or not 0 < width <= MOST_COORDINATE:
        raise ValueError("points and radius of a stroke must be those of a photo")
    return Stroke(places, width, data.get("erase") is True)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must lie in {low} to {high}, got {value}")

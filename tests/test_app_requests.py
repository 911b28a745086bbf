"""What the page's own script may ask for."""

import pytest

from inpaint.app.requests import FillRequest, SelectRequest, StepRequest, read_request


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "A call needs an object, got NoneType"),
        ({}, "token is missing"),
        ({"token": 5}, "token must be of type str"),
        ({"token": "t", "fills": True}, "fills must be of type int"),
        ({"token": "t" * 300}, "token must have at most 200 characters"),
        ({"token": "t", "path": "/etc/passwd"}, "fields must be of token, fills, .* got path"),
        ({"token": "t", "grow": 10**9}, "grow must lie in -200 to 200, got 1000000000"),
        ({"token": "t", "soft": -1}, "soft must lie in 0 to 200, got -1"),
        ({"token": "t", "seed": 2**40}, "seed must lie in"),
        ({"token": "t", "style": "loud"}, "style must be one of natural"),
    ],
)
def test_calls_of_the_page_are_checked(data, message):
    with pytest.raises(ValueError, match=message):
        read_request(FillRequest, data)
    assert read_request(StepRequest, {"token": "t", "fills": 2}) == StepRequest("t", 2)


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([], "the number of strokes must lie in 1 to 100, got 0"),
        ([{}] * 101, "the number of strokes must lie in 1 to 100, got 101"),
        (["x"], "strokes must be objects"),
        ([{"points": "12", "radius": 1}], "strokes must be objects"),
        ([{"points": [1, 2, 3], "radius": 1}], "points must hold pairs of x and y, got 3 numbers"),
        ([{"points": [], "radius": 1}], "points must hold pairs"),
        ([{"points": [1, float("nan")], "radius": 1}], "must be finite numbers"),
        ([{"points": [1, 2], "radius": None}], "must be finite numbers"),
        ([{"points": [1, 2], "radius": 0}], "must be those of a photo"),
        ([{"points": [1, 1e9], "radius": 1}], "must be those of a photo"),
        ([{"points": [1] * 100_002, "radius": 1}], "the number of coordinates must lie in"),
    ],
)
def test_strokes_of_the_page_are_checked(strokes, message):
    with pytest.raises(ValueError, match=message):
        read_request(SelectRequest, {"token": "t", "strokes": strokes})

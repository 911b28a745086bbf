"""Settings that come from a file are checked before anything is made of them."""

from dataclasses import dataclass

import pytest

from inpaint.utils.settings import one_line, read_settings, shortened


@dataclass(frozen=True)
class Settings:
    """One field of each type."""

    count: int = 1
    share: float = 0.5
    on: bool = False
    name: str = "a"
    sizes: tuple[int, ...] = ()
    groups: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must be 0 or more, got {self.count}")


def test_values_of_the_right_types_are_taken_and_lists_become_tuples() -> None:
    values = {"count": 3, "share": 1, "on": True, "sizes": [1, 2], "groups": [[], [1, 2.5]]}
    assert read_settings(Settings, values, "test") == Settings(
        3, 1, True, "a", (1, 2), ((), (1, 2.5))
    )
    assert read_settings(Settings, {}, "test") == Settings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "test settings must be an object, got None"),
        ([1], r"test settings must be an object, got \[1\]"),
        ({"depth": 1, "width": 2}, "unknown test settings: depth, width"),
        ({"count": 1.0}, "count must be an integer, got 1.0"),
        ({"count": True}, "count must be an integer, got True"),
        ({"count": 2**63}, "count must fit into 64 bits, got 9223372036854775808"),
        ({"count": None}, "count must be an integer, got None"),
        ({"count": -1}, "count must be 0 or more, got -1"),
        ({"share": float("nan")}, "share must be a finite number, got nan"),
        ({"share": float("inf")}, "share must be a finite number, got inf"),
        ({"share": 10**400}, "share must be a finite number, got 100"),
        ({"share": "0.5"}, "share must be a finite number, got '0.5'"),
        ({"on": 1}, "on must be true or false, got 1"),
        ({"name": 1}, "name must be text, got 1"),
        ({"sizes": "12"}, "sizes must be a list, got '12'"),
        ({"sizes": [1, "2"]}, r"sizes\[1\] must be an integer, got '2'"),
        ({"sizes": [0] * 1001}, "sizes must have at most 1000 entries, got 1001"),
        ({"groups": [[1], 2]}, r"groups\[1\] must be a list, got 2"),
        ({"groups": [[1], [{}]]}, r"groups\[1\]\[0\] must be a finite number, got \{\}"),
    ],
)
def test_other_values_are_refused_by_the_name_of_their_field(values: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_settings(Settings, values, "test")


def test_a_value_in_a_message_is_short_and_printable() -> None:
    for value in ("\x1b[31m\n" * 1000, ["\u202e"] * 1000, 10**3000, {"a\n": [[[1]]] * 50}):
        text = shortened(value)
        assert text.isprintable() and len(text) <= 300
    assert one_line(" two\nlines \x1b[0m") == r"two\nlines \x1b[0m"
    assert len(one_line("x" * 1000)) == len(one_line("x\n" * 1000)) == 300

"""Addresses of Ray clusters, for which Ray itself is not needed."""

import socket
from collections.abc import Iterator

import pytest

from inpaint.batch.cluster import check_reachable


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_at_which_nothing_listens_is_named_at_once(port: int, form: str) -> None:
    check_reachable(form.format(port))
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"no Ray cluster can be reached at .*:{free}: "):
        check_reachable(form.format(free))


@pytest.mark.parametrize("address", [None, "auto", "local", "somewhere", "a:b"])
def test_other_addresses_are_left_to_ray(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    check_reachable(address)


def test_the_address_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:99999999")
    with pytest.raises(ConnectionError, match=r"at 127.0.0.1:99999999: "):
        check_reachable(None)

"""Whether a Ray cluster can be reached; Ray itself tries for two minutes and ends the process."""

from __future__ import annotations

import os
import socket

TIMEOUT = 5.0  # s


def check_reachable(address: str | None) -> None:
    """Raise ConnectionError when nothing listens at the address of a cluster.

    Args:
        address: HOST:PORT or ray://HOST:PORT, or None for that of the environment, if any. Words
            such as "auto" and "local" are Ray's business.
    """
    address = os.environ.get("RAY_ADDRESS") if address is None else address
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster can be reached at {address}: {error}") from error

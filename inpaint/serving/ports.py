"""The port that a server listens at."""

from __future__ import annotations

import socket


def free_port(host: str, port: int) -> int:
    """The port to listen at; 0 takes a free one.

    Raises OSError with what to do if it is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                f"cannot listen at {host} port {port} ({error.strerror}); "
                "choose another with --port"
            ) from error
        return int(probe.getsockname()[1])

"""How often a password may be tried."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_ADDRESSES = 10_000  # that are remembered
FORGOTTEN_AFTER = 900.0  # seconds without a try


@dataclass
class _Tries:
    count: int = 0
    last: float = 0.0
    free_at: float = 0.0  # when the next try is allowed


class Attempts:
    """Counts tries that were not followed by a success; a few are free, then each one doubles the
    wait for the next. Tries of all addresses together are slowed down, too, but less.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_address: dict[str, _Tries] = {}
        self._all = _Tries()

    def begin(self, address: str) -> float:
        """Seconds to wait before a try from `address` is allowed; 0 = now, and the try counts.

        It counts before its answer is known, so that many at once gain nothing.
        """
        now = self._clock()
        tries = self._by_address.pop(address, _Tries())
        self._by_address[address] = tries  # the latest last
        while len(self._by_address) > MOST_ADDRESSES:
            self._by_address.pop(next(iter(self._by_address)))
        wait = max(tries.free_at, self._all.free_at) - now
        if wait > 0:
            return max(1.0, wait)
        _count(tries, now, free=5, longest=60.0)
        _count(self._all, now, free=50, longest=2.0)
        return 0.0

    def succeeded(self, address: str) -> None:
        """The latest try from `address` was right."""
        self._by_address.pop(address, None)
        self._all = _Tries()


def _count(tries: _Tries, now: float, *, free: int, longest: float) -> None:
    if now - tries.last > FORGOTTEN_AFTER:
        tries.count = 0
    tries.count += 1
    tries.last = now
    if tries.count >= free:
        tries.free_at = now + min(longest, 2.0 ** min(tries.count - free, 30))

"""Which requests may wait: a bounded queue, so that overload is told at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST_SECONDS = 1.0  # what a fill is taken to last before one has ended
NEW_SHARE = 0.2  # weight of the latest fill in the mean
LONGEST_WAIT = 60  # seconds that a caller is told to stay away at most


@dataclass(eq=False)
class Place:
    """One request's place in the queue."""

    queue: Queue

    @property
    def ahead(self) -> int:
        """Requests that begin before this one does; 0 = it is being filled, or is next."""
        return max(0, self.queue.places.index(self) + 1 - self.queue.concurrency)

    def leave(self, seconds: float | None = None) -> None:
        """The request has been answered; seconds: that its fill took."""
        self.queue.places.remove(self)
        if seconds is not None:
            self.queue.mean += NEW_SHARE * (seconds - self.queue.mean)


class Queue:
    """Requests in the order of their arrival. Not for several threads: the event loop's only."""

    def __init__(self, *, size: int, concurrency: int) -> None:
        """size: requests that wait, beside `concurrency` that are filled."""
        self.size, self.concurrency = size, concurrency
        self.places: list[Place] = []
        self.mean = FIRST_SECONDS  # seconds of a fill, of the latest ones mostly

    def enter(self) -> Place | None:
        """A place at the end, or None where all are taken."""
        if self.full:
            return None
        place = Place(self)
        self.places.append(place)
        return place

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return len(self.places) >= self.size + self.concurrency

    @property
    def waiting(self) -> int:
        """Requests that wait for others."""
        return max(0, len(self.places) - self.concurrency)

    @property
    def retry_after(self) -> int:
        """Seconds in which the requests that are there will have been filled; at least 1."""
        seconds = self.mean * len(self.places) / self.concurrency
        return min(LONGEST_WAIT, max(1, math.ceil(seconds)))

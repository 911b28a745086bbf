"""The sessions of all visitors, by tokens that nobody can guess."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from inpaint.app.session import Session

MOST_SESSIONS = 1000
MOST_BYTES = 1_000_000_000  # of the fills of all sessions
SESSION_SECONDS = 6 * 3600  # without use


class SessionGone(LookupError):
    """The session has ended, or there never was one."""


class Sessions:
    """Keeps sessions until they are not used for long or there are too many; thread-safe.

    A page that is loaded again goes on with its session by its token.
    """

    def __init__(
        self,
        *,
        most: int = MOST_SESSIONS,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
        on_end: Callable[[str, Session], object] = lambda token, session: None,
    ) -> None:
        """on_end: is called with each session that has ended, and must be quick."""
        self._most, self._most_bytes, self._clock = most, most_bytes, clock
        self._on_end = on_end
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, tuple[float, Session]] = OrderedDict()  # oldest use first

    def add(self, session: Session) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._put(token, session)
        return token

    def get(self, token: str) -> Session:
        """The session of a token. Raises SessionGone."""
        return self.update(token, lambda session: session)

    def update(self, token: str, change: Callable[[Session], Session]) -> Session:
        """Puts what `change` makes of a session in its place. Raises SessionGone.

        `change` must be quick: all other sessions wait.
        """
        with self._lock:
            self._remove_old()
            if token not in self._sessions:
                raise SessionGone
            session = change(self._sessions[token][1])
            self._put(token, session)
            return session

    def remove(self, token: str) -> None:
        """Ends a session, if it is there."""
        with self._lock:
            _, session = self._sessions.pop(token, (0.0, None))
            if session is not None:
                self._on_end(token, session)

    def _put(self, token: str, session: Session) -> None:
        self._sessions[token] = self._clock(), session
        self._sessions.move_to_end(token)
        self._remove_old()

    def _remove_old(self) -> None:
        """Removes sessions that are not used any more, and the oldest beyond the limits."""
        total = sum(session.nbytes for _, session in self._sessions.values())
        oldest_use = self._clock() - SESSION_SECONDS
        while self._sessions:
            token, (used, session) = next(iter(self._sessions.items()))
            too_many = len(self._sessions) > self._most
            too_large = total > self._most_bytes and len(self._sessions) > 1
            if used > oldest_use and not too_many and not too_large:
                return
            total -= session.nbytes
            del self._sessions[token]
            self._on_end(token, session)

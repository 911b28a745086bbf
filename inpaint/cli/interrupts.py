"""Ctrl-C: once to stop in order, twice to stop at once; exit code 130 both times."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 128 + signal.SIGINT


@contextmanager
def stoppable(prog: str) -> Iterator[None]:
    """Inside, the first Ctrl-C raises KeyboardInterrupt and a second one ends the process.

    It ends without waiting for threads: those that compute would abort it with exit code 134.
    Does nothing in another thread than the main one, or where Ctrl-C is ignored, as by nohup.
    """
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before in (signal.SIG_IGN, None):
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGINT, end)
        _say(f"{prog}: stopping, what has begun is finished; Ctrl-C again stops at once\n")
        raise KeyboardInterrupt

    def end(number: int, _: FrameType | None) -> None:
        _say(f"{prog}: stopped at once\n")
        os._exit(EXIT_CODE)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is stop:  # else the end of the process is near
            signal.signal(signal.SIGINT, before)


def _say(text: str) -> None:
    """Unlike print, which the signal may have interrupted."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())

"""How runs end before their last step: by a signal, in order, or by a loss that is not finite."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class NonFiniteLossError(RuntimeError):
    """A loss that is infinite or not a number; the message names the terms."""


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a run; its state is saved."""

    def __init__(self, signum: int, folder: Path) -> None:
        super().__init__(f"stopped, saved in {folder}; go on with --resume")
        self.signum = signum


class StopSignals:
    """Inside the context the first Ctrl-C or SIGTERM is only noted, so that the step at hand can
    be finished and saved; a second one acts as it does outside.

    Does nothing when entered from another thread than the main one, where Python has no signals.
    """

    def __init__(self) -> None:
        self.received = 0  # number of the signal
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that is not Python's, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # type: ignore[arg-type]
        self._previous = {}

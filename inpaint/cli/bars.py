"""What is shown while a run goes on."""

from __future__ import annotations

import argparse
import sys
import threading
from typing import Literal

from tqdm import tqdm

from inpaint.batch.records import Record, Task

Verbosity = Literal["quiet", "usual", "verbose"]

FEW = 100  # pictures of which tenths are shown, as each may take long


def verbosity_of(arguments: argparse.Namespace) -> Verbosity:
    """Of the options of `add_verbosity`."""
    if arguments.quiet:
        return "quiet"
    return "verbose" if arguments.verbose else "usual"


class Bar:
    """A bar over all pictures, which moves inside a large picture, too; on a terminal only."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        """quiet: Show none at all."""
        tenths = 1 if total < FEW else 0
        self._bar = tqdm(
            total=total,
            unit="picture",
            smoothing=0.05,
            disable=True if quiet else None,
            bar_format=f"{{l_bar}}{{bar}}| {{n:.{tenths}f}}/{{total_fmt}} "
            "[{elapsed}<{remaining}, {rate_fmt}{postfix}]",
        )
        self._lock = threading.Lock()
        self._shares: dict[str, float] = {}  # of pictures in work, by output
        self._failed = 0

    @property
    def count(self) -> float:
        """Pictures that are done, shares of those in work included; 0 without a terminal."""
        return float(self._bar.n)

    def move(self, task: Task, share: float) -> None:
        """A share of a picture is done, 0 to 1; from any thread."""
        with self._lock:
            self._bar.update(share - self._shares.get(task.output, 0.0))
            self._shares[task.output] = share

    def done(self, record: Record) -> None:
        """A picture is done, or failed."""
        with self._lock:
            self._failed += record.status == "failed"
            self._bar.set_postfix(failed=self._failed, refresh=False)
            self._bar.update(1.0 - self._shares.pop(record.output or "", 0.0))

    def write(self, text: str) -> None:
        """Print a line on stderr, above the bar."""
        with self._lock:
            self._bar.write(text, file=sys.stderr)

    def close(self) -> None:
        """The bar stays where it is."""
        self._bar.close()

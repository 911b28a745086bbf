"""The report of a run: a JSON object a line and image, and the sums of it all."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from types import TracebackType

from inpaint.batch.records import Record, Status

REPORT_NAME = "report.jsonl"  # in an output folder

MOST_FAILURES = 10  # that the summary lists


class Report:
    """A JSONL file that is complete after every line.

    A killed run's file can be continued: what it cut short goes. On a full disk lines wait in
    memory until there is room again; `error` says why some wait still. Raises ValueError for a
    path that cannot be written to.
    """

    def __init__(self, path: str | None, *, resume: bool = False) -> None:
        """path: None writes nothing."""
        path = os.devnull if path is None else path
        self.error: OSError | None = None
        self._waiting = bytearray()
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            if resume and os.path.isfile(path):
                _drop_last_line_if_cut(path)
            self._file = open(path, "ab" if resume else "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ValueError(f"the report {path} cannot be written: {error.strerror}") from error

    def write(self, record: Record) -> None:
        """Append a line for the record; a failing disk is kept in `error`."""
        row = {key: value for key, value in asdict(record).items() if value not in (None, "", ())}
        # ASCII: names that are not UTF-8 stay what they are.
        self._waiting += (json.dumps(row) + "\n").encode("ascii")
        self._write_waiting()

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: self._file.write(self._waiting)]
            self.error = None
        except OSError as error:
            self.error = error

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write_waiting()
        self._file.close()


@dataclass
class Summary:
    """Counts of a run, and its first failures."""

    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[Record] = field(default_factory=list)  # at most MOST_FAILURES
    start: float = field(default_factory=time.perf_counter)

    def add(self, record: Record) -> None:
        """Count a record."""
        self.counts[record.status] += 1
        if record.status == "failed" and len(self.failures) < MOST_FAILURES:
            self.failures.append(record)

    @property
    def exit_code(self) -> int:
        """0 when all images were filled or skipped, 1 when some failed."""
        return 1 if self.counts["failed"] else 0

    def lines(self) -> list[str]:
        """The failures, then the sums, as text for people."""
        lines = [f"failed: {printable(f.image)}: {printable(f.message)}" for f in self.failures]
        more = self.counts["failed"] - len(self.failures)
        if more:
            lines.append(f"failed: {more} more")
        seconds = time.perf_counter() - self.start
        worked = self.counts["done"] + self.counts["failed"]
        sums = ", ".join(f"{self.counts[s]} {s}" for s in ("done", "skipped", "failed"))
        lines.append(f"{sums} in {seconds:.1f} s ({worked / max(seconds, 1e-9):.2f} pictures/s)")
        return lines


def printable(text: str) -> str:
    """Text of one line for any terminal: file names hold newlines and bytes that are no text."""
    return (
        text.encode("unicode_escape", "surrogatepass").decode() if not text.isprintable() else text
    )


def _drop_last_line_if_cut(path: str) -> None:
    with open(path, "rb+") as file:
        data = file.read()
        if not data.endswith(b"\n"):
            file.truncate(data.rfind(b"\n") + 1)

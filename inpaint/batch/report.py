"""The report of a run: a JSON object a line and image, and the sums of it all."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import IO

from inpaint.batch.records import Record, Status
from inpaint.utils.locks import locked

REPORT_NAME = "report.jsonl"  # in an output folder

MOST_FAILURES = 10  # that the summary lists
MOST_REASONS = 100  # for which pictures were skipped, that are counted one by one
MOST_SHOWN = 5  # reasons or kinds of odd masks that the summary shows
LONGEST_LINE = 1 << 20  # bytes of a line that is looked at to know a report
BLOCK = 1 << 12  # bytes that are read at a time in search of a line's end


class Report:
    """A JSONL file that is complete after every line; runs add to what is there.

    Several runs may write to one file at a time: a line is appended whole, under the file's lock.
    Of several lines for a picture the last counts. What a killed run cut short goes. On a full
    disk lines wait in memory until there is room again; `error` says why some wait still. Raises
    ValueError for a path that cannot be written to, or holds something else than a report.
    """

    def __init__(self, path: str | None) -> None:
        """path: None writes nothing."""
        path = os.devnull if path is None else path
        self.error: OSError | None = None
        self._waiting = bytearray()
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            self._regular = os.path.isfile(path) or not os.path.exists(path)
            if self._regular:
                _check_is_report(path)
            mode = "ab+" if self._regular else "ab"
            self._file = open(path, mode, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ValueError(f"the report {path} cannot be written: {error.strerror}") from error

    def write(self, record: Record) -> None:
        """Append a line for the record; a failing disk is kept in `error`."""
        row = {key: value for key, value in asdict(record).items() if value not in (None, "", ())}
        # ASCII: names that are not UTF-8 stay what they are.
        self._waiting += (json.dumps(row) + "\n").encode("ascii")
        self._write_waiting()

    def _write_waiting(self) -> None:
        """Append all lines that wait. What is cut short is written again, as a whole line."""
        if not self._waiting:
            return
        written = 0
        with locked(self._file):
            try:
                if self._regular:
                    _drop_cut_line(self._file)
                while written < len(self._waiting):
                    written += self._file.write(self._waiting[written:])
                self.error = None
            except OSError as error:
                self.error = error
        del self._waiting[: self._waiting.rfind(b"\n", 0, written) + 1]

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
    """Counts of a run, its first failures, and what is odd."""

    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[Record] = field(default_factory=list)  # at most MOST_FAILURES
    skipped: Counter[str] = field(default_factory=Counter)  # by reason, at most MOST_REASONS
    suspicious: list[Record] = field(default_factory=list)  # the first of each kind of mask
    odd_masks: int = 0
    unchanged: int = 0  # images that were copied, as their holes are empty
    with_frames: int = 0  # images of which one of several frames was filled
    frames_left: int = 0
    start: float = field(default_factory=time.perf_counter)

    def add(self, record: Record) -> None:
        """Count a record."""
        self.counts[record.status] += 1
        if record.status == "failed" and len(self.failures) < MOST_FAILURES:
            self.failures.append(record)
        if record.status == "skipped":
            known = record.message in self.skipped or len(self.skipped) < MOST_REASONS
            self.skipped[record.message if known else "other reasons"] += 1
        if record.status == "done":
            self._add_done(record)

    def _add_done(self, record: Record) -> None:
        self.unchanged += record.hole_ratio == 0
        self.with_frames += record.frames_left is not None
        self.frames_left += record.frames_left or 0
        if not record.suspicious:
            return
        self.odd_masks += 1
        kinds = {_kind(other) for other in self.suspicious}
        if _kind(record) not in kinds and len(kinds) < MOST_REASONS:
            self.suspicious.append(record)

    @property
    def exit_code(self) -> int:
        """0 when all images were filled or skipped, 1 when some failed."""
        return 1 if self.counts["failed"] else 0

    def lines(self) -> list[str]:
        """The failures, what is odd, then the sums, as text for people."""
        return [*self.failed_lines(), *self._odd_lines(), self._sums()]

    def failed_lines(self) -> list[str]:
        """The failures alone."""
        lines = [f"failed: {printable(f.image)}: {printable(f.message)}" for f in self.failures]
        more = self.counts["failed"] - len(self.failures)
        if more:
            lines.append(f"failed: {more} more")
        return lines

    def _odd_lines(self) -> Iterator[str]:
        for message, count in self.skipped.most_common(MOST_SHOWN):
            yield f"skipped: {count} x {printable(message)}"
        if self.unchanged:
            yield f"unchanged: {self.unchanged} x the hole is empty, so the file was copied"
        if self.odd_masks:
            yield f"suspicious masks: {self.odd_masks}, such as"
        for record in self.suspicious[:MOST_SHOWN]:
            yield f"  {printable(record.image)}: {printable('; '.join(record.notes))}"
        if self.frames_left:
            frames = f"{self.frames_left} further frames or pages of {self.with_frames} pictures"
            yield f"passed over: {frames}"

    def _sums(self) -> str:
        seconds = time.perf_counter() - self.start
        worked = self.counts["done"] + self.counts["failed"]
        sums = ", ".join(f"{self.counts[s]} {s}" for s in ("done", "skipped", "failed"))
        return f"{sums} in {seconds:.1f} s ({worked / max(seconds, 1e-9):.2f} pictures/s)"


def _kind(record: Record) -> str:
    """The notes of a record without the numbers in them."""
    return re.sub(r"[\d.]+", "", "; ".join(record.notes))


def printable(text: str) -> str:
    """Text of one line for any terminal: file names hold newlines and bytes that are no text."""
    return (
        text.encode("unicode_escape", "surrogatepass").decode() if not text.isprintable() else text
    )


def _check_is_report(path: str) -> None:
    """Raises ValueError for a file with something else in it, such as a manifest."""
    try:
        with open(path, "rb") as file:
            line = file.readline(LONGEST_LINE)
    except FileNotFoundError:
        return
    try:
        row = json.loads(line or b'{"status": null}')
    except ValueError:
        cut = not line.endswith(b"\n") and line.startswith(b'{"image": "')
        row = {"status": None} if cut else None
    if not isinstance(row, dict) or "status" not in row:
        raise ValueError(f"{path} exists and is not a report; choose another one by --report")


def _drop_cut_line(file: IO[bytes]) -> None:
    """Remove what follows the last whole line of a file."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - (BLOCK if end < size else 1))  # nearly always the last byte will do
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)

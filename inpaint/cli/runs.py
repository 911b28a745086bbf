"""What the runs of `inpaint fill` and `inpaint detect` share: report, bar, exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress

from inpaint.batch import files
from inpaint.batch.memory import OWN_MEMORY
from inpaint.batch.plan import Plan
from inpaint.batch.records import Record
from inpaint.batch.report import REPORT_NAME, Report, Summary, printable
from inpaint.batch.request import Request
from inpaint.cli.bars import Bar, Verbosity
from inpaint.utils.files import remove_leftovers


def report_path(path: str | None, request: Request) -> str | None:
    """Where the report goes; a single image and a manifest with outputs have none unless asked.

    Raises ValueError for a name that could be that of something else.
    """
    if path is not None:
        if not path.endswith(".jsonl") or files.is_remote(path):
            raise ValueError(f"--report must be a local path that ends with .jsonl, got {path}")
    elif request.output is not None and not request.single:
        name = _report_name(request)
        path = name if files.is_remote(request.output) else files.join(request.output, name)
    inputs = (*request.inputs, request.mask, request.exclude)
    if path is not None and any(_same_file(path, other) for other in inputs if other):
        raise ValueError(f"the report {path} would overwrite an input; choose another --report")
    return path


def _report_name(request: Request) -> str:
    """Each shard has its own, as locks may not reach from one machine to another."""
    if request.shard is None:
        return REPORT_NAME
    stem, ending = os.path.splitext(REPORT_NAME)
    return f"{stem}-{request.shard.number}-of-{request.shard.count}{ending}"


def max_pixels(megapixels: float) -> int:
    """The pixels that --max-megapixels allows. Raises ValueError."""
    pixels = megapixels * 1e6
    if not 1 <= pixels < 2**40:  # also refuses NaN
        raise ValueError(f"--max-megapixels must be above 0 and finite, got {megapixels:g}")
    return round(pixels)


def image_memory(gigabytes: float | None) -> int | None:
    """The bytes for images that --max-memory leaves; None where it is not given.

    Raises ValueError for less than the program itself takes.
    """
    if gigabytes is None:
        return None
    if not OWN_MEMORY < 1e9 * gigabytes < 2**60:  # also refuses NaN
        least = OWN_MEMORY / 1e9
        raise ValueError(
            f"--max-memory must be above {least:g} GB, which the network and the libraries take, "
            f"got {gigabytes:g}"
        )
    return round(1e9 * gigabytes) - OWN_MEMORY


def _same_file(path: str, other: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samefile(path, other)
    return False


def follow(
    records: Iterator[Record],
    plan: Plan,
    request: Request,
    report: str | None,
    *,
    bar: Bar | None = None,
    verbosity: Verbosity = "usual",
) -> int:
    """Let the engine work, write the report, and print the sums; returns the exit code 0 or 1.

    Args:
        records: Of the engine, one for each task of the plan.
        plan: What is done.
        request: What the plan was made from.
        report: Path of the report, or None for none.
        bar: Moved by each record; None = none is shown.
        verbosity: How much is printed.
    """
    for folder in plan.local_folders():
        remove_leftovers(folder)
    with Report(report) as lines:
        summary = _follow(records, plan, lines, bar, verbosity, single=request.single)
    if verbosity == "quiet":
        texts = summary.failed_lines()
    elif request.single and not summary.failures:
        texts = []
    else:
        where = f"; report: {report}" if report else ""
        *others, sums = summary.lines()
        texts = [*others, sums + where]
    if texts:
        print(*texts, sep="\n", file=sys.stderr)
    if lines.error is not None:
        print(f"the report lacks its last lines: {lines.error.strerror}", file=sys.stderr)
        return 1
    return summary.exit_code


def _follow(
    records: Iterator[Record],
    plan: Plan,
    report: Report,
    bar: Bar | None,
    verbosity: Verbosity,
    *,
    single: bool,
) -> Summary:
    """Write the report and move the bar while the engine works."""
    summary = Summary()

    def take(record: Record) -> None:
        summary.add(record)
        report.write(record)
        if bar is not None:
            bar.done(record)
        for line in _lines(record, verbosity, single=single):
            print_line(line) if bar is None else bar.write(line)

    for record in plan.settled:
        summary.add(record)
        report.write(record)
    taken: Record | None = None
    try:
        for taken in records:
            take(taken)
    except KeyboardInterrupt:
        if taken is not None:  # perhaps once more: the last line of a picture counts
            report.write(taken)
        for begun in _begun(records):
            take(begun)
        raise
    finally:
        if bar is not None:
            bar.close()
    return summary


def _begun(records: Iterator[Record]) -> Iterator[Record]:
    """What an engine has begun: interrupted, it finishes that and begins no more."""
    if isinstance(records, Generator):
        with suppress(KeyboardInterrupt, StopIteration):
            yield records.throw(KeyboardInterrupt())
            yield from records


def _lines(record: Record, verbosity: Verbosity, *, single: bool) -> Iterator[str]:
    """What is printed about a picture when it is done."""
    if verbosity == "verbose":
        seconds = f" in {record.seconds:.2f} s" if record.seconds is not None else ""
        where = f" -> {record.output}" if record.status == "done" else ""
        yield printable(f"{record.status}{seconds}: {record.image}{where}")
        if record.message:
            yield f"  {printable(record.message)}"
    if verbosity == "verbose" or (single and verbosity == "usual"):
        yield from (f"note: {printable(note)}" for note in record.notes)


def print_line(text: str) -> None:
    """Print on stderr, as stdout is for pictures and manifests."""
    print(text, file=sys.stderr)

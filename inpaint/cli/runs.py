"""What the runs of `inpaint fill` and `inpaint detect` share: report, bar, exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tqdm import tqdm

from inpaint.batch import files
from inpaint.batch.plan import Plan
from inpaint.batch.records import Record
from inpaint.batch.report import REPORT_NAME, Report, Summary
from inpaint.batch.request import Request
from inpaint.utils.files import remove_leftovers


def report_path(path: str | None, request: Request) -> str | None:
    """Where the report goes; a single image and a manifest with outputs have none unless asked.

    Raises ValueError for a name that could be that of something else.
    """
    if path is not None:
        if not path.endswith(".jsonl") or files.is_remote(path):
            raise ValueError(f"--report must be a local path that ends with .jsonl, got {path}")
    elif request.output is not None and not request.single:
        remote = files.is_remote(request.output)
        path = (
            _report_name(request) if remote else files.join(request.output, _report_name(request))
        )
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


def _same_file(path: str, other: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samefile(path, other)
    return False


@contextmanager
def device_errors(device: str | None) -> Iterator[None]:
    """Turns what torch raises for a device that is not there into a ValueError with its name."""
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {device}: {error}") from error


def follow(records: Iterator[Record], plan: Plan, request: Request, report: str | None) -> int:
    """Let the engine work, write the report, and print the sums; returns the exit code 0 or 1.

    Args:
        records: Of the engine, one for each task of the plan.
        plan: What is done.
        request: What the plan was made from.
        report: Path of the report, or None for none.
    """
    for folder in plan.local_folders():
        remove_leftovers(folder)
    with Report(report) as lines:
        summary = _follow(records, plan, lines, quiet=request.single)
    where = f"; report: {report}" if report else ""
    if not request.single or summary.failures:
        print("\n".join(summary.lines()) + where, file=sys.stderr)
    if lines.error is not None:
        print(f"the report lacks its last lines: {lines.error.strerror}", file=sys.stderr)
        return 1
    return summary.exit_code


def _follow(records: Iterator[Record], plan: Plan, report: Report, *, quiet: bool) -> Summary:
    """Write the report and move the bar while the engine works."""
    summary = Summary()
    bar = tqdm(
        total=len(plan.tasks), unit="picture", smoothing=0.05, disable=True if quiet else None
    )
    with bar:
        for record in plan.settled:
            summary.add(record)
            report.write(record)
        for record in records:
            summary.add(record)
            report.write(record)
            bar.set_postfix(failed=summary.counts["failed"], refresh=False)
            bar.update()
            if quiet and record.notes:
                print(*(f"note: {note}" for note in record.notes), sep="\n", file=sys.stderr)
    return summary

"""What the runs of `inpaint fill` and `inpaint detect` share: report, bar, exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from inpaint.batch import files
from inpaint.batch.leftovers import clean_folders
from inpaint.batch.memory import OWN_MEMORY
from inpaint.batch.plan import Plan, Request
from inpaint.batch.records import Record
from inpaint.batch.report import REPORT_NAME, Report, Summary


def report_path(path: str | None, request: Request) -> str | None:
    """Where the report goes; a single image and a manifest with outputs have none unless asked.

    Raises ValueError for a name that could be that of something else.
    """
    if path is not None:
        if not path.endswith(".jsonl") or files.is_remote(path):
            raise ValueError(f"--report must be a local path that ends with .jsonl, got {path}")
        return path
    if request.output is None or request.single:
        return None
    return (
        REPORT_NAME if files.is_remote(request.output) else files.join(request.output, REPORT_NAME)
    )


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
    with clean_folders(plan.outputs()), Report(report, resume=request.skip_existing) as lines:
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

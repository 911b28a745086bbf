"""Many photos at once: the engine behind `inpaint fill`, with uploads around it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image, UnidentifiedImageError

from inpaint.app.archive import ArchiveLimits, pack, unpack
from inpaint.app.handlers import Limits
from inpaint.app.models import Models
from inpaint.app.previews import new_file
from inpaint.batch import PlanError, Record, Request, Settings, make_plan
from inpaint.batch.report import Report, Summary
from inpaint.batch.run import run_single

Row = list[str]  # image, what became of it, remarks


@dataclass(frozen=True)
class BatchResult:
    """What a batch gave."""

    archive: Path  # results with their report.jsonl
    rows: list[Row]
    text: str  # the sums in one sentence


def fill_batch(
    photos: list[str],
    masks: list[str],
    models: Models,
    limits: Limits,
    *,
    grow: int = 0,
    report: Callable[[int, int], None],
) -> BatchResult:
    """The photos filled: uploads and zips of them, by one mask for all, or one for each.

    Without masks, they are looked for among the photos: in a folder `masks`, or as
    NAME_mask. report: takes how many photos are done, and of how many.

    Raises ValueError for uploads that cannot be matched or are beyond the limits.
    """
    if not photos:
        raise ValueError("There are no photos yet: drop several, or a zip of them")
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="batch-") as name:
        folder = Path(name)
        request = _request(photos, masks, folder, limits)
        try:
            plan = make_plan(request)
        except PlanError as error:
            raise ValueError(_without(folder, str(error))) from error
        inpainter = models.inpainter(models.default)
        # One by one, with all cores for each: fills of other visitors get their turns in between.
        settings = Settings(grow=grow)
        records = (
            record for task in plan.tasks for record in run_single(task, inpainter, settings)
        )
        summary, rows = Summary(), []
        with Report(str(folder / "results" / "report.jsonl")) as lines:
            for record in _counted(plan.settled, records, len(plan.tasks), report):
                record = _relative(record, folder)
                summary.add(record)
                lines.write(record)
                rows.append(_row(record))
        archive = new_file("inpainted.zip")
        pack(folder / "results", archive)
    return BatchResult(archive, sorted(rows), summary.lines()[-1])


def _request(photos: list[str], masks: list[str], folder: Path, limits: Limits) -> Request:
    """Unpacks the uploads into `folder`, and says what to do with them."""
    archive_limits = ArchiveLimits(limits.max_files, limits.max_batch_bytes, limits.max_file_bytes)
    unpack(map(Path, photos), folder / "photos", archive_limits)
    if masks:
        unpack(map(Path, masks), folder / "masks", archive_limits)
        found = [path for path in (folder / "masks").rglob("*") if path.is_file()]
        mask = found[0] if len(found) == 1 else folder / "masks"
    else:
        inner = [path for path in (folder / "photos").rglob("masks") if path.is_dir()]
        mask = inner[0] if inner else folder / "photos"
    for path in folder.rglob("*"):
        if path.is_file():
            _check_pixels(path, limits.max_pixels)
    return Request((str(folder / "photos"),), mask=str(mask), output=str(folder / "results"))


def _check_pixels(path: Path, most: int) -> None:
    """Raises ValueError for an image of more than `most` pixels; its header is read only."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path.name} has too many pixels") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return  # whatever is wrong with it will be in the report
    if width * height > most:
        raise ValueError(
            f"{path.name} has {width} x {height} pixels, more than the limit of {most}"
        )


def _counted(
    settled: list[Record],
    records: Iterator[Record],
    total: int,
    report: Callable[[int, int], None],
) -> Iterator[Record]:
    yield from settled
    report(0, total)
    for done, record in enumerate(records, 1):
        report(done, total)
        yield record


def _relative(record: Record, folder: Path) -> Record:
    """The record with paths as the visitor knows them."""
    image, mask, output = (
        _known(path, folder) for path in (record.image, record.mask, record.output)
    )
    message = _without(folder, record.message)
    return dataclasses.replace(
        record, image=image or record.image, mask=mask, output=output, message=message
    )


def _known(path: str | None, folder: Path) -> str | None:
    return None if path is None else _without(folder, path)


def _row(record: Record) -> Row:
    return [record.image, record.status, "; ".join((record.message, *record.notes)).strip("; ")]


def _without(folder: Path, text: str) -> str:
    """A message without the server's own folders."""
    for inner in ("photos", "masks", "results"):
        text = text.replace(f"{folder / inner}/", "")
    return text.replace(f"{folder}/", "")

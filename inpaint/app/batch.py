"""Many photos at once: the engine behind `inpaint fill`, with uploads around it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image, UnidentifiedImageError

from inpaint.app.archive import ArchiveLimits, pack, unpack
from inpaint.app.handlers import Limits
from inpaint.app.previews import new_file, write_thumbnail
from inpaint.app.visitors import Cancelled
from inpaint.batch import PlanError, Record, Request, Settings, make_plan
from inpaint.batch.records import Task
from inpaint.batch.report import Report, Summary
from inpaint.batch.run import run_single
from inpaint.images import read_image
from inpaint.inference.style import DEFAULT_STYLE, Style, check_style
from inpaint.serving.models import Models

MOST_PICTURES = 60  # that are shown of a batch
PICTURE_SIDE = 320  # pixels

Row = list[str]  # image, what became of it, remarks


@dataclass(frozen=True)
class BatchOptions:
    """How the photos of a batch are filled: options of `inpaint fill`. Raises ValueError."""

    grow: int = 0  # pixels; below 0 shrinks
    invert: bool = False  # white in a mask means keep
    skip_unmasked: bool = False  # leave out photos without a mask
    style: Style = DEFAULT_STYLE
    seed: int = 0
    format: str = ""  # a key of FORMATS; empty = each photo's own
    quality: int = 0  # 1 to 100 for formats with loss; 0 = as the photo

    def __post_init__(self) -> None:
        check_style(self.style)


@dataclass(frozen=True)
class BatchResult:
    """What a batch gave."""

    archive: Path  # results with their report.jsonl
    pictures: list[tuple[Path, str]]  # small ones of the first results, with their names
    rows: list[Row]
    text: str  # the sums in one sentence


def fill_batch(
    photos: list[str],
    masks: list[str],
    models: Models,
    limits: Limits,
    *,
    exclude: Sequence[str] = (),
    options: BatchOptions | None = None,
    report: Callable[[float, int], None],
) -> BatchResult:
    """The photos filled: uploads and zips of them, by one mask for all, or one for each.

    Without masks, they are looked for among the photos: in a folder `masks`, or as
    NAME_mask. A batch that is cancelled gives what was filled before.

    Args:
        photos, masks: Uploaded files.
        models: Of which the default fills.
        limits: Of a batch.
        exclude: Masks of what texture is not copied from: one for all, or one for each.
        options: How the photos are filled.
        report: Takes how many photos are done, as a fraction within one, and of how many. It may
            raise Cancelled.

    Raises:
        ValueError: Uploads that cannot be matched or are beyond the limits.
        Cancelled: By `report`, before any photo was filled.
    """
    options = BatchOptions() if options is None else options
    if not photos:
        raise ValueError("There are no photos yet: drop several, or a zip of them")
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="batch-") as name:
        folder = Path(name)
        request = _request(photos, masks, exclude, folder, limits, options)
        try:
            plan = make_plan(request)
        except PlanError as error:
            raise ValueError(_without(folder, str(error))) from error
        inpainter = models.with_options(style=options.style, seed=options.seed)
        # One by one, with all cores for each: fills of other visitors get their turns in between.
        settings = Settings(options.invert, options.grow, options.quality or None)
        fill = partial(run_single, inpainter=inpainter, settings=settings)
        return _collected(chain(plan.settled, _filled(plan.tasks, fill, report)), folder)


def _collected(records: Iterable[Record], folder: Path) -> BatchResult:
    """The records' report and the results below `folder`.

    Raises:
        Cancelled: By `records`, before any photo was filled.
    """
    summary, rows = Summary(), []
    pictures: list[tuple[Path, str]] = []
    prefix = ""
    with Report(str(folder / "results" / "report.jsonl")) as lines:
        try:
            for record in records:
                if record.status == "done" and len(pictures) < MOST_PICTURES:
                    small = write_thumbnail(read_image(record.output or ""), PICTURE_SIDE)
                    pictures.append((small, _without(folder, record.image)))
                record = _relative(record, folder)
                summary.add(record)
                lines.write(record)
                rows.append(_row(record))
        except Cancelled:
            if not summary.counts["done"]:
                raise
            prefix = "Cancelled: "
    archive = new_file("inpainted.zip")
    pack(folder / "results", archive)
    return BatchResult(archive, pictures, sorted(rows), prefix + summary.lines()[-1])


def _request(
    photos: list[str],
    masks: list[str],
    exclude: Sequence[str],
    folder: Path,
    limits: Limits,
    options: BatchOptions,
) -> Request:
    """Unpacks the uploads into `folder`, and says what to do with them."""
    archive_limits = ArchiveLimits(limits.max_files, limits.max_batch_bytes, limits.max_file_bytes)
    unpack(map(Path, photos), folder / "photos", archive_limits)
    excluding = None
    if exclude:
        unpack(map(Path, exclude), folder / "exclude", archive_limits)
        excluding = str(_one_or_all(folder / "exclude"))
    if masks:
        unpack(map(Path, masks), folder / "masks", archive_limits)
        mask = _one_or_all(folder / "masks")
    else:
        inner = [path for path in (folder / "photos").rglob("masks") if path.is_dir()]
        mask = inner[0] if inner else folder / "photos"
    for path in folder.rglob("*"):
        if path.is_file():
            _check_pixels(path, limits.max_pixels)
    return Request(
        (str(folder / "photos"),),
        mask=str(mask),
        output=str(folder / "results"),
        format=options.format or None,
        skip_unmasked=options.skip_unmasked,
        exclude=excluding,
    )


def _one_or_all(folder: Path) -> Path:
    """The only file in a folder, or the folder."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return found[0] if len(found) == 1 else folder


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


def _filled(
    tasks: Sequence[Task],
    fill: Callable[..., Iterator[Record]],
    report: Callable[[float, int], None],
) -> Iterator[Record]:
    """Records of tasks, one after the other. fill: run_single for a task."""
    for done, task in enumerate(tasks):
        report(done, len(tasks))
        yield from fill(task, on_progress=lambda share, done=done: report(done + share, len(tasks)))
    report(len(tasks), len(tasks))


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
    for inner in ("photos", "masks", "exclude", "results"):
        text = text.replace(f"{folder / inner}/", "")
    return text.replace(f"{folder}/", "")

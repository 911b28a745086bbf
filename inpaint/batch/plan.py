"""The plan of a run: what to fill, by which mask, into which file; checked before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from inpaint.batch import files
from inpaint.batch.find import Found, find_images, is_list
from inpaint.batch.match import USUAL_SUFFIXES, MaskError, MaskMatcher
from inpaint.batch.records import DETECTED, NO_FILES, Record, Status, Task
from inpaint.batch.report import printable
from inpaint.images import FORMATS, check_format, format_of

MOST_PROBLEMS = 100  # that an error message lists


class PlanError(ValueError):
    """A run cannot be started; `problems` has one sentence for each image concerned."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        shown = [printable(problem) for problem in problems[:MOST_PROBLEMS]]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        heading = f"nothing was written, because of {len(problems)} problems:\n  "
        super().__init__(shown[0] if len(problems) == 1 else heading + "\n  ".join(shown))


@dataclass(frozen=True)
class Request:
    """What to fill, as asked for. Raises ValueError."""

    inputs: tuple[str, ...]  # see find_images
    mask: str | None = None  # a file, a folder, or one of NO_FILES; None: the manifest says it
    output: str | None = None  # a folder, or a file for a single image; None: as the mask
    mask_suffix: str | None = None  # behind the stem of a mask's name; None: USUAL_SUFFIXES
    format: str | None = None  # a key of FORMATS; None: as the output is called, or the source
    skip_existing: bool = False
    overwrite: bool = False
    skip_unmasked: bool = False  # leave out images that have no mask
    limit: int | None = None  # images to fill at most
    exclude: str | None = None  # as `mask`: what texture is not copied from
    keep_masks: str | None = None  # folder for masks that are DETECTED

    def __post_init__(self) -> None:
        if self.skip_existing and self.overwrite:
            raise ValueError("choose one of skip_existing and overwrite")
        if self.keep_masks is not None and self.mask != DETECTED:
            raise ValueError("keep_masks needs masks that are detected")
        if self.exclude in NO_FILES:
            raise ValueError(f"exclude must be a mask or a folder of masks, got {self.exclude!r}")
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {self.format!r}")
        if self.format is not None:
            check_format(self.format)
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be 1 or more, got {self.limit}")

    @property
    def single(self) -> bool:
        """Whether one image goes into a file, not into a folder."""
        if self.output is None or len(self.inputs) > 1:
            return False
        if is_list(self.inputs[0]) or not _is_image(self.inputs[0]):
            return False
        called_file = os.path.splitext(self.output)[1] and not self.output.endswith(("/", os.sep))
        return bool(called_file) and not files.is_folder(self.output)


@dataclass(frozen=True)
class Plan:
    """`tasks` are to be done; `settled` needs no work: skipped, or cannot be looked at."""

    tasks: list[Task]
    settled: list[Record]

    def outputs(self) -> Iterator[str]:
        """Paths of all outputs, those that exist already included."""
        yield from (task.output for task in self.tasks)
        yield from (record.output for record in self.settled if record.output)


def make_plan(request: Request) -> Plan:
    """The plan of a request. Nothing is written, and no image is opened.

    Raises PlanError that names every name clash, missing mask, output that is an input or exists
    already, and output folder that cannot be written to; FileNotFoundError or ValueError
    for inputs or masks that are not there.
    """
    files.forget()
    planned: list[Task] = []
    settled: list[Record] = []
    problems: list[str] = []
    excluding = MaskMatcher(request.exclude, ("",), kind="exclude mask")
    for entry in _images_and_masks(request, problems):
        if isinstance(entry, Record):
            settled.append(entry)
            continue
        found, mask = entry
        try:
            task = _task(found, mask, request)
            kept = _kept_mask(found, request)
            planned.append(replace(task, exclude=_exclude(found, excluding), mask_output=kept))
        except ValueError as error:
            problems.append(str(error))
    if not (planned or settled or problems):
        raise PlanError([f"there are no pictures in {', '.join(request.inputs)}"])
    problems += _clashes(planned)
    problems += _unwritable(planned)
    tasks = []
    for task in planned:
        existing = [path for path in _outputs(task) if files.exists(path)]
        if os.path.isdir(task.output):
            problems.append(f"{task.image}: its output {task.output} is a folder")
        elif request.overwrite or not existing:
            tasks.append(task)
        elif not request.skip_existing:
            problems.append(f"{existing[0]} exists; choose --skip-existing or --overwrite")
        elif task.output in existing:
            settled.append(_skipped(task, "the output exists"))
        else:  # a killed run has written the mask only
            tasks.append(task)
    if problems:
        raise PlanError(problems)
    return Plan(tasks[: request.limit], settled)


def _images_and_masks(
    request: Request, problems: list[str]
) -> Iterator[Record | tuple[Found, str]]:
    suffixes = USUAL_SUFFIXES if request.mask_suffix is None else (request.mask_suffix,)
    matcher = MaskMatcher(request.mask, suffixes)
    folders = {os.path.realpath(f) for f in request.inputs if os.path.isdir(f)}
    beside = matcher.folder is not None and os.path.realpath(matcher.folder) in folders
    if beside and request.mask_suffix is None:  # there an image is not its own mask
        matcher.suffixes = tuple(suffix for suffix in USUAL_SUFFIXES if suffix)
    inner = [request.output, matcher.folder, request.exclude, request.keep_masks]
    leave_out = {os.path.realpath(f) for f in inner if f and not files.is_remote(f)} - folders
    for found in find_images(request.inputs, leave_out=leave_out):
        if isinstance(found, Record):
            yield found
            continue
        if beside and matcher.is_mask(found):
            continue
        try:
            yield found, matcher.find(found)
        except MaskError as error:
            if request.skip_unmasked:  # of a folder that cannot be read nobody knows its masks
                status: Status = "failed" if error.__cause__ else "skipped"
                yield Record(found.image, status, message=str(error))
            else:
                problems.append(str(error))


def _exclude(found: Found, matcher: MaskMatcher) -> str | None:
    """Path of the mask of what is not copied from, if there shall be one. Raises MaskError."""
    if found.exclude is None and matcher.source is None:
        return None
    return matcher.find(replace(found, mask=found.exclude))


def _kept_mask(found: Found, request: Request) -> str | None:
    """Where the image's mask is kept, if it shall be: a PNG of its name. Raises ValueError."""
    if request.keep_masks is None:
        return None
    return _below(request.keep_masks, found, os.path.splitext(found.relative)[0] + ".png")


def _task(found: Found, mask: str, request: Request) -> Task:
    """Raises ValueError for an output that cannot be."""
    path = found.output or (request.output if request.single else None)
    if path is None:
        return Task(found.image, mask, _output_in_folder(found, request), request.format)
    name = format_of(path)
    if name is None:
        raise ValueError(f"{path}: the name must end like a picture's (.{', .'.join(FORMATS)})")
    if request.format not in (None, name):
        raise ValueError(f"{path}: the name says {name}, but {request.format} is asked for")
    check_format(name)
    return Task(found.image, mask, path, name)


def _output_in_folder(found: Found, request: Request) -> str:
    if request.output is None:
        raise ValueError(f"{found.image}: no output is given")
    relative = found.relative
    if request.format is not None and format_of(relative) != request.format:
        stem = os.path.splitext(relative)[0] if format_of(relative) else relative
        relative = stem + FORMATS[request.format][1][0]
    return _below(request.output, found, relative)


def _below(folder: str, found: Found, relative: str) -> str:
    """A path in a folder. Raises ValueError for an image whose own could lead out of it."""
    if ".." in found.relative.split(os.sep):
        raise ValueError(f"{found.image}: the path must not contain '..'")
    return files.join(folder, relative)


def _clashes(tasks: list[Task]) -> Iterator[str]:
    """Outputs that are written twice, or over something that is read."""
    read = {files.resolved(path) for task in tasks for path in _inputs(task)}
    images: dict[str, str] = {}
    for task in tasks:
        for path in _outputs(task):
            output = files.resolved(path)
            if output == files.resolved(task.image):
                yield f"{task.image}: input and output are the same file"
            elif output in read:
                yield f"{task.image}: its output {path} is an input, too"
            other = images.setdefault(output, task.image)
            if other is not task.image:
                yield f"{other} and {task.image} would both be written to {path}"
            elif path == task.mask_output and output == files.resolved(task.output):
                yield f"{task.image}: the mask and the output would both be written to {path}"


def _inputs(task: Task) -> Iterator[str]:
    yield from (task.image, task.mask)
    if task.exclude is not None:
        yield task.exclude


def _outputs(task: Task) -> Iterator[str]:
    yield task.output
    if task.mask_output is not None:
        yield task.mask_output


def _unwritable(tasks: list[Task]) -> Iterator[str]:
    folders = dict.fromkeys(files.split(path)[0] for task in tasks for path in _outputs(task))
    existing = dict.fromkeys(_nearest(f) for f in folders if not files.is_remote(f))
    for path in existing:
        if not os.path.isdir(path):
            yield f"{path} is a file, so there cannot be an output folder"
        elif not os.access(path, os.W_OK | os.X_OK):
            yield f"the output folder {path} cannot be written to"


def _nearest(folder: str) -> str:
    """The folder itself, or the nearest one above it that exists."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _skipped(task: Task, message: str) -> Record:
    return Record(task.image, "skipped", task.mask, task.output, message=message)


def _is_image(path: str) -> bool:
    return not files.is_folder(path) and files.exists(path)

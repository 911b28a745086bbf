"""The plan of a run: what to fill, by which mask, into which file; checked before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, compress

from inpaint.batch import files
from inpaint.batch.find import Found, find_images
from inpaint.batch.match import USUAL_SUFFIXES, MaskError, MaskMatcher
from inpaint.batch.outputs import clashes, exclude_of, outputs_of, task_of, unwritable
from inpaint.batch.records import Record, Status, Task
from inpaint.batch.report import printable
from inpaint.batch.request import Request
from inpaint.images import unread_format_of

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
class Plan:
    """`tasks` are to be done; `settled` needs no work: skipped, or cannot be looked at."""

    tasks: list[Task]
    settled: list[Record]

    def local_folders(self) -> set[str]:
        """Folders of all outputs on this machine, those that exist already included."""
        tasks = (path for task in self.tasks for path in outputs_of(task))
        settled = (record.output for record in self.settled if record.output)
        outputs = (path for path in chain(tasks, settled) if not files.is_remote(path))
        return {files.split(path)[0] or "." for path in outputs}


def make_plan(request: Request) -> Plan:
    """The plan of a request. Nothing is written, and no image is opened.

    Raises PlanError that names every name clash, missing mask, output that is an input or exists
    already, and output folder that cannot be written to; FileNotFoundError or ValueError
    for inputs or masks that are not there.
    """
    files.forget()
    planned: list[Task] = []
    here: list[bool] = []  # whether the shard holds it; clashes are looked for in all
    settled: list[Record] = []
    problems: list[str] = []
    excluding = MaskMatcher(request.exclude, ("",), kind="exclude mask")
    for entry in _images_and_masks(request, problems):
        if isinstance(entry, Record):
            settled.append(entry)
            continue
        found, mask = entry
        try:
            planned.append(task_of(found, mask, exclude_of(found, excluding), request))
            here.append(request.shard is None or request.shard.holds(found.relative))
        except ValueError as error:
            problems.append(str(error))
    if not (planned or problems or any(not _is_unread(record) for record in settled)):
        where = f"there are no pictures in {', '.join(request.inputs)}"
        raise PlanError([where, *(f"{record.image}: {record.message}" for record in settled)])
    problems += clashes(planned)
    problems += unwritable(planned)
    tasks = []
    for task in compress(planned, here):
        existing = [path for path in outputs_of(task) if files.exists(path)]
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
    if request.shard is not None and request.shard.number > 1:  # the first one reports the others
        settled = [record for record in settled if record.output is not None]
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
    output = request.output
    # Then what an earlier run wrote is among the images.
    outputs_beside = (
        output is None or output in request.inputs or os.path.realpath(output) in folders
    )
    inner = [request.output, matcher.folder, request.exclude, request.keep_masks]
    leave_out = {os.path.realpath(f) for f in inner if f and not files.is_remote(f)} - folders
    for found in find_images(request.inputs, leave_out=leave_out, output=request.output):
        if isinstance(found, Record):
            yield found
            continue
        if beside and matcher.is_mask(found):
            continue
        if outputs_beside and _has_suffix(found, request.suffix):
            text = f"its name ends with {request.suffix}, as outputs do"
            yield Record(found.image, "skipped", message=text)
            continue
        try:
            yield found, matcher.find(found)
        except MaskError as error:
            if request.skip_unmasked:  # of a folder that cannot be read nobody knows its masks
                status: Status = "failed" if error.__cause__ else "skipped"
                yield Record(found.image, status, message=str(error))
            else:
                problems.append(str(error))


def _has_suffix(found: Found, suffix: str) -> bool:
    listed = found.root is not None
    return suffix != "" and not listed and os.path.splitext(found.relative)[0].endswith(suffix)


def _is_unread(record: Record) -> bool:
    return record.status == "skipped" and unread_format_of(record.image) is not None


def _skipped(task: Task, message: str) -> Record:
    return Record(task.image, "skipped", task.mask, task.output, message=message)

"""Where an image's output goes, and whether it can go there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from inpaint.batch import files
from inpaint.batch.find import Found
from inpaint.batch.match import MaskMatcher
from inpaint.batch.records import Task
from inpaint.batch.request import Request
from inpaint.images import FORMATS, check_format, format_of
from inpaint.images.formats import usual_suffix


def exclude_of(found: Found, matcher: MaskMatcher) -> str | None:
    """Path of the mask of what is not copied from, if there shall be one. Raises MaskError."""
    if found.exclude is None and matcher.source is None:
        return None
    return matcher.find(replace(found, mask=found.exclude))


def _kept_mask(found: Found, request: Request) -> str | None:
    """Where the image's mask is kept, if it shall be: a PNG of its name. Raises ValueError."""
    if request.keep_masks is None:
        return None
    return _below(request.keep_masks, found, os.path.splitext(found.relative)[0] + ".png")


def task_of(found: Found, mask: str, exclude: str | None, request: Request) -> Task:
    """What is done with an image. Raises ValueError for an output that cannot be."""
    output, format = _output_of(found, request)
    kept = _kept_mask(found, request)
    root, mask_root = _root_of(found, request), request.keep_masks
    if request.allow_outside:
        root = mask_root = None
    for path, folder in ((output, root), (kept, mask_root)):
        if path is not None and folder is not None and not files.is_inside(path, folder):
            raise ValueError(
                f"{found.image}: its output {path} lies outside of {folder}; choose another "
                "--output, or --allow-outside"
            )
    return Task(found.image, mask, output, format, exclude, kept, root, mask_root)


def _output_of(found: Found, request: Request) -> tuple[str, str | None]:
    """Path and format of an output; the format None is that of the image."""
    path = found.output or (request.output if request.single else None)
    if path is None:
        return _output_in_folder(found, request), request.format
    if request.single and request.suffix:
        raise ValueError(f"{path}: a suffix is for outputs in a folder")
    name = format_of(path)
    if name is None:
        raise ValueError(f"{path}: the name must end like a picture's (.{', .'.join(FORMATS)})")
    if request.format not in (None, name):
        raise ValueError(f"{path}: the name says {name}, but {request.format} is asked for")
    check_format(name)
    return path, name


def _root_of(found: Found, request: Request) -> str | None:
    """The folder that an output must lie in; None for a file that was named itself."""
    if request.single:
        return None
    if found.output is not None:
        return found.root
    return request.output if request.output is not None else files.split(found.image)[0] or "."


def _output_in_folder(found: Found, request: Request) -> str:
    if request.output is None and not request.suffix:
        raise ValueError(f"{found.image}: no output is given")
    relative = found.relative if request.output is not None else files.split(found.image)[1]
    stem, ending = os.path.splitext(relative)
    if format_of(relative) is None:
        stem, ending = relative, ""
    if request.format is not None and format_of(relative) != request.format:
        ending = usual_suffix(request.format)
    relative = stem + request.suffix + ending
    if request.output is None:
        return files.join(files.split(found.image)[0], relative)
    return _below(request.output, found, relative)


def _below(folder: str, found: Found, relative: str) -> str:
    """A path in a folder. Raises ValueError for an image whose own could lead out of it."""
    if ".." in found.relative.split(os.sep):
        raise ValueError(f"{found.image}: the path must not contain '..'")
    return files.join(folder, relative)


def clashes(tasks: list[Task]) -> Iterator[str]:
    """Outputs that are written twice, or over something that is read, by a sentence each."""
    read = {files.resolved(path) for task in tasks for path in inputs_of(task)}
    images: dict[str, str] = {}
    for task in tasks:
        for path in outputs_of(task):
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


def inputs_of(task: Task) -> Iterator[str]:
    """Paths that are read for a task; among them may be one of NO_FILES."""
    yield from (task.image, task.mask)
    if task.exclude is not None:
        yield task.exclude


def outputs_of(task: Task) -> Iterator[str]:
    """Paths that are written for a task."""
    yield task.output
    if task.mask_output is not None:
        yield task.mask_output


def unwritable(tasks: list[Task]) -> Iterator[str]:
    """Output folders that cannot be written to, by a sentence each."""
    folders = dict.fromkeys(files.split(path)[0] for task in tasks for path in outputs_of(task))
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

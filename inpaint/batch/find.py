"""The images that the inputs of a command stand for."""

from __future__ import annotations

import csv
import glob
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from inpaint.batch import files
from inpaint.batch.records import NO_FILES, Record
from inpaint.images import format_of, unread_format_of

LISTS = (".txt", ".lst")  # a path a line
MANIFESTS = (".csv", ".jsonl", ".ndjson")  # image, and if wanted the other columns
COLUMNS = ("image", "mask", "output", "exclude")


@dataclass(frozen=True, slots=True)
class Found:
    """An image, where it goes below the output folder, and what its manifest says."""

    image: str
    relative: str
    mask: str | None = None
    output: str | None = None
    exclude: str | None = None
    root: str | None = None  # folder that `output` starts at


def find_images(
    inputs: Sequence[str], *, leave_out: Collection[str] = (), output: str | None = None
) -> Iterator[Found | Record]:
    """The images of all inputs, in order; for what cannot be looked at, a record that says why.

    An input is an image, a folder (recursive; names that start with a dot are left out), a glob
    pattern, a list (LISTS) or a manifest (MANIFESTS). `leave_out`: resolved folders that are
    not entered. `output`: folder that the outputs of manifests start at; None is the folder of the
    manifest. Raises FileNotFoundError for an input that is not there and ValueError for a
    manifest that cannot be understood.
    """
    for path in inputs:
        if is_list(path):
            yield from _listed(path, output)
        elif files.is_folder(path):
            yield from _walk_remote(path) if files.is_remote(path) else _walk(path, leave_out)
        elif files.exists(path):
            yield Found(path, files.split(path)[1])
        elif glob.has_magic(path):
            yield from _matching(path)
        else:
            raise FileNotFoundError(f"there is no picture or folder at {path}")


def is_list(path: str) -> bool:
    """Whether the path names a list or a manifest rather than images."""
    suffix = os.path.splitext(path)[1].lower()
    return suffix in LISTS + MANIFESTS and not files.is_folder(path)


def _walk(root: str, leave_out: Collection[str]) -> Iterator[Found | Record]:
    stack = [(root, frozenset({_identity(root)}))]
    while stack:
        folder, above = stack.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Record(folder, "failed", message=f"the folder cannot be read: {error.strerror}")
            continue
        deeper = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not os.path.isdir(entry.path):
                if format_of(entry.name):
                    yield Found(entry.path, os.path.relpath(entry.path, root))
                elif unread_format_of(entry.name):
                    yield _passed_over(entry.path)
                continue
            if os.path.realpath(entry.path) in leave_out:
                continue
            identity = _identity(entry.path)
            if identity in above:
                text = "a symbolic link to a folder above it; not followed"
                yield Record(entry.path, "skipped", message=text)
                continue
            if format_of(entry.name):
                text = "a folder that is called like a picture; its pictures are filled"
                yield Record(entry.path, "skipped", message=text)
            deeper.append((entry.path, above | {identity}))
        stack += reversed(deeper)


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _passed_over(path: str) -> Record:
    """The record of a picture in a format that is not read."""
    text = f"{unread_format_of(path)} is not read; convert it to TIFF or PNG"
    return Record(path, "skipped", message=text)


def _walk_remote(root: str) -> Iterator[Found | Record]:
    system, inner = files.file_system(root)
    inner = inner.rstrip("/")
    for path in sorted(system.find(inner)):
        relative = path[len(inner) :].lstrip("/")
        hidden = any(part.startswith(".") for part in relative.split("/"))
        if format_of(path) and not hidden:
            yield Found(files.join(root, relative), relative.replace("/", os.sep))
        elif unread_format_of(path) and not hidden:
            yield _passed_over(files.join(root, relative))


def _matching(pattern: str) -> Iterator[Found | Record]:
    """Images that fit a pattern; the part before its first wildcard is the root."""
    if files.is_remote(pattern):
        system, inner = files.file_system(pattern)
        found = [system.unstrip_protocol(path) for path in system.glob(inner)]
        pattern = system.unstrip_protocol(inner)
    else:
        found = glob.glob(pattern, recursive=True)
    root = pattern
    while glob.has_magic(root):
        root = files.split(root)[0]
    images = sorted(path for path in found if format_of(path) and not files.is_folder(path))
    unread = sorted(path for path in found if unread_format_of(path) and not files.is_folder(path))
    if not images + unread:
        raise FileNotFoundError(f"no picture fits the pattern {pattern}")
    yield from map(_passed_over, unread)
    for path in images:
        yield Found(path, path[len(root) :].lstrip("/" + os.sep))


def _listed(path: str, output: str | None) -> Iterator[Found]:
    """Images of a list or manifest; relative paths in it are relative to its own folder.

    output: Folder that relative outputs are relative to, if not to the list's own, too.
    """
    if not files.exists(path):
        raise FileNotFoundError(f"there is no list at {path}")
    folder = files.split(path)[0]
    folder = folder if files.is_remote(folder) else os.path.abspath(folder)
    suffix = os.path.splitext(path)[1].lower()
    with (
        files.fetched(path) as local,
        open(local, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines,
    ):
        rows = (
            _csv_rows(lines, path)
            if suffix == ".csv"
            else _rows(lines, as_json=suffix not in LISTS)
        )
        for number, row in rows:
            where = f"{path}, line {number}"
            try:
                yield _found(row, folder, folder if output is None else output)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error


def _csv_rows(lines: Iterable[str], path: str) -> Iterator[tuple[int, object]]:
    reader = csv.DictReader(lines)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:  # a field of more than 128 KB, as where a quote is not closed
        raise ValueError(f"{path}, after line {reader.line_num}: {error}; wanted paths") from error


def _rows(lines: Iterable[str], *, as_json: bool) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if not text:
            continue
        try:
            yield number, json.loads(text) if as_json else {"image": text}
        except json.JSONDecodeError:
            yield number, None


def _found(row: object, folder: str, root: str) -> Found:
    if not isinstance(row, dict) or not row.get("image"):
        raise ValueError(f"wanted image, and if you like mask, output and exclude, got {row}")
    unknown = sorted(str(key) for key in row if key not in COLUMNS)
    if unknown:
        raise ValueError(f"unknown columns {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    values = {key: row.get(key) or None for key in COLUMNS}
    if not all(value is None or isinstance(value, str) for value in values.values()):
        raise ValueError(f"paths must be text, got {row}")
    image = _absolute(values["image"], folder)
    assert image is not None
    return Found(
        image,
        _below(image, folder),
        mask=_absolute(values["mask"], folder),
        output=_absolute(values["output"], root),
        exclude=_absolute(values["exclude"], folder),
        root=root,
    )


def _absolute(path: str | None, folder: str) -> str | None:
    return path if path is None or path in NO_FILES else files.join_listed(folder, path)


def _below(path: str, folder: str) -> str:
    """The path relative to `folder`, or if it lies elsewhere, the whole path without its root."""
    if path.startswith(files.join(folder, "")):
        return path[len(files.join(folder, "")) :]
    tail = path.split("://", 1)[-1] if files.is_remote(path) else os.path.splitdrive(path)[1]
    return tail.lstrip("/" + os.sep)

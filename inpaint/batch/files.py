"""Paths as strings, on a local disk or on any file system of fsspec (s3://, gs://, memory://)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from inpaint.batch.records import NO_FILES
from inpaint.images import ImageData, ImageError, write_image
from inpaint.utils.files import atomic_write


def is_remote(path: str) -> bool:
    """Whether a path is an address such as s3://bucket/a.png."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """`name`, relative and with the separators of this system, below `folder`."""
    if not is_remote(folder):
        return os.path.join(folder, name)
    return f"{folder.rstrip('/')}/{name.replace(os.sep, '/')}"


def split(path: str) -> tuple[str, str]:
    """The folder and the name in it; the folder of a bare name is ''."""
    return posixpath.split(path) if is_remote(path) else os.path.split(path)


def absolute(path: str) -> str:
    """The path, independent of the working folder; one of NO_FILES stays as it is."""
    return path if is_remote(path) or path in NO_FILES else os.path.abspath(path)


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path on it. Raises ValueError if there is none."""
    import fsspec  # needed for remote paths only

    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{url}: {error}") from error


def is_folder(path: str) -> bool:
    """Whether a local or remote path is a folder."""
    if not is_remote(path):
        return os.path.isdir(path)
    system, inner = file_system(path)
    return bool(system.isdir(inner))


def exists(path: str) -> bool:
    """Whether anything is there, be it a dangling link. A remote folder is listed only once."""
    if not is_remote(path):
        return os.path.lexists(path)
    folder, name = split(path)
    return name in _remote_names(folder)


def names_in(folder: str) -> list[str]:
    """Names of the files in a folder, sorted; none if there is no such folder."""
    if is_remote(folder):
        return sorted(_remote_names(folder))
    try:
        with os.scandir(folder) as entries:
            # Not entry.is_dir(): a link that leads to itself makes it raise.
            return sorted(entry.name for entry in entries if not os.path.isdir(entry.path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def forget() -> None:
    """Look again at all folders: a new run may find them changed."""
    _remote_names.cache_clear()
    _real_folder.cache_clear()


@lru_cache(maxsize=64)
def _remote_names(folder: str) -> frozenset[str]:
    system, inner = file_system(folder)
    system.invalidate_cache(inner)
    try:
        found = system.ls(inner, detail=True)
    except FileNotFoundError:
        return frozenset()
    return frozenset(posixpath.basename(f["name"]) for f in found if f["type"] == "file")


def resolved(path: str) -> str:
    """One name for one place: absolute, the folder's symbolic links followed."""
    if is_remote(path):
        return path
    folder, name = os.path.split(path)
    return os.path.join(_real_folder(folder), name)


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """A local or remote file, open for reading."""
    if not is_remote(path):
        with open(path, "rb") as file:
            yield file
        return
    system, inner = file_system(path)
    with system.open(inner, "rb") as file:
        yield file


@contextmanager
def fetched(path: str) -> Iterator[str]:
    """A local path with the file's bytes: its own, or that of a temporary copy."""
    if not is_remote(path):
        yield path
        return
    system, inner = file_system(path)
    with TemporaryDirectory(prefix="inpaint-") as folder:
        local = os.path.join(folder, posixpath.basename(inner))
        system.get_file(inner, local)
        try:
            yield local
        except ImageError as error:
            raise ImageError(str(error).replace(local, path)) from error


def write(image: ImageData, path: str, *, format: str | None, quality: int | None) -> None:
    """`write_image`, which see, also to remote paths; missing folders are made."""
    with _target(path) as local:
        write_image(image, local, format=format, quality=quality)


def copy(source: str, path: str) -> None:
    """Write the bytes of a local file; they appear at `path` complete or not at all."""
    data = Path(source).read_bytes()
    with _target(path) as local:
        atomic_write(Path(local), data)


@contextmanager
def _target(path: str) -> Iterator[str]:
    """A local path to write to, which is or becomes `path`.

    An object store shows a file when it is complete, so what is put there needs no temporary name.
    """
    if not is_remote(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        yield path
        return
    system, inner = file_system(path)
    with TemporaryDirectory(prefix="inpaint-") as folder:
        local = os.path.join(folder, posixpath.basename(inner))
        yield local
        system.makedirs(posixpath.dirname(inner), exist_ok=True)
        system.put_file(local, inner)

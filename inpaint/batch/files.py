"""Paths as strings, on a local disk or on any file system of fsspec (s3://, gs://, memory://)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
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
    return f"{folder}{'' if folder.endswith('/') else '/'}{name.replace(os.sep, '/')}"


def join_listed(folder: str, path: str) -> str:
    """A path as a list in `folder` has it: from that folder on, absolute, or an address.

    An absolute path is one of this machine, also in a remote list. Raises ValueError for a path
    that leads out of a remote folder's bucket or server.
    """
    if is_remote(path) or os.path.isabs(path) or not is_remote(folder):
        return path if is_remote(path) else os.path.normpath(os.path.join(folder, path))
    scheme, _, place = folder.partition("://")
    parts = place.rstrip("/").split("/")
    for part in path.split("/"):
        if part == ".." and len(parts) == 1:
            raise ValueError(f"{path} leads out of {scheme}://{parts[0]}")
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return f"{scheme}://{'/'.join(parts)}"


def split(path: str) -> tuple[str, str]:
    """The folder and the name in it; the folder of a bare name is ''."""
    if not is_remote(path):
        return os.path.split(path)
    start = path.index("://") + len("://")
    end = max(start, path.rindex("/"))
    root = path[start:].count("/") == 1 and path[start] == "/"  # as in file:///a.png
    return path[: end + root], path[end:].removeprefix("/")


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


def is_file(path: str) -> bool:
    """Whether something other than a folder is there."""
    return not is_folder(path) and exists(path)


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
    folder, name = split(path)
    return join(_real_folder(folder), name)


def is_inside(path: str, folder: str) -> bool:
    """Whether a file lies in `folder` or below it, links of its folders followed."""
    place, base = _real_folder(split(path)[0]), _real_folder(folder)
    return place == base or place.startswith(join(base, ""))


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    if not is_remote(folder):
        return os.path.realpath(folder)
    system, inner = file_system(folder)
    protocols = [system.protocol] if isinstance(system.protocol, str) else system.protocol
    if "file" in protocols:
        return os.path.realpath(inner)
    inner = posixpath.normpath("/" + inner.strip("/")).strip("/")
    return f"{protocols[0]}://{inner}"


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


def write(
    image: ImageData,
    path: str,
    *,
    format: str | None,
    quality: int | None,
    root: str | None = None,
    like: str | None = None,
) -> None:
    """`write_image`, which see, also to remote paths; missing folders are made.

    Raises ValueError for a path outside of `root`, if that is given.
    """
    with _target(path, root) as local:
        write_image(image, local, format=format, quality=quality, like=like)


def write_bytes(
    data: bytes, path: str, *, root: str | None = None, like: str | None = None
) -> None:
    """Write a file; it appears at `path` complete or not at all.

    Raises ValueError for a path outside of `root`, if that is given. For `like` see atomic_write.
    """
    with _target(path, root) as local:
        atomic_write(local, data, like=like)


@contextmanager
def _target(path: str, root: str | None) -> Iterator[str]:
    """A local path to write to, which is or becomes `path`.

    An object store shows a file when it is complete, so what is put there needs no temporary name.
    """
    if root is not None:
        _real_folder.cache_clear()  # a link may have come since, or on this machine only
        if not is_inside(path, root):
            raise ValueError(f"the output {path} lies outside of {root}")
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

"""Atomic file writes: a file appears complete under its name, or not at all.

What is being written has a temporary name. Its lock is held until it is moved, so that
`remove_leftovers` can tell the files of a killed process from those of a live one.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from inpaint.utils.locks import HAS_LOCKS, try_lock

TEMPORARY_PREFIX = ".inpaint-"  # of temporary names
# Behind it, in hexadecimal digits: 8 of this machine, 24 that are random.
TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + "([0-9a-f]{8})[0-9a-f]{24}[.]tmp")
SURELY_STALE = 3600  # seconds; a temporary file is there for as long as its bytes are written


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path`, moved to `path` on success, removed on an error.

    The folder is created if it is missing. Raises OSError that names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary_file(path) as (_, temporary):
        yield temporary


def atomic_write(
    path: str | os.PathLike[str], data: bytes, *, like: str | os.PathLike[str] | None = None
) -> None:
    """Write the bytes to `path`, whose folder exists. Raises OSError that names `path`.

    Group and others may do no more with the file than with `like`, what it was made of, and with
    the file that it replaces, whatever the umask.
    """
    path = Path(path)
    mode = 0o666 & _permissions(path) & (0o666 if like is None else _permissions(like))
    try:
        with _temporary_file(path, mode) as (file, _):
            file.write(data)
    except OSError as error:
        if error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes have left in a folder, if it exists.

    Those of other machines, whose locks may not be seen here, go when they are an hour old, as all
    do where there are no locks.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name = TEMPORARY.fullmatch(entry.name)
            if name is None:
                continue
            with suppress(OSError):  # gone by now, or that of somebody else
                old = entry.stat().st_mtime <= time.time() - SURELY_STALE
                with open(entry.path, "rb+") as file:
                    free = try_lock(file) if name[1] == machine() else None
                    if free or (free is None and old):
                        os.unlink(entry.path)  # with its lock held, see _temporary_file


@cache
def machine() -> str:
    """8 hexadecimal digits that stand for this machine."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


@contextmanager
def _temporary_file(path: Path, mode: int = 0o666) -> Iterator[tuple[BinaryIO, Path]]:
    """An open file beside `path`, and its name; moved to `path` on success.

    mode: Its permissions, of which the umask takes some away.
    """
    file, temporary = _open_locked(path, mode)
    # Closing tells of a full disk on some file systems, so it comes before the move, which
    # Windows does with closed files only. The lock lives as long as any of its descriptors.
    lock = os.dup(file.fileno()) if HAS_LOCKS else None
    try:
        with file:
            yield file, temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):  # which would tell nobody anything
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with suppress(OSError):  # moved, or the folder is gone
            temporary.unlink()
        if lock is not None:
            os.close(lock)


def _open_locked(path: Path, mode: int) -> tuple[BinaryIO, Path]:
    while True:
        temporary = path.parent / f"{TEMPORARY_PREFIX}{machine()}{uuid4().hex[:24]}.tmp"
        try:
            file = open(  # noqa: SIM115
                temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)
            )
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        try_lock(file)
        if temporary.exists():
            return file, temporary
        file.close()  # removed as a leftover before it was locked


def _permissions(path: str | os.PathLike[str]) -> int:
    """Those of group and others as of a file that is there, and all of the owner's."""
    try:
        return 0o600 | (os.stat(path).st_mode & 0o066)
    except FileNotFoundError:
        return 0o666

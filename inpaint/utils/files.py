"""Atomic file writes: a file appears complete under its name, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

TEMPORARY_PREFIX = ".inpaint-"  # of temporary names; 32 hexadecimal digits and .tmp follow


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path`, moved to `path` on success, removed on an error.

    The folder is created if it is missing. Raises OSError that names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with suppress(OSError):  # moved, never made, or the folder is gone
            temporary.unlink()


def atomic_write(
    path: str | os.PathLike[str], data: bytes, *, like: str | os.PathLike[str] | None = None
) -> None:
    """Write the bytes to `path`, whose folder exists. Raises OSError that names `path`.

    Group and others may do no more with the file than with `like`, what it was made of, and with
    the file that it replaces, whatever the umask.
    """
    path = Path(path)
    temporary = _temporary(path)
    mode = 0o666 & _permissions(path) & (0o666 if like is None else _permissions(like))
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:  # the temporary name would tell nobody anything
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _permissions(path: str | os.PathLike[str]) -> int:
    """Those of group and others as of a file that is there, and all of the owner's."""
    try:
        return 0o600 | (os.stat(path).st_mode & 0o066)
    except FileNotFoundError:
        return 0o666


def _temporary(path: Path) -> Path:
    return path.parent / f"{TEMPORARY_PREFIX}{uuid4().hex}.tmp"

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


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write the bytes to `path`, whose folder exists. Raises OSError that names `path`."""
    path = Path(path)
    temporary = _temporary(path)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:  # the temporary name would tell nobody anything
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _temporary(path: Path) -> Path:
    return path.parent / f"{TEMPORARY_PREFIX}{uuid4().hex}.tmp"

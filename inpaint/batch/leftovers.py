"""Temporary files that killed runs have left."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from inpaint.batch import files
from inpaint.utils.files import TEMPORARY_PREFIX

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + "[0-9a-f]{32}[.]tmp")
SURELY_STALE = 3600  # seconds; a temporary file is there for as long as its bytes are written


@contextmanager
def clean_folders(paths: Iterable[str]) -> Iterator[None]:
    """Remove temporary files beside the local `paths`, but never those of a run that is alive.

    Runs share a lock on the folder that holds all their outputs, and the first of them cleans.
    The kernel drops the lock of a killed run. Where there are no locks, or others are at work,
    what is older than an hour goes. Raises ValueError if the folder cannot be made.
    """
    folders = {os.path.dirname(os.path.abspath(p)) for p in paths if not files.is_remote(p)}
    if not folders:
        yield
        return
    root = os.path.commonpath(folders)
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the output folder {root} cannot be made: {error.strerror}") from error
    descriptor = os.open(root, os.O_RDONLY) if fcntl else None
    try:
        alone = descriptor is not None and _locked(descriptor, alone=True)
        for folder in folders:
            _clean(folder, older_than=0 if alone else SURELY_STALE)
        if descriptor is not None:
            _locked(descriptor, alone=False)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(descriptor: int, *, alone: bool) -> bool:
    """Whether the lock was got; alone, one does not wait for it."""
    mode = fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH
    with suppress(OSError):  # held by another run, or a file system without locks
        fcntl.flock(descriptor, mode)
        return True
    return False


def _clean(folder: str, *, older_than: float) -> None:
    limit = time.time() - older_than
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):  # gone by now, or that of somebody else
                    if entry.stat().st_mtime <= limit:
                        os.unlink(entry.path)

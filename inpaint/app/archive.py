"""Several uploads in and one zip out. What zips say about themselves is not believed."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from inpaint.images import format_of

CHUNK = 1 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """What a batch may hold. Raises ValueError for files beyond it."""

    files: int
    total_bytes: int
    file_bytes: int

    def check(self, sizes: list[int]) -> None:
        """Raise ValueError for files of these sizes, in bytes, that are too many or too large."""
        if len(sizes) > self.files:
            raise ValueError(f"There are {len(sizes)} files, more than the limit of {self.files}")
        if max(sizes, default=0) > self.file_bytes:
            raise ValueError(f"A file is larger than the limit of {_megabytes(self.file_bytes)}")
        if sum(sizes) > self.total_bytes:
            raise ValueError(
                f"Unpacked, the files are larger than the limit of {_megabytes(self.total_bytes)}"
            )


def unpack(uploads: Iterable[Path], folder: Path, limits: ArchiveLimits) -> None:
    """Puts uploaded images, and the images in uploaded zips, into a new folder.

    Raises ValueError for names that lead out of the folder or come twice, for damaged zips, and
    for more than there is limits for; the limits hold for all uploads together.
    """
    folder.mkdir(parents=True)
    sizes: list[int] = []
    for upload in uploads:
        if zipfile.is_zipfile(upload):
            _unpack_zip(upload, folder, limits, sizes)
            continue
        sizes.append(upload.stat().st_size)
        limits.check(sizes)
        shutil.copyfile(upload, _new_place(folder, upload.name))


def pack(folder: Path, archive: Path) -> None:
    """A zip of all files in a folder. Images are compressed already, so they are stored."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder))


def _unpack_zip(upload: Path, folder: Path, limits: ArchiveLimits, sizes: list[int]) -> None:
    try:
        with zipfile.ZipFile(upload) as packed:
            members = [member for member in packed.infolist() if _is_wanted(member)]
            sizes += [member.file_size for member in members]
            limits.check(sizes)
            for member in members:
                place = _new_place(folder, member.filename)
                with packed.open(member) as source, open(place, "wb") as target:
                    # The size in the directory was checked above; more than it is not read.
                    _copy(source, target, member.file_size)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(f"{upload.name} cannot be unpacked: {error}") from error


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    """Whether a member is an image. Raises ValueError for a name that leads elsewhere."""
    name = member.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise ValueError(f"The zip has a name that leads out of it: {member.filename!r}")
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    link = stat.S_ISLNK(member.external_attr >> 16)
    return not (member.is_dir() or hidden or link) and format_of(path) is not None


def _new_place(folder: Path, name: str) -> Path:
    place = folder / name.replace("\\", "/")
    if place.exists():
        raise ValueError(f"There are two files called {name}")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copies `size` bytes. Raises ValueError if there are more."""
    while block := source.read(min(CHUNK, size + 1)):
        size -= len(block)
        if size < 0:
            raise ValueError("A file in the zip is larger than the zip says")
        target.write(block)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:g} MB"

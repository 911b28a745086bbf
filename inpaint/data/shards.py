"""Images in tar files, read in place."""

import glob
import hashlib
import logging
import os
import re
import tarfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inpaint.data.sources import PackedNames
from inpaint.images import ImageError, decode_rgb, is_image_name

logger = logging.getLogger(__name__)

# Below this size, in bytes, scanning a tar again takes less than half a second.
_KEEP_INDEX_ABOVE = 256 * 2**20


class TarSource:
    """Images in tar files, read at random without unpacking them.

    Opening scans the headers of each tar once, about 15 microseconds a member on a local disk;
    what is no image is passed over. The scan of a tar over 256 MiB is kept in the cache
    folder: Places365's 26 GB archive of 1.8 million images takes some minutes the first time
    and a second after that.

    Each read opens the tar, which costs some microseconds. In return there are no file handles
    to share between processes, and thousands of shards meet no limit on open files.

    Args:
        paths: uncompressed tar files.

    Raises:
        ValueError: a file is not an uncompressed tar.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.paths = [Path(path) for path in paths]
        indices = [index_tar(path) for path in self.paths]
        counts = [len(index.names) for index in indices]
        self.names = PackedNames(name for index in indices for name in index.names)
        self.spans = np.concatenate(
            [index.spans for index in indices] or [np.empty((0, 2), np.int64)]
        )
        self.shards = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        places = ", ".join(map(str, sorted({path.parent for path in self.paths})))
        return f"{len(self):,} pictures in {len(self.paths)} tar files in {places}"

    def name(self, index: int) -> str:
        """See ImageSource."""
        return f"{self.paths[self.shards[index]].name}/{self.names[index]}"

    def load(self, index: int) -> np.ndarray:
        """See ImageSource."""
        path = self.paths[self.shards[index]]
        offset, size = map(int, self.spans[index])
        with open(path, "rb", buffering=0) as file:
            file.seek(offset)
            data = file.read(size)
        try:
            return decode_rgb(data)
        except ImageError as error:
            raise ImageError(f"{path}, member {self.names[index]}: {error}") from error


class TarIndex(NamedTuple):
    """Where the images of one tar lie."""

    names: list[str]
    spans: np.ndarray  # int64 (images, 2): offset and size in bytes


def index_tar(path: Path) -> TarIndex:
    """The images of a tar, from the cache folder if a large tar was scanned before."""
    status = path.stat()
    if status.st_size < _KEEP_INDEX_ABOVE:
        return _scan_tar(path)
    key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    cached = cache_folder() / "tar-index" / f"{_digest(key)}.npz"
    if cached.exists():
        with np.load(cached) as arrays:
            names = os.fsdecode(arrays["names"].tobytes()).split("\0")[:-1]
            return TarIndex(names, arrays["spans"])
    logger.info("indexing %s, %.1f GB, once", path, status.st_size / 1e9)
    index = _scan_tar(path)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}.npz")
        text = "".join(name + "\0" for name in index.names)
        np.savez(partial, names=np.frombuffer(os.fsencode(text), np.uint8), spans=index.spans)
        partial.replace(cached)
    except OSError as error:
        logger.warning("the index of %s is not kept: %s", path, error)
    return index


def _scan_tar(path: Path) -> TarIndex:
    names: list[str] = []
    spans: list[tuple[int, int]] = []
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # or 1 kB stays for each
                if member.isreg() and not member.issparse() and is_image_name(member.name):
                    names.append(member.name.removeprefix("./"))
                    spans.append((member.offset_data, member.size))
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is not an uncompressed tar file ({error}); pictures are read in place, so "
            "unpack a .tar.gz to a .tar first, and copy or download a cut-off file again"
        ) from error
    return TarIndex(names, np.array(spans, dtype=np.int64).reshape(-1, 2))


def expand_shards(spec: str) -> list[str]:
    """Paths or URLs of the shards that `spec` stands for, in order.

    `spec` is one path or URL, may hold numeric ranges such as `shard-{000..009}.tar`, and, if it
    is a path, the wildcards `*`, `?` and `[...]`.

    Raises:
        FileNotFoundError: nothing matches a wildcard, or a named file does not exist.
    """
    match = re.search(r"\{(\d+)\.\.(\d+)\}", spec)
    if match:
        first, last = match.groups()
        numbers = [str(i).zfill(len(first)) for i in range(int(first), int(last) + 1)]
        if not numbers:
            raise ValueError(f"the range {match[0]} of {spec} is empty; write the smaller first")
        parts = (spec[: match.start()] + number + spec[match.end() :] for number in numbers)
        return [path for part in parts for path in expand_shards(part)]
    if is_url(spec) or Path(spec).exists():
        return [spec]
    found = sorted(glob.glob(spec, recursive=True))
    if not found:
        raise FileNotFoundError(f"no tar shard at {spec}")
    return found


def is_url(text: str) -> bool:
    """Whether a path is a web address."""
    return text.startswith(("http://", "https://"))


def cache_folder() -> Path:
    """`$INPAINT_CACHE`, or `inpaint` in the user's cache folder."""
    if "INPAINT_CACHE" in os.environ:
        return Path(os.environ["INPAINT_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inpaint"


def fetch_shard(url: str, *, attempts: int = 3, timeout: float = 60.0) -> Path:
    """The local copy of a shard, downloaded into the cache folder the first time.

    The file gets its name only when it is complete. With several processes on one machine let
    one of them open the source first, or each downloads its own copy.

    Args:
        url: http or https.
        attempts: how often a failing download is tried.
        timeout: seconds without data after which an attempt fails.

    Raises:
        OSError: the last attempt failed, or ended before the announced length.
    """
    base = re.sub(r"[^\w.-]", "_", url.split("?")[0].rsplit("/", 1)[-1])
    target = cache_folder() / "shards" / _digest(url) / base
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    logger.info("downloading %s", url)
    for attempt in range(1, attempts + 1):
        try:
            _download(url, partial, timeout)
            partial.replace(target)
            return target
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            if attempt == attempts:
                raise OSError(f"cannot download {url}: {error}") from error
            time.sleep(2.0 ** (attempt - 1))
    raise ValueError(f"wanted at least 1 attempt, got {attempts}")


def _download(url: str, path: Path, timeout: float) -> None:
    with urllib.request.urlopen(url, timeout=timeout) as answer, path.open("wb") as file:
        while block := answer.read(2**20):
            file.write(block)
        announced = answer.headers.get("Content-Length")
        if announced is not None and file.tell() != int(announced):
            raise OSError(f"{file.tell():,} of {int(announced):,} bytes arrived")


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]

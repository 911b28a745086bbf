"""The paper's test holes on disk: six ratio buckets, with and without holes near the border.

arXiv:1804.07723, section 4.1: 12,000 masks of 512x512, 1,000 for each of the twelve classes.
"""

import csv
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin
from tqdm import tqdm

from inpaint.masks.generate import GENERATOR_VERSION, HOLE_BUCKETS, fixed_hole
from inpaint.utils.files import atomic_path

# Border and bucket of a class; hole number i belongs to class i % 12, so that a larger test set
# holds every smaller one of the same seed.
_CLASSES = tuple(
    (border, bucket) for border in (True, False) for bucket in range(len(HOLE_BUCKETS))
)


@dataclass(frozen=True)
class HoleRecord:
    """One line of `manifest.csv`."""

    file: str  # relative to the manifest, with forward slashes
    bucket: int  # index into HOLE_BUCKETS
    border: bool  # whether the hole reaches into the band along the image's edge
    hole_ratio: float  # share of white pixels, in (0.01, 0.6]
    seed: int
    index: int  # fixed_hole((size, size), index, seed=..., bucket=..., border=...) remakes the hole
    generator: int = GENERATOR_VERSION  # GENERATOR_VERSION it was made with


def write_test_set(
    out_dir: str | Path,
    *,
    count: int = 12000,
    size: int = 512,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> Path:
    """The path of `manifest.csv`, once `count` holes of `size` x `size` pixels lie beside it.

    Files are 8-bit gray PNGs, white (255) = fill, black (0) = keep, `count / 12` in each of
    `0.01-0.1_border/00000.png`, `0.01-0.1_no_border/00000.png` ... `0.5-0.6_no_border/`. The
    manifest's columns are the fields of `HoleRecord`.

    A hole depends on size, seed and its number only, and each PNG says them in its text chunk. So a
    stopped run goes on where it stood: whole files are kept, broken ones are written anew. Files
    appear under their name only when complete, the manifest last.

    `workers` is the number of threads, None = one per CPU. Raises ValueError for a `count` that is
    no positive multiple of 12, a size too small for the buckets, or a folder that holds files of
    another size or seed.
    """
    if count < 1 or count % len(_CLASSES):
        raise ValueError(f"count must be a positive multiple of {len(_CLASSES)}, got {count}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    out = Path(out_dir)
    if out.exists() and not out.is_dir():
        raise ValueError(f"the test set needs a folder, but {out} is a file")
    for border, bucket in _CLASSES:
        (out / _folder(border, bucket)).mkdir(parents=True, exist_ok=True)
    records = _write_holes(out, count, size, seed, workers or os.cpu_count() or 1)
    shown = tqdm(records, total=count, desc="holes", unit="hole", disable=not progress)
    return _write_manifest(out / "manifest.csv", sorted(shown, key=lambda record: record.file))


def _folder(border: bool, bucket: int) -> str:
    low, high = HOLE_BUCKETS[bucket]
    return f"{low:g}-{high:g}_{'border' if border else 'no_border'}"


def _write_holes(out: Path, count: int, size: int, seed: int, workers: int) -> Iterator[HoleRecord]:
    # OpenCV and zlib let go of the interpreter lock: two threads write 1.6 times as fast as one.
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(lambda index: _ensure_hole(out, index, size, seed), range(count))
    finally:
        pool.shutdown(cancel_futures=True)  # an error or Ctrl-C must not wait for 12,000 holes


def _ensure_hole(out: Path, index: int, size: int, seed: int) -> HoleRecord:
    """The record of hole number `index`, whose file is there afterwards."""
    border, bucket = _CLASSES[index % len(_CLASSES)]
    file = f"{_folder(border, bucket)}/{index // len(_CLASSES):05d}.png"
    origin = f"size={size} seed={seed} index={index} generator={GENERATOR_VERSION}"
    hole = _read_hole_file(out / file, origin)
    if hole is None:
        hole = fixed_hole((size, size), index, seed=seed, bucket=bucket, border=border)
        _write_hole_file(out / file, hole, origin)
    return HoleRecord(file, bucket, border, float(hole.mean()), seed, index)


def _read_hole_file(path: Path, origin: str) -> np.ndarray | None:
    """The hole in a file of an earlier run, None when the file is missing or cut short."""
    try:
        with Image.open(path) as image:
            hole = np.asarray(image) > 127
            found = image.info.get("hole")
    except (OSError, SyntaxError):  # what Pillow raises for a broken PNG
        return None
    if found is not None and "generator=" not in found:
        found += " generator=1"  # files from before there was a version
    if found != origin:
        raise ValueError(
            f"{path} is another hole ({found}) than the wanted one ({origin}): "
            "choose an empty folder or the earlier size and seed"
        )
    return hole


def _write_hole_file(path: Path, hole: np.ndarray, origin: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("hole", origin)
    with atomic_path(path) as temporary:
        Image.fromarray(hole.astype(np.uint8) * 255).save(temporary, format="PNG", pnginfo=text)


def _write_manifest(path: Path, records: list[HoleRecord]) -> Path:
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(HoleRecord))
        writer.writerows(astuple(record) for record in records)
    return path

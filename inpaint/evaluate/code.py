"""Which code results come from: digests of source, which change with any of its bytes.

Results of two versions of the code do not belong into one table, as little as those of two files
of weights. A digest covers what results depend on, not how a report looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_FILLING = ("utils", "images", "masks", "models", "checkpoints", "texture", "inference")
_MEASURING = ("utils", "images", "masks", "checkpoints", "data", "evaluate")
_PRESENTATION = {
    f"evaluate/{name}.py"
    for name in ("gallery", "page", "paper", "plots", "realism_table", "report", "tables", "usage")
}


@cache
def filling_code() -> str:
    """Digest of the code that fills holes with a network."""
    return _digest_of_packages(_FILLING)


@cache
def measuring_code() -> str:
    """Digest of the code that makes cases, runs other methods, and measures."""
    return _digest_of_packages(_MEASURING)


def source_digest(files: Iterable[Path], root: Path) -> str:
    """Digest of the names, relative to a folder, and contents of source files; 16 characters.

    Their order, and how their lines end, do not matter.
    """
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _digest_of_packages(names: Iterable[str]) -> str:
    files = [path for name in names for path in (_PACKAGE / name).rglob("*.py")]
    kept = [p for p in files if p.relative_to(_PACKAGE).as_posix() not in _PRESENTATION]
    return source_digest(kept, _PACKAGE)

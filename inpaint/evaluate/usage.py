"""What evaluations cost: `usage.jsonl`, a line for each run."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Usage:
    """Cost of one run, which may be a part of an evaluation."""

    results: int  # that it made and measured
    seconds: float
    peak_mb: float  # memory of the process, loaded libraries included; 0 where it is not known


def peak_memory() -> float:
    """Largest memory of this process so far in MB (10^6 bytes), 0 where it is not known."""
    if resource is None:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def save_usage(out: Path, usage: Usage) -> None:
    """Append a run."""
    with (out / "usage.jsonl").open("a") as file:
        file.write(json.dumps(asdict(usage)) + "\n")


def read_usage(out: Path) -> list[Usage]:
    """All runs that went to their end."""
    path = out / "usage.jsonl"
    if not path.is_file():
        return []
    return [Usage(**json.loads(line)) for line in path.read_text().splitlines()]

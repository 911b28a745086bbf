"""The log of a run as JSON lines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from inpaint.utils.files import atomic_path


class JsonLog:
    """`log.jsonl` in the folder of a run, one JSON object a line.

    Args:
        folder: Of the run; it exists.
        start: Steps taken so far. Lines of later ones are dropped from the log of a run that is
            resumed: a killed run had taken these after its last checkpoint.
        resumed: Whether the run goes on; else its log begins anew.
    """

    def __init__(self, folder: Path, *, start: int, resumed: bool) -> None:
        self.path = folder / "log.jsonl"
        if resumed:
            self._forget_from(start)
        else:
            self.path.unlink(missing_ok=True)

    def write(self, kind: str, step: int, values: dict[str, float]) -> str:
        """Append a line {"kind": ..., "step": ..., "time": ..., values}; returns it."""
        line = json.dumps({"kind": kind, "step": step, "time": round(time.time(), 1), **values})
        with open(self.path, "a") as file:
            file.write(line + "\n")
        return line

    def _forget_from(self, step: int) -> None:
        if not self.path.is_file():
            return
        lines: list[dict[str, Any]] = []
        for text in self.path.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:  # cut off in the middle of a line
                break
        kept = [json.dumps(line) + "\n" for line in lines if line["step"] <= step]
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(kept))

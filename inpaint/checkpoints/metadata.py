"""What weight files say about themselves: JSON texts by name, the same in all formats.

They are untrusted. What is not as it should be is refused by a CheckpointError of one line that
names the file and the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.utils.settings import shortened

MAX_TEXT = 1 << 20  # characters of one text; those of our files have some hundred


def read_object(path: Path, texts: Mapping[str, str], name: str) -> dict[str, Any]:
    """The JSON object in a text; empty when there is no such text.

    Args:
        path: The file, for messages.
        texts: The metadata.
        name: Which of them.

    Raises:
        CheckpointError: For a text that is no JSON object, or has numbers that are not finite.
    """
    text = texts.get(name, "{}")
    if len(text) > MAX_TEXT:
        raise CheckpointError(
            f"{path} has unreadable metadata: {name} has {len(text)} characters, wanted at most "
            f"{MAX_TEXT}"
        )
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has unreadable metadata: {name}: {error}") from error
    if not isinstance(value, dict):
        kind = "an unusable configuration" if name == "config" else f"unusable {name}"
        raise CheckpointError(f"{path} has {kind}: {shortened(value)}")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"numbers must be finite, got {text[:20]}")
    return value

"""All frames or pages of a file: their masks, their progress, and what is said about all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inpaint.batch import files
from inpaint.batch.records import NO_FILES
from inpaint.images import ImageData, read_image
from inpaint.images.frames import read_frames
from inpaint.inference.progress import OnProgress


def mask_frames(mask: str, count: int, *, max_pixels: int) -> Iterator[ImageData | None]:
    """The frames of a mask that belong to `count` frames, or None each if it has one for all.

    Raises ValueError for a mask with another number of frames, and what `read_frames` does.
    """
    if mask in NO_FILES:
        yield from [None] * count
        return
    with files.fetched(mask) as local:
        masks = read_image(local, max_pixels=max_pixels).frames
        if masks == 1:
            yield from [None] * count
        elif masks != count:
            raise ValueError(f"{mask}: it has {masks} frames or pages, and the picture {count}")
        else:
            yield from read_frames(local, max_pixels=max_pixels)


def share_of(on_progress: OnProgress | None, number: int, count: int) -> OnProgress | None:
    """What takes the progress of frame `number` of `count`, and calls `on_progress` for all."""
    if on_progress is None:
        return None
    return lambda share: on_progress((number + share) / count)


def joined(founds: list[dict[str, Any]]) -> dict[str, Any]:
    """What the record says about all frames: mean shares of damage, anything suspicious."""
    result: dict[str, Any] = {}
    if any(found.get("suspicious") for found in founds):
        result["suspicious"] = True
    damages = [found["damage"] for found in founds if "damage" in found]
    if damages:
        kinds = damages[0]
        result["damage"] = {kind: sum(d[kind] for d in damages) / len(damages) for kind in kinds}
    return result

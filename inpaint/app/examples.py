"""Images to try the page with: whatever lies in `examples/`."""

from __future__ import annotations

from pathlib import Path

from inpaint.images import is_image_name
from inpaint.utils.shipped import shipped_folder

FOLDER = shipped_folder("examples")


def find_examples(folder: Path = FOLDER) -> list[tuple[Path, Path | None]]:
    """Images of the folder, each with the mask of the same name in `masks/`, or None."""
    if not folder.is_dir():
        return []
    photos = sorted(
        path for path in folder.iterdir() if path.is_file() and is_image_name(path.name)
    )
    masks = [folder / "masks" / f"{photo.stem}.png" for photo in photos]
    return [
        (photo, mask if mask.is_file() else None) for photo, mask in zip(photos, masks, strict=True)
    ]

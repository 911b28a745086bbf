"""Pictures to try the page with: whatever lies in `examples/`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "examples"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def find_examples(folder: Path = FOLDER) -> list[tuple[Path, Path | None]]:
    """Pictures of the folder, each with the mask of the same name in `masks/`, or None."""
    if not folder.is_dir():
        return []
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    masks = [folder / "masks" / f"{photo.stem}.png" for photo in photos]
    return [
        (photo, mask if mask.is_file() else None) for photo, mask in zip(photos, masks, strict=True)
    ]

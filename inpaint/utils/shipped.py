"""Where the folders lie that come with the package: the weights, and the examples."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def shipped_folder(name: str, package: Path = PACKAGE) -> Path:
    """The folder `name` that came with the package; it need not be there.

    An installed package has it inside, as `_name` (setup.py puts it there). A checkout has it
    beside the package. Inside comes first: what lies beside an installed package is another's.

    Args:
        name: "weights" or "examples".
        package: The package's own folder.
    """
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parent / name

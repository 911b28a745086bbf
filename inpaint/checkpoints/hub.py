"""A folder as a model hub expects it: configuration, weights, and a card that describes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from safetensors.torch import load_file, save

from inpaint.checkpoints.weights import find_weights, load_network, read_metadata
from inpaint.utils.extras import DISTRIBUTION
from inpaint.utils.files import atomic_write
from inpaint.utils.shipped import shipped_folder

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"  # a hub's names
REFINER = "refiner.safetensors"

_USE = """\
## How to use

    pip install {distribution}

```python
from pathlib import Path

from huggingface_hub import snapshot_download
from PIL import Image

from inpaint import Inpainter

folder = Path(snapshot_download("NAME/OF-THIS-MODEL"))  # or a local copy of it
inpainter = Inpainter.load(folder / "{weights}")
filled = inpainter.fill(Image.open("photo.jpg"), Image.open("mask.png"))  # white = fill
filled.save("filled.png")
```

The network alone, without what `Inpainter` adds for large photos and texture:

```python
from inpaint import PConvUNet

network = PConvUNet.from_pretrained("NAME/OF-THIS-MODEL").eval()
output = network(image, valid)  # (B, 3, H, W) in [0, 1]; (B, 1, H, W), 1 = known
composite = valid * image + (1 - valid) * output
```
"""


def write_hub_folder(weights: str | Path, folder: str | Path) -> Path:
    """A new folder with the network of a weight file, which `from_pretrained` and `Inpainter.load`
    read, its refiner, and a card. Returns the folder.

    Args:
        weights: Name of shipped weights, or a file.
        folder: Where; must not exist or be empty. Nothing is uploaded.

    Raises:
        FileNotFoundError: No such weights.
        CheckpointError: The file holds no network.
        ValueError: The folder holds something.
    """
    path, folder = find_weights(weights), Path(folder)
    network, metadata = load_network(path), read_metadata(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} exists and is not an empty folder; give another")
    notes = dict(metadata["notes"])
    refiner = notes.get("refiner")
    folder.mkdir(parents=True, exist_ok=True)
    if refiner:
        beside = path.parent / refiner if Path(refiner).suffix else refiner
        shutil.copyfile(find_weights(beside), folder / REFINER)
        notes["refiner"] = REFINER
    kept = {
        "format": metadata["format"],
        "config": json.dumps(metadata["config"]),
        "notes": json.dumps(notes),
    }
    atomic_write(folder / WEIGHTS, save(load_file(path), metadata=kept))
    settings = json.dumps(network.config.to_dict(), indent=2)
    atomic_write(folder / CONFIG, f"{settings}\n".encode())
    atomic_write(folder / CARD, _card(path, notes).encode())
    return folder


def _card(path: Path, notes: dict[str, Any]) -> str:
    """The text of the card. What is known of shipped weights lies beside them; of others only what
    their notes say."""
    shipped = shipped_folder("weights")
    described = path.with_suffix(".md")
    known = path.parent == shipped and described.is_file()
    data = ModelCardData(
        library_name="inpaint",
        pipeline_tag="image-to-image",
        tags=["inpainting", "partial-convolution"],
        license="other",
        license_name="see-card",
        license_link=CARD,
    )
    about = described.read_text() if known else _about(notes)
    use = _USE.format(distribution=DISTRIBUTION, weights=WEIGHTS)
    return f"---\n{data.to_yaml()}\n---\n\n# {path.stem}\n\n{about}\n{use}"


def _about(notes: dict[str, Any]) -> str:
    lines = [f"- {key}: {value}" for key, value in notes.items() if isinstance(value, str | int)]
    listed = "\n".join(lines) or "The weight file has no notes on its data and training."
    return (
        "A U-Net of partial convolutions (arXiv:1804.07723) that fills holes in images.\n\n"
        f"## Notes of the weight file\n\n{listed}\n\n"
        "## Figures, limits, licence\n\nNot in the weight file: write them here before others "
        "use it. The licence of weights depends on the data they were trained on.\n"
    )

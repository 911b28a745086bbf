"""A network and recipes small enough for tests; as a script, train_inpaint.py with them."""

import multiprocessing
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

from inpaint import unet
from inpaint.train import RECIPES, Phase, Recipe
from inpaint.train.config import L1_ONLY

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
NETWORK = unet.UNetConfig(widths=(8, 16), kernels=(5, 3))
TINY = {
    "tiny": Recipe(
        network="tiny",
        phases=(
            Phase(steps=3, size=16, batch_size=4, lr=4e-3, lr_end=2e-3, losses=L1_ONLY),
            Phase(steps=3, size=24, batch_size=4, lr=1e-3, loss_crop=16, frozen_norm="encoder"),
        ),
    ),
    "tiny-long": Recipe(
        network="tiny",
        phases=(
            Phase(steps=2, size=16, batch_size=4, lr=1e-3, losses=L1_ONLY),
            Phase(steps=9_999, size=16, batch_size=4, lr=1e-3, frozen_norm="encoder"),
        ),
    ),
    # Without statistics of the batch, several processes compute what one does.
    "tiny-frozen": Recipe(
        network="tiny",
        phases=(Phase(steps=4, size=16, batch_size=4, lr=1e-3, frozen_norm="all"),),
    ),
}


def use_tiny_recipes(patch: "pytest.MonkeyPatch") -> None:
    patch.setitem(unet._NAMED, "tiny", NETWORK)
    for name, recipe in TINY.items():
        patch.setitem(RECIPES, name, recipe)


if __name__ == "__main__":
    unet._NAMED["tiny"] = NETWORK
    RECIPES.update(TINY)
    multiprocessing.set_start_method("spawn")  # workers inherit nothing, as on most systems
    runpy.run_path(str(ROOT / "train_inpaint.py"), run_name="__main__")

"""A folder for a model hub: what was written is read again by from_pretrained and by Inpainter."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import tiny_weights

from inpaint import Inpainter, PConvUNet
from inpaint.checkpoints.hub import write_hub_folder
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, load_network, shipped_weights
from inpaint.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shipped network."""
    path = tmp_path_factory.mktemp("hub") / "compact"
    assert main(["weights", "hub", str(path)]) == 0
    return path


def test_the_folder_holds_what_a_hub_expects(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "refiner.safetensors"}
    assert json.loads((folder / "config.json").read_text())["widths"][0] == 32


def test_from_pretrained_gives_the_same_network(folder: Path) -> None:
    found, wanted = PConvUNet.from_pretrained(folder).eval(), load_network(shipped_weights())
    assert found.config == wanted.config
    state = found.state_dict()
    assert all(torch.equal(state[key], value) for key, value in wanted.state_dict().items())


def test_an_inpainter_of_the_folder_fills_as_the_shipped_one(folder: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    hole = np.zeros((48, 64), bool)
    hole[10:20, 20:40] = True
    ours = Inpainter.load(folder / "model.safetensors", style="faithful")
    assert ours.refiner is not None
    filled = Inpainter.load(style="faithful").fill(photo, hole)
    np.testing.assert_array_equal(ours.fill(photo, hole), filled)


def test_the_card_has_metadata_licence_data_figures_and_use(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    head = card.split("---")[1]
    assert "library_name: inpaint" in head and "license: other" in head
    for title in ("Data and training", "Figures", "Limits", "Licence", "How to use"):
        assert f"## {title}\n" in card
    for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        compile(code, "card", "exec")


def test_figures_of_the_card_are_those_of_the_results() -> None:
    rows = [row for row in (ROOT / f"weights/{DEFAULT_WEIGHTS}.md").read_text().splitlines()]
    results = (ROOT / "docs/results.md").read_text().splitlines()
    figures = [row for row in rows if row.startswith("|")]
    assert len(figures) > 4
    assert [row for row in figures if row not in results] == []


def test_weights_of_others_get_a_card_of_their_notes(tmp_path: Path) -> None:
    write_hub_folder(tiny_weights(tmp_path / "mine.safetensors"), tmp_path / "hub")
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "# mine" in card and "Places2" not in card
    assert PConvUNet.from_pretrained(tmp_path / "hub").config.widths == (8, 16)


def test_a_folder_that_holds_something_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["weights", "hub", str(tmp_path)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

"""Training the refiner by the trainer of networks: what changes, what is saved, what goes on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import (
    TINY,
    forget_accelerate,
    log_lines,
    resumed,
    settings,
    use_tiny_recipes,
)

from inpaint import Inpainter
from inpaint.checkpoints.weights import load_network, load_refiner
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.training import Phase, Recipe, TrainConfig, train
from inpaint.training.config import REFINER, REFINING
from inpaint.training.networks import RefinedFill, trained_part
from inpaint.training.state import load_state

pytestmark = pytest.mark.usefixtures("small_world")


@pytest.fixture
def config(pictures: Path, tmp_path: Path, base: Path) -> TrainConfig:
    run = settings(pictures, tmp_path / "run")
    return replace(run, config="tiny-refiner", base=str(base))


def losses(folder: Path | str) -> list[float]:
    return [line["total"] for line in log_lines(folder)]


def test_a_run_leaves_a_refiner_and_the_network_as_it_was(config: TrainConfig, base: Path) -> None:
    before = base.read_bytes()
    folder = train(config)
    refiner = load_refiner(folder / "ema.safetensors")
    assert refiner.last.weight.abs().max() > 0
    assert base.read_bytes() == before
    assert not any("encoder" in key for key in load_state(folder / "last.pt")["network"])
    assert len(losses(folder)) == 4


def test_a_run_that_ends_and_goes_on_takes_the_same_steps(
    config: TrainConfig, tmp_path: Path
) -> None:
    train(config)
    parts = replace(config, out=str(tmp_path / "parts"))
    train(replace(parts, minutes=1e-9))
    assert len(losses(parts.out)) == 1
    while len(losses(parts.out)) < 4:
        train(resumed(replace(parts, minutes=1e-9)))
    assert losses(parts.out) == losses(config.out)
    ours, theirs = (load_state(Path(run.out) / "last.pt") for run in (config, parts))
    torch.testing.assert_close(ours["average"], theirs["average"], rtol=0, atol=0)


def test_going_on_behind_another_network_is_refused(config: TrainConfig) -> None:
    train(config)
    with pytest.raises(ValueError, match=r"was trained with base .*, now it is other; resume"):
        train(resumed(replace(config, base="other")))


def test_init_starts_from_a_refiner(config: TrainConfig, tmp_path: Path) -> None:
    folder = train(config)
    forget_accelerate()
    weights = str(folder / "ema.safetensors")
    again = replace(config, out=str(tmp_path / "again"), init=weights, phase=1, steps=1, lr=1e-9)
    train(again)
    start, now = load_refiner(weights), load_refiner(tmp_path / "again" / "ema.safetensors")
    torch.testing.assert_close(now.state_dict(), start.state_dict(), rtol=0, atol=1e-6)


def test_training_makes_fills_better(
    config: TrainConfig, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = Phase(steps=40, size=24, batch_size=4, lr=2e-3, losses=REFINING)
    monkeypatch.setitem(TINY, "tiny-refiner", Recipe(REFINER, (phase,)))
    use_tiny_recipes(monkeypatch)
    found = losses(train(config))
    assert sum(found[-10:]) < sum(found[:10]) - 10  # the term is a tenth of a dB


def test_a_refined_fill_is_that_of_the_inpainter(base: Path) -> None:
    torch.manual_seed(1)
    refiner = Refiner(RefinerConfig(width=8, dilations=(1,)))
    torch.nn.init.normal_(refiner.last.weight, std=0.05)
    network = load_network(base)
    image, hole = torch.rand(1, 3, 40, 48), torch.zeros(1, 1, 40, 48)
    hole[..., 10:20, 12:30] = 1
    module = RefinedFill(refiner, network)
    assert trained_part(module) is refiner and module.config is refiner.config
    with torch.no_grad():
        output = module(image, 1 - hole)[0].permute(1, 2, 0).clamp(0, 1).numpy()
    inpainter = Inpainter(network, refiner=refiner, style="plain")
    where = hole[0, 0].numpy() > 0
    filled = inpainter.fill(image[0].permute(1, 2, 0).contiguous().numpy(), where)
    torch.testing.assert_close(filled[where], output[where], rtol=0, atol=2e-3)


def test_a_refined_fill_leaves_the_threads_of_torch_as_they_were(base: Path) -> None:
    module = RefinedFill(Refiner(RefinerConfig(width=8, dilations=(1,))), load_network(base))
    hole = torch.zeros(2, 1, 24, 24)
    hole[..., 5:9, 5:9] = 1
    torch.set_num_threads(2)
    module(torch.rand(2, 3, 24, 24), 1 - hole)
    assert torch.get_num_threads() == 2


def test_a_refiner_has_no_norms_to_freeze() -> None:
    with pytest.raises(ValueError, match="no norms that could be frozen"):
        Recipe(REFINER, (Phase(steps=1, size=16, batch_size=1, lr=1, frozen_norm="encoder"),))

"""Adversarial training by the trainer: terms, resuming, several processes, starting weights."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import (
    JUDGED,
    NETWORK,
    NOISY,
    forget_accelerate,
    launch,
    log_lines,
    losses,
    resumed,
    settings,
    use_tiny_recipes,
)

from inpaint import PConvUNet
from inpaint.checkpoints.weights import load_network, save_weights
from inpaint.training import NonFiniteLossError, Phase, Recipe, TrainConfig, adversary, train
from inpaint.training.networks import new_network
from inpaint.training.state import load_state

pytestmark = pytest.mark.usefixtures("small_world")


def run_of(pictures: Path, out: Path) -> TrainConfig:
    return replace(settings(pictures, out), config="tiny-generative")


@pytest.fixture
def config(pictures: Path, tmp_path: Path) -> TrainConfig:
    return run_of(pictures, tmp_path / "run")


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_recipes(patch)
        forget_accelerate()
        train(run_of(pictures, folder))
    return folder


def states_of(folder: str | Path | None) -> dict[str, Any]:
    assert folder is not None
    state = load_state(Path(folder) / "last.pt")
    return {name: state[name] for name in ("network", "average", "optimizer", "adversary")}


def test_the_terms_are_logged_and_both_networks_change(whole: Path) -> None:
    lines = log_lines(whole)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        names = ("adversarial", "features", "coarse", "discounted")
        wanted = sum(getattr(JUDGED, name) * line[name] for name in names)
        assert line["total"] == pytest.approx(wanted + 0.5 * line["valid"], rel=1e-5)
        assert line["discriminator"] > 0
    state = states_of(whole)["adversary"]
    assert {int(s["step"]) for s in state["optimizer"]["state"].values()} == {4}
    assert load_network(whole / "ema.safetensors").config == NOISY


def test_a_run_that_ends_and_goes_on_takes_the_same_steps(config: TrainConfig, whole: Path) -> None:
    config = replace(config, minutes=1e-9)  # over after each step
    for step in range(1, 5):
        train(config)
        assert len(log_lines(config.out or "")) == step
        config = resumed(config)
    assert losses(config.out or "") == losses(whole)
    torch.testing.assert_close(states_of(config.out), states_of(whole), rtol=0, atol=0)


def test_a_discriminator_that_diverges_ends_the_run(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_a_number(*_: Any) -> torch.Tensor:
        return torch.tensor(torch.nan, requires_grad=True)

    monkeypatch.setattr(adversary, "discriminator_loss", not_a_number)
    with pytest.raises(NonFiniteLossError, match=r"at step 0: .*'discriminator': nan"):
        train(config)


def test_two_processes_keep_one_discriminator(pictures: Path, tmp_path: Path) -> None:
    """Each has a batch of its own; their gradients are averaged."""
    for process in launch(run_of(pictures, tmp_path / "run")):
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert len(log_lines(tmp_path / "run")) == 4
    assert states_of(tmp_path / "run")["adversary"]["optimizer"]["state"]


def test_training_starts_from_weights_without_noise(tmp_path: Path) -> None:
    network = PConvUNet(NETWORK)
    save_weights(network, tmp_path / "plain.safetensors")
    config = TrainConfig(config="tiny-generative", init=str(tmp_path / "plain.safetensors"))
    started = new_network(config, None, torch.device("cpu"))
    assert started.config == NOISY
    for key, value in network.state_dict().items():
        assert torch.equal(started.state_dict()[key], value)
    save_weights(started, tmp_path / "noisy.safetensors")
    with torch.no_grad():
        started.noise[0].strength.fill_(7)
    save_weights(started, tmp_path / "noisy.safetensors")
    config = replace(config, init=str(tmp_path / "noisy.safetensors"))
    again = new_network(config, None, torch.device("cpu"))
    assert (again.noise[0].strength == 7).all()


def test_a_run_has_one_discriminator() -> None:
    phase = Phase(steps=1, size=64, batch_size=1, lr=1e-3, adversarial=JUDGED)
    other = replace(phase, adversarial=replace(JUDGED, width=8))
    with pytest.raises(ValueError, match="a run has one discriminator"):
        Recipe(network="tiny", phases=(phase, other))


def test_phases_saved_before_there_were_adversarial_terms_are_read() -> None:
    phase = Phase(steps=1, size=64, batch_size=1, lr=1e-3)
    old = {key: value for key, value in asdict(phase).items() if key != "adversarial"}
    assert Phase.from_dict(old) == phase
    phase = replace(phase, adversarial=JUDGED)
    assert Phase.from_dict(asdict(phase)) == phase

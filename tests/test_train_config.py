"""Settings, recipes and options of a training run."""

import math
from argparse import ArgumentParser
from dataclasses import fields
from typing import Any

import pytest
from tiny_training import use_tiny_recipes

from inpaint.training import RECIPES, Phase, Recipe, TrainConfig, add_arguments, config_from
from inpaint.training.losses import LossWeights


@pytest.fixture(autouse=True)
def tiny_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_recipes(monkeypatch)


def test_every_setting_is_an_option_with_its_default() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert config_from(parser.parse_args([])) == TrainConfig()
    text = parser.format_help()
    for setting in fields(TrainConfig):
        assert f"--{setting.name.replace('_', '-')}" in text
    parsed = parser.parse_args(
        ["--no-vgg", "--minutes", "1.5", "--batch-size", "8", "--root", "a,b@2"]
    )
    assert config_from(parsed) == TrainConfig(no_vgg=True, minutes=1.5, batch_size=8, root="a,b@2")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"config": "huge"}, "config must be one of paper, compact, .*, got 'huge'"),
        ({"precision": "fp8"}, "precision must be auto, fp32, bf16 or fp16, got 'fp8'"),
        ({"phase": 3, "config": "tiny"}, "phase must lie between 1 and 2, got 3"),
        ({"resume": True, "init": "a.safetensors"}, "init has no effect"),
        ({"ema_decay": 1.0}, r"ema_decay must lie in \[0, 1\), got 1.0"),
        ({"steps": 0}, "steps must be above 0, got 0"),
        ({"steps": 1, "config": "tiny"}, "steps must leave one for each of the 2 phases, got 1"),
        ({"lr": -1.0}, "lr must be above 0, got -1.0"),
        ({"minutes": math.nan}, "minutes must be above 0, got nan"),
        ({"workers": -1}, "workers must be 0 or more, got -1"),
        ({"loss_crop": 4}, "loss_crop must lie between 8 and the size 512, got 4"),
        ({"size": 7}, "size must be 8 or more for the VGG terms, got 7"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


def test_options_change_every_phase_and_keep_its_shape() -> None:
    phases = TrainConfig(config="tiny", steps=11, size=20, batch_size=2, lr=8e-3).phases()
    assert [phase.steps for phase in phases] == [6, 5]
    assert [(phase.size, phase.batch_size) for phase in phases] == [(20, 2), (20, 2)]
    assert [phase.lr for phase in phases] == pytest.approx([8e-3, 2e-3])
    assert phases[0].lr_end == pytest.approx(4e-3)
    assert [phase.losses.needs_vgg for phase in phases] == [False, True]
    assert not TrainConfig(config="tiny", no_vgg=True).phases()[1].losses.needs_vgg


@pytest.mark.parametrize("steps", [40, 41, 1000, 30_001])
def test_steps_are_the_steps_of_all_phases_together(steps: int) -> None:
    assert (
        sum(phase.steps for phase in TrainConfig(config="compact", steps=steps).phases()) == steps
    )


def test_the_paper_recipe_is_the_papers() -> None:
    first, second = RECIPES["paper"].phases
    assert (first.size, first.batch_size, first.lr, first.frozen_norm) == (512, 6, 2e-4, "none")
    assert (second.lr, second.frozen_norm) == (5e-5, "encoder")
    weights = LossWeights()
    assert (weights.valid, weights.hole, weights.perceptual) == (1, 6, 0.05)
    assert (weights.style_out, weights.style_comp, weights.tv) == (120, 120, 0.1)


def test_a_recipe_cannot_thaw_norms() -> None:
    phases = (Phase(1, 8, 1, 1e-3, frozen_norm="all"), Phase(1, 8, 1, 1e-3))
    with pytest.raises(ValueError, match=r"stays so in the next; got \['all', 'none'\]"):
        Recipe("tiny", phases)

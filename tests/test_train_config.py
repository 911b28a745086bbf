"""Settings, recipes and options of a training run."""

import dataclasses
import math
from argparse import ArgumentParser
from dataclasses import fields
from typing import Any

import pytest
from tiny_training import use_tiny_recipes

from inpaint.training import RECIPES, Phase, Recipe, TrainConfig, add_arguments, config_from
from inpaint.training.weights import LossWeights


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
        ({"grad_clip": "some"}, "grad_clip must be a number above 0, or none, got 'some'"),
        ({"grad_clip": "0"}, "grad_clip must be above 0, or none, got 0"),
        ({"max_upscale": 0.5}, "max_upscale must be 1 or more, got 0.5"),
        ({"pixel_range": "bytes"}, "pixel_range must be one of imagenet, unit, got 'bytes'"),
        ({"crops": "gpu"}, "crops must be one of auto, host, device, got 'gpu'"),
        ({"invert_holes": True}, "invert_holes goes with a folder of hole pictures; give --holes"),
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


def test_only_the_paper_recipe_measures_colours_as_the_papers_code_and_leaves_gradients() -> None:
    for name, recipe in RECIPES.items():
        for phase in recipe.phases:
            paper = name == "paper"
            assert phase.losses.normalised == paper
            assert phase.grad_clip == (None if paper else 1.0)
            assert phase.max_upscale == (1.0 if paper else 2.0)


def test_clipping_enlarging_and_the_range_of_colours_are_options() -> None:
    phase = TrainConfig(grad_clip="0.5", max_upscale=2, pixel_range="unit").phases()[1]
    assert (phase.grad_clip, phase.max_upscale, phase.losses.normalised) == (0.5, 2, False)
    phase = TrainConfig(config="compact", grad_clip="none", pixel_range="imagenet").phases()[0]
    assert (phase.grad_clip, phase.max_upscale, phase.losses.normalised) == (None, 2, True)
    parser = ArgumentParser()
    add_arguments(parser)
    parsed = config_from(parser.parse_args(["--grad-clip", "none"]))
    assert [phase.grad_clip for phase in parsed.phases()] == [None, None]


def test_a_phase_of_before_these_settings_is_one_with_their_old_values() -> None:
    values = dataclasses.asdict(RECIPES["compact"].phases[0])
    del values["grad_clip"], values["max_upscale"], values["losses"]["normalised"]
    assert Phase.from_dict(values) == RECIPES["compact"].phases[0]


def test_a_recipe_cannot_thaw_norms() -> None:
    phases = (Phase(1, 8, 1, 1e-3, frozen_norm="all"), Phase(1, 8, 1, 1e-3))
    with pytest.raises(ValueError, match=r"stays so in the next; got \['all', 'none'\]"):
        Recipe("tiny", phases)

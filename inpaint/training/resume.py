"""Whether a run may go on from a checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inpaint.masks.generate import GENERATOR_VERSION
from inpaint.training.config import RECIPES, REFINER, Phase, TrainConfig


def check_same_run(
    path: Path, state: dict[str, Any], config: TrainConfig, phases: Sequence[Phase]
) -> None:
    """Raises ValueError when the run of a state, which `path` holds, was another one than this."""
    before = [dataclasses.asdict(Phase.from_dict(values)) for values in state["phases"]]
    found = _facts(state["config"], before, state.get("hole_generator", 1))
    now = [dataclasses.asdict(phase) for phase in phases]
    wanted = _facts(dataclasses.asdict(config), now, GENERATOR_VERSION)
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"{path} was trained with {name} {found.get(name)}, now it is "
                f"{wanted.get(name)}; resume with the same options, or start a new run from "
                "ema.safetensors with --init and another --out"
            )


def _facts(
    config: dict[str, Any], phases: list[dict[str, Any]], hole_generator: int
) -> dict[str, Any]:
    """What must be alike for a run to go on, by name."""
    named = {
        f"phase {number} {name}": value
        for number, phase in enumerate(phases, start=1)
        for name, value in phase.items()
    }
    if not config["holes"]:
        named["hole generator"] = hole_generator
    if RECIPES[config["config"]].network == REFINER:
        named["base"] = config["base"]
    named["invert_holes"] = config.get("invert_holes", False)
    return {"seed": config["seed"], **named}

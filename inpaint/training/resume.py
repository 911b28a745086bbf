"""Whether a run may go on from a checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inpaint.training.config import RECIPES, REFINER, Phase, TrainConfig


def check_same_run(
    path: Path,
    state: dict[str, Any],
    config: TrainConfig,
    phases: Sequence[Phase],
    processes: int,
) -> None:
    """Raises ValueError when a state is that of another run.

    The number of processes may change if a step keeps its samples over all of them.

    Args:
        path: The file of the state, for the message.
        state: As `load_state` read it.
        config: Of the run that is to go on.
        phases: Of that run.
        processes: That share its steps.
    """
    before = [dataclasses.asdict(Phase.from_dict(values)) for values in state["phases"]]
    # The batch size of a state without a number of processes is that of all together.
    found = _facts(state["config"], before, state.get("processes", 1))
    now = [dataclasses.asdict(phase) for phase in phases]
    wanted = _facts(dataclasses.asdict(config), now, processes)
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"{path} was trained with {name} {found.get(name)}, now it is "
                f"{wanted.get(name)}; resume with the same options, or start a new run from "
                "ema.safetensors with --init and another --out"
            )


def _facts(config: dict[str, Any], phases: list[dict[str, Any]], processes: int) -> dict[str, Any]:
    """What must be alike for a run to go on, by name."""
    facts = {"seed": config["seed"]}
    for name in ("invert_holes", "device_holes"):  # which older states lack
        facts[name] = config.get(name, False)
    if RECIPES[config["config"]].network == REFINER:
        facts["base"] = config["base"]
    for number, phase in enumerate(phases, start=1):
        samples = {"pictures a step": phase["batch_size"] * processes}
        settings = {name: value for name, value in phase.items() if name != "batch_size"}
        facts |= {f"phase {number} {name}": v for name, v in {**settings, **samples}.items()}
    return facts

"""Whether a run may begin in a folder, or go on from the checkpoint in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inpaint.training.config import AUTO, RECIPES, REFINER, Phase, TrainConfig


def choose_crops(config: TrainConfig, state: dict[str, Any] | None, device: str) -> TrainConfig:
    """The settings of a run with `crops` chosen: as in its checkpoint, or else by the device.

    Args:
        config: The settings.
        state: Of the checkpoint that the run goes on from; those of before the setting lack it.
        device: Type of the device that trains.
    """
    if config.crops != AUTO:
        return config
    if state:
        return dataclasses.replace(config, crops=state["config"].get("crops", "host"))
    return dataclasses.replace(config, crops="device" if device == "cuda" else "host")


def check_unused(checkpoint: Path) -> None:
    """Raises ValueError when there is a checkpoint, which a new run would overwrite."""
    if checkpoint.exists():
        raise ValueError(
            f"{checkpoint.parent} holds a run already; go on with --resume, or give another --out"
        )


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
    check_facts(path, found, wanted)


def check_facts(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raises ValueError, which names it, for a fact of the run in `path` that is another now."""
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"{path} was trained with {name} {found.get(name)}, now it is "
                f"{wanted.get(name)}; resume with the same options, or start a new run from "
                "ema.safetensors with --init and another --out"
            )


def _facts(config: dict[str, Any], phases: list[dict[str, Any]], processes: int) -> dict[str, Any]:
    """What must be alike for a run to go on, by name."""
    facts = {"seed": config["seed"], "crops": config.get("crops", "host")}
    for name in ("invert_holes", "device_holes"):  # which older states lack
        facts[name] = config.get(name, False)
    if RECIPES[config["config"]].network == REFINER:
        facts["base"] = config["base"]
    for number, phase in enumerate(phases, start=1):
        samples = {"pictures a step": phase["batch_size"] * processes}
        settings = {name: value for name, value in phase.items() if name != "batch_size"}
        facts |= {f"phase {number} {name}": v for name, v in {**settings, **samples}.items()}
    return facts

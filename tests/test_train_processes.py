"""Training runs of several processes."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import TERMS, launch, losses, wait_for_step

from inpaint.training import TrainConfig, train
from inpaint.training.resume import check_same_run
from inpaint.training.state import load_state

pytestmark = pytest.mark.usefixtures("small_world")


def test_two_processes_reach_the_losses_of_one_with_a_batch_twice_as_large(
    config: TrainConfig, tmp_path: Path
) -> None:
    one = replace(config, config="tiny-frozen", batch_size=24)
    two = replace(one, out=str(tmp_path / "two"), batch_size=12)
    train(one)
    for process in launch(two):
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        if "results in" in errors:  # the main process
            assert "2 processes on cpu, float32" in errors
            assert "12 pictures a step in each of 2 processes, 24 in all" in errors
            assert "learning rate 0.001 as for one process" in errors
    for ours, theirs in zip(losses(one.out), losses(two.out), strict=True):
        assert [theirs[term] for term in TERMS] == pytest.approx(
            [ours[term] for term in TERMS], rel=1e-5
        )
    ours, theirs = (load_state(Path(run.out) / "last.pt") for run in (one, two))
    torch.testing.assert_close(ours["network"], theirs["network"], rtol=1e-4, atol=1e-5)
    assert theirs["processes"] == 2
    path, phases = Path(two.out) / "last.pt", two.phases()
    check_same_run(path, theirs, one, one.phases(), 1)  # 24 samples as well
    with pytest.raises(ValueError, match="pictures a step 24, now it is 12"):
        check_same_run(path, theirs, two, phases, 1)


def test_two_processes_freeze_norms_between_phases_and_stop_together(config: TrainConfig) -> None:
    """A signal to one of them ends both after the same step."""
    config = replace(config, config="tiny-long")
    processes = launch(config)
    wait_for_step(5, Path(config.out), *processes)
    processes[1].terminate()
    for process in processes:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 143, errors
    lines = losses(config.out)
    assert {line["phase"] for line in lines} == {0, 1}
    assert all(math.isfinite(line["total"]) for line in lines)
    assert load_state(Path(config.out) / "last.pt")["step"] == lines[-1]["step"]

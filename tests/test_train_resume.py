"""Training runs that end early and are resumed."""

import json
import logging
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import ROOT, command, log_lines, losses, resumed, wait_for_step

from inpaint.training import TrainConfig, TrainingStopped, train
from inpaint.training.log import RunLog
from inpaint.training.state import load_state

pytestmark = pytest.mark.usefixtures("small_world")


def assert_same_run(folder: Path | str, other: Path | str) -> None:
    """Losses, weights, averages and optimiser are equal bit for bit."""
    assert losses(folder) == losses(other)
    ours, theirs = (load_state(Path(path) / "last.pt") for path in (folder, other))
    for part in ("step", "updates"):
        assert ours[part] == theirs[part]
    for part in ("network", "average", "optimizer"):
        torch.testing.assert_close(ours[part], theirs[part], rtol=0, atol=0)


def test_ctrl_c_saves_and_resuming_takes_the_same_steps(
    config: TrainConfig, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the first phase, at the end of it, and in the second."""
    count_step = RunLog.step

    def stop_at_odd_steps(log: RunLog, pictures: int) -> None:
        count_step(log, pictures)
        if log.bar.n % 2 == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RunLog, "step", stop_at_odd_steps)
    for step in (1, 3, 5):
        with pytest.raises(TrainingStopped, match=r"saved in .*; go on with --resume") as stopped:
            train(config)
        assert stopped.value.signum == signal.SIGINT
        assert len(log_lines(config.out)) == step
        config = resumed(config)
    train(config)
    assert_same_run(config.out, whole)


def test_minutes_end_a_run_and_resuming_takes_the_same_steps(
    config: TrainConfig, whole: Path
) -> None:
    config = replace(config, minutes=1e-9)  # over after each step
    for step in range(1, 7):
        train(config)
        assert len(log_lines(config.out)) == step
        config = resumed(config)
    assert_same_run(config.out, whole)


def test_a_killed_run_goes_on_from_its_checkpoint(config: TrainConfig, whole: Path) -> None:
    """kill -9 in the middle; the log holds steps beyond the checkpoint and half a line."""
    out = Path(config.out)
    line = command(replace(config, checkpoint_minutes=1e-9))
    with subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while not (out / "last.pt").exists():
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    step = load_state(out / "last.pt")["step"]
    assert step < 6
    with (out / "log.jsonl").open("a") as file:
        text = json.dumps({"kind": "train", "step": step + 1})
        file.write(text + "\n" + text[:9])
    train(resumed(config))
    assert_same_run(out, whole)


def test_ctrl_c_at_a_terminal_saves_with_worker_processes_running(config: TrainConfig) -> None:
    """A terminal sends it to all processes of the group."""
    out = Path(config.out)
    process = subprocess.Popen(
        command(replace(config, workers=1, steps=100_000)),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_step(1, out, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.endswith(f"stopped, saved in {out}; go on with --resume\n")
    assert load_state(out / "last.pt")["step"] == log_lines(out)[-1]["step"]


def test_a_second_signal_is_not_held_back(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_twice(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RunLog, "step", stop_twice)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        train(config)
    assert not isinstance(interrupt.value, TrainingStopped)


def test_a_finished_run_says_so(
    config: TrainConfig, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = (whole / "log.jsonl").read_text()
    assert train(resumed(replace(config, out=str(whole)))) == whole
    assert f"all 6 steps of {whole} are taken already" in caplog.text
    assert (whole / "log.jsonl").read_text() == before


def test_a_new_run_does_not_overwrite_an_old_one(config: TrainConfig, whole: Path) -> None:
    with pytest.raises(ValueError, match="holds a run already; go on with --resume, or give"):
        train(replace(config, out=str(whole)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 8}, "phase 1 pictures a step 4, now it is 8"),
        ({"phase": 1}, "phase 2 frozen_norm encoder, now it is None"),
        ({"seed": 1}, "seed 0, now it is 1"),
        ({"grad_clip": "none"}, "phase 1 grad_clip 1.0, now it is None"),
        ({"max_upscale": 1.0}, "phase 1 max_upscale 2.0, now it is 1.0"),
    ],
)
def test_resuming_as_another_run_is_refused(
    config: TrainConfig, whole: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"was trained with {message}; resume with the same"):
        train(resumed(replace(config, out=str(whole), **change)))


def test_resuming_nothing_is_refused(config: TrainConfig) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        train(resumed(config))

"""Training runs of a few steps: results, resuming, stopping, several processes."""

import json
import logging
import math
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import (
    NETWORK,
    ROOT,
    TINY,
    forget_accelerate,
    log_lines,
    resumed,
    settings,
    smooth_pictures,
    use_tiny_recipes,
)
from torch import nn

from inpaint.checkpoints.weights import load_network, read_metadata
from inpaint.models.unet_blocks import PConvBlock
from inpaint.training import (
    RECIPES,
    NonFiniteLossError,
    Recipe,
    TrainConfig,
    TrainingStopped,
    loop,
    train,
)
from inpaint.training.log import RunLog
from inpaint.training.resume import check_same_run
from inpaint.training.state import load_state

TERMS = {"valid", "hole", "tv", "perceptual", "style_out", "style_comp", "total"}


pytestmark = pytest.mark.usefixtures("small_world")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smooth_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def config(pictures: Path, tmp_path: Path) -> TrainConfig:
    return settings(pictures, tmp_path / "run")


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_recipes(patch)
        train(settings(pictures, folder))
    return folder


def command(config: TrainConfig, *options: str) -> list[str]:
    """The command line of the same run, and further options."""
    line = [sys.executable, str(ROOT / "tests" / "tiny_training.py"), *options]
    for name, value in vars(config).items():
        if value is not None and not isinstance(value, bool):
            line += ["--" + name.replace("_", "-"), str(value)]
    return line


def losses(folder: Path | str) -> list[dict[str, Any]]:
    """The lines of losses without what the clock puts into them."""
    drop = ("time", "pictures_per_s")
    return [{k: v for k, v in line.items() if k not in drop} for line in log_lines(folder)]


def assert_same_run(folder: Path | str, other: Path | str) -> None:
    """Losses, weights, averages and optimiser are equal bit for bit."""
    assert losses(folder) == losses(other)
    ours, theirs = (load_state(Path(path) / "last.pt") for path in (folder, other))
    for part in ("step", "updates"):
        assert ours[part] == theirs[part]
    for part in ("network", "average", "optimizer"):
        torch.testing.assert_close(ours[part], theirs[part], rtol=0, atol=0)


def test_a_run_leaves_weights_state_log_and_tensorboard(whole: Path) -> None:
    assert {"last.pt", "ema.safetensors", "log.jsonl", "tensorboard"} == {
        path.name for path in whole.iterdir()
    }
    lines = log_lines(whole)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["phase"] for line in lines] == [0, 0, 0, 1, 1, 1]
    assert set(lines[-1]) >= TERMS
    assert [line["size"] for line in lines] == [16, 16, 16, 24, 24, 24]
    assert lines[0]["lr"] == pytest.approx(4e-3)
    assert lines[1]["lr"] == pytest.approx(2e-3 + 1e-3 * (1 + math.cos(math.pi / 3)))
    assert lines[3]["lr"] == pytest.approx(1e-3)
    (figures,) = log_lines(whole, "val")
    assert figures["step"] == 6
    assert {"l1", "psnr", "l1/0.01-0.1"} <= set(figures)
    assert any((whole / "tensorboard").iterdir())


def test_the_averaged_weights_are_a_network_of_their_own(whole: Path) -> None:
    network, state = load_network(whole / "ema.safetensors"), load_state(whole / "last.pt")
    assert network.config == NETWORK
    for key, value in state["average"].items():
        if value.is_floating_point():
            assert torch.equal(network.state_dict()[key], value)
    assert read_metadata(whole / "ema.safetensors")["notes"]["steps"] == 6


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


def wait_for_step(step: int, folder: Path, *processes: "subprocess.Popen[str]") -> None:
    log = folder / "log.jsonl"
    while not (log.exists() and log.read_text().count("\n") >= step):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


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


def test_init_starts_from_a_weight_file(config: TrainConfig, whole: Path) -> None:
    weights = whole / "ema.safetensors"
    train(replace(config, init=str(weights), phase=1, steps=1, lr=1e-9))
    start, now = load_network(weights), load_state(Path(config.out) / "last.pt")["network"]
    for name, value in start.named_parameters():
        torch.testing.assert_close(now[name], value.detach(), rtol=0, atol=1e-6)


def test_frozen_statistics_stay_bit_for_bit(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = []
    step = loop._Run._train_step

    def snap(run: Any, *args: Any) -> Any:
        snapshots.append({k: v.clone() for k, v in run.network.state_dict().items()})
        return step(run, *args)

    monkeypatch.setattr(loop._Run, "_train_step", snap)
    train(config)
    after = load_state(Path(config.out) / "last.pt")["network"]
    for key, value in after.items():
        frozen = key.startswith("encoder") and "norm" in key
        assert torch.equal(snapshots[3][key], value) == frozen, key  # the first of phase 2
        assert not (frozen and torch.equal(snapshots[0][key], value)), key


def test_bf16_lasts_through_all_phases(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    terms = loop.inpainting_terms

    def note(*args: Any, **settings: Any) -> Any:
        seen.add((torch.is_autocast_enabled("cpu"), conv_dtypes[-1]))
        return terms(*args, **settings)

    conv_dtypes: list[torch.dtype] = []
    monkeypatch.setattr(loop, "inpainting_terms", note)
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, _, output: (
            conv_dtypes.append(output[0].dtype) if isinstance(module, PConvBlock) else None
        )
    )
    with hook:
        train(replace(config, precision="bf16"))
    assert seen == {(True, torch.bfloat16)}
    assert all(math.isfinite(line["total"]) for line in losses(config.out))


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_terms(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = loop.inpainting_terms

    def diverge(*args: Any, **settings: Any) -> Any:
        found = terms(*args, **settings)
        return {**found, "tv": found["tv"] * math.nan} if settings["vgg"] else found

    monkeypatch.setattr(loop, "inpainting_terms", diverge)
    with pytest.raises(NonFiniteLossError, match=r"not finite at step 3: .*'tv': nan"):
        train(config)
    assert len(log_lines(config.out)) == 3


def test_weights_after_a_loss_that_was_not_seen_are_not_saved(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a recorded step, between two lines of the log."""
    monkeypatch.setattr(loop._Run, "_update", lambda *_: {"total": torch.tensor(math.nan)})
    with pytest.raises(NonFiniteLossError, match="'total': nan"):
        train(replace(config, log_steps=1000))
    assert not Path(config.out or "", "last.pt").exists()


def test_unreadable_pictures_are_skipped_and_counted(
    config: TrainConfig, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "mixed"
    root.mkdir()
    for number, path in enumerate(sorted(pictures.iterdir())):
        (root / path.name).write_bytes(path.read_bytes() if number % 2 else b"no picture")
    train(replace(config, root=str(root), phase=1))
    assert log_lines(config.out)[-1]["skipped"] > 0
    assert "picture skipped" in caplog.text


def test_pictures_too_small_for_a_later_phase_end_the_run_at_once(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = replace(TINY["tiny"].phases[1], size=512)
    recipe = Recipe("tiny", (TINY["tiny"].phases[0], large))
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    with pytest.raises(ValueError, match="512 px cannot be cut from them, enlarged at most 2"):
        train(config)


def test_the_papers_recipe_enlarges_pictures_on_request_only(
    config: TrainConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    paper = replace(config, config="paper", size=48, batch_size=1, no_vgg=True, steps=2)
    with pytest.raises(ValueError, match=r"--size 32\), or enlarge them \(--max-upscale 1\.5\)"):
        train(paper)
    forget_accelerate()
    run = loop._Run(replace(paper, max_upscale=1.5))
    assert "32 px; samples of 48 px; 100% are enlarged" in caplog.text
    run.close()


@pytest.mark.parametrize("clip", ["none", "1e-3"])
def test_gradients_are_clipped_as_the_recipe_or_the_option_says(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, clip: str
) -> None:
    norms = []
    step = torch.optim.Adam.step

    def note(optimizer: torch.optim.Adam, *args: Any) -> Any:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.cat([g.flatten() for g in gradients if g is not None]).norm().item())
        return step(optimizer, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", note)
    train(replace(config, grad_clip=clip, phase=1))
    assert len(norms) == 3
    if clip == "none":
        assert min(norms) > 2e-3
    else:
        assert norms == pytest.approx([1e-3] * 3, rel=1e-3)


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "empty"])
def test_a_data_set_that_is_not_there_gives_the_command_that_fetches_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: bool,
) -> None:
    if not missing:
        (tmp_path / "data/places2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train_inpaint.py", "--data", "places2"])
    assert runpy.run_path(str(ROOT / "train_inpaint.py"))["main"]() == 2
    errors = capsys.readouterr().err
    assert errors.startswith("train_inpaint.py: no places2 pictures in data/places2")
    assert "wget -c -P data/places2 http" in errors


@pytest.mark.parametrize("package", ["accelerate", "tensorboard"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(package: str) -> None:
    hide = f"import runpy, sys; sys.modules[{package!r}] = None; "
    code = hide + "runpy.run_path('train_inpaint.py', run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == (
        f"train_inpaint.py: training needs {package}; get it with: pip install 'inpaint[train]'\n"
    )


def test_four_processes_reach_the_losses_of_one_with_a_batch_four_times_as_large(
    config: TrainConfig, tmp_path: Path
) -> None:
    one = replace(config, config="tiny-frozen", batch_size=24)
    four = replace(one, out=str(tmp_path / "four"), batch_size=6)
    train(one)
    for process in launch(four, 4):
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        if "results in" in errors:  # the main process
            assert "4 processes on cpu, float32" in errors
            assert "6 pictures a step in each of 4 processes, 24 in all" in errors
            assert "learning rate 0.001 as for one process" in errors
    for ours, theirs in zip(losses(one.out), losses(four.out), strict=True):
        assert [theirs[term] for term in TERMS] == pytest.approx(
            [ours[term] for term in TERMS], rel=1e-5
        )
    ours, theirs = (load_state(Path(run.out) / "last.pt") for run in (one, four))
    torch.testing.assert_close(ours["network"], theirs["network"], rtol=1e-4, atol=1e-5)
    assert theirs["processes"] == 4
    path, phases = Path(four.out) / "last.pt", four.phases()
    check_same_run(path, theirs, one, one.phases(), 1)  # 24 samples as well
    with pytest.raises(ValueError, match="pictures a step 24, now it is 12"):
        check_same_run(path, theirs, four, phases, 2)


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


def launch(config: TrainConfig, count: int = 2) -> list["subprocess.Popen[str]"]:
    """The same run in several processes that talk over the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    processes = []
    for rank in map(str, range(count)):
        world = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
        ranks = {"RANK": rank, "LOCAL_RANK": rank, **world}
        environment = {**os.environ, **where, **ranks, "OMP_NUM_THREADS": "1"}
        processes.append(
            subprocess.Popen(
                command(config), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
            )
        )
    return processes


def test_an_unknown_data_set_lists_the_known_ones(config: TrainConfig) -> None:
    with pytest.raises(ValueError, match="data must be one of places2, celeba-hq, imagenet"):
        train(replace(config, data="coco"))


def test_bf16_on_a_cpu_is_refused_where_gradients_would_be_wrong(config: TrainConfig) -> None:
    if torch.cuda.is_available():
        pytest.skip("about CPUs")
    with pytest.raises(ValueError, match="bf16 on a CPU needs samples larger than 64 px"):
        train(replace(config, config="compact", size=64, precision="bf16"))


def test_a_run_writes_nothing_to_stdout(
    config: TrainConfig, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    train(replace(config, phase=1, steps=1))
    assert f"results in {config.out}" in caplog.text
    assert capsys.readouterr().out == ""

"""Training runs of a few steps: results, settings, errors."""

import logging
import math
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import NETWORK, ROOT, TERMS, TINY, forget_accelerate, log_lines, losses
from torch import nn

from inpaint.checkpoints.weights import load_network, read_metadata
from inpaint.models.unet_blocks import PConvBlock
from inpaint.training import RECIPES, NonFiniteLossError, Recipe, TrainConfig, loop, train
from inpaint.training.state import load_state

pytestmark = pytest.mark.usefixtures("small_world")


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
        f"train_inpaint.py: training needs {package}; "
        "get it with: pip install 'pconv-inpaint[train]'\n"
    )


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

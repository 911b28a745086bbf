"""What makes training fast stays as it is: nothing waits for the device, settings take effect."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import log_lines, resumed
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from inpaint.data import stream
from inpaint.inference.batched_boundary import blend_boundaries
from inpaint.training import TrainConfig, loop, networks, train
from inpaint.training.resume import choose_crops

pytestmark = pytest.mark.usefixtures("small_world")


class Waits(TorchDispatchMode):
    """Counts the operations that hand a value to the host, for which it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in (
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
        )
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("phase", [1, 2])
@pytest.mark.parametrize("on_device", [False, True])
def test_a_step_never_waits_for_the_device(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, phase: int, on_device: bool
) -> None:
    """As a GPU takes it: the optimiser is fused, values are seen when they are logged."""

    def fused(parameters: Any, lr: float, betas: tuple[float, float], _: torch.device) -> Any:
        return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)

    monkeypatch.setattr(loop, "adam", fused)
    crops = "device" if on_device else "host"
    config = replace(config, phase=phase, device_holes=on_device, crops=crops, log_steps=1000)
    run = loop._Run(config)
    run.watched = False
    waits = []
    step = run._train_step

    def count(*args: Any) -> Any:
        with Waits() as mode:
            values = step(*args)
        waits.append(mode.count)
        return values

    monkeypatch.setattr(run, "_train_step", count)
    run.train()
    run.close()
    assert waits == [0, 0, 0]


def test_looking_at_each_loss_would_be_counted(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = loop._Run(replace(config, phase=1))
    assert run.watched  # on a CPU
    with Waits() as mode:
        run._check_finite({"total": torch.ones(())})
    run.close()
    assert mode.count == 1


def test_a_step_of_the_refiner_as_on_a_gpu_never_waits(
    config: TrainConfig, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "_blend_each", blend_boundaries)
    run = loop._Run(replace(config, config="tiny-refiner", base=str(base)))
    device = run.accelerator.device
    image, hole = torch.rand(2, 3, 25, 25).to(device), torch.zeros(2, 1, 25, 25).to(device)
    hole[..., 5:9, 5:12] = 1
    with Waits() as mode:
        run.network(image, 1 - hole).mean().backward()
    run.close()
    assert mode.count == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("recipe", ["tiny", "tiny-refiner"])
def test_a_step_on_a_gpu_never_waits(config: TrainConfig, base: Path, recipe: str) -> None:
    settings = {"device_holes": True, "crops": "device", "precision": "bf16", "log_steps": 1000}
    settings |= {"config": recipe, "base": str(base)}
    run = loop._Run(replace(config, phase=2, **settings))  # type: ignore[arg-type]
    step = run._train_step

    def strict(*args: Any) -> Any:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return step(*args)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    run._train_step = strict  # type: ignore[method-assign]
    run.train()
    run.close()


def test_holes_of_the_device_are_resumed_exactly(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, device_holes=True)
    whole = replace(config, out=str(tmp_path / "whole"))
    train(whole)
    train(replace(config, minutes=1e-9))
    with pytest.raises(ValueError, match="with device_holes True, now it is False"):
        train(resumed(replace(config, device_holes=False)))
    train(resumed(config))
    ours, theirs = (log_lines(run.out) for run in (config, whole))  # type: ignore[arg-type]
    assert [line["total"] for line in ours] == [line["total"] for line in theirs]
    assert len({line["hole"] for line in theirs}) == 6


def test_crops_of_the_device_are_resumed_exactly_and_unasked(
    config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(config, crops="device")
    whole = replace(config, out=str(tmp_path / "whole"))
    train(whole)
    train(replace(config, minutes=1e-9))
    with pytest.raises(ValueError, match="with crops device, now it is host"):
        train(resumed(replace(config, crops="host")))
    train(resumed(replace(config, crops="auto")))
    ours, theirs = (log_lines(run.out) for run in (config, whole))  # type: ignore[arg-type]
    assert [line["total"] for line in ours] == [line["total"] for line in theirs]


def test_crops_of_the_device_train_as_those_of_the_host(
    config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(config, crops="host")
    other = replace(config, out=str(tmp_path / "other"), crops="device")
    host, device = ([line["total"] for line in log_lines(train(c))] for c in (config, other))
    assert host != device  # averages are rounded differently
    assert host[:3] == pytest.approx(device[:3], rel=0.01)  # later steps make it grow


def test_crops_are_scaled_on_the_device_if_it_is_a_gpu() -> None:
    config = TrainConfig()
    assert choose_crops(config, None, "cuda").crops == "device"
    assert choose_crops(config, None, "cpu").crops == "host"
    for device in ("cpu", "cuda"):
        assert choose_crops(config, {"config": {"crops": "device"}}, device).crops == "device"
        assert choose_crops(config, {"config": {}}, device).crops == "host"  # of an older version
        assert choose_crops(TrainConfig(crops="host"), None, device).crops == "host"


def test_device_holes_and_files_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="device_holes draws holes, holes takes them from files"):
        TrainConfig(device_holes=True, holes="masks")


def test_a_compiled_run_computes_the_same_and_saves_plain_weights(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    plain = nn.Module.compile

    def compile_eagerly(module: nn.Module) -> None:
        calls.append(module)
        plain(module, backend="eager")

    config = replace(config, phase=1)
    eager = replace(config, out=str(tmp_path / "eager"))
    train(eager)
    monkeypatch.setattr(nn.Module, "compile", compile_eagerly)
    train(replace(config, compile=True))
    assert len(calls) == 1
    ours, theirs = (log_lines(run.out) for run in (config, eager))  # type: ignore[arg-type]
    assert [a["total"] for a in ours] == pytest.approx([b["total"] for b in theirs], rel=1e-4)
    keys = [
        set(loop.load_state(Path(str(run.out)) / "last.pt")["network"]) for run in (config, eager)
    ]
    assert keys[0] == keys[1]


def test_workers_follow_the_processors_beside_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for cpus, processes, wanted in ((16, 1, 15), (64, 1, 16), (64, 8, 7), (4, 4, 2), (1, 1, 2)):
        monkeypatch.setattr(stream, "usable_cpus", lambda cpus=cpus: cpus)
        assert stream.default_workers("cuda", processes) == wanted
        assert stream.default_workers("cpu", processes) == 2

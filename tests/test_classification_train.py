import argparse
import json
import logging
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from labelled import write_tree

from inpaint.classification.config import ClassifierConfig, add_arguments, config_from
from inpaint.classification.train import ClassifierRun, train
from inpaint.padding import load_checkpoint, models

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return write_tree(root / "train", count=12), write_tree(root / "val", count=4, seed=1)


@pytest.fixture(autouse=True)
def no_precision_of_an_earlier_run():
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def config_for(data, tmp_path, **changes):
    training, validation = data
    return replace(
        ClassifierConfig(
            precision="fp32",
            arch="pdresnet10_small",
            data_train=str(training),
            data_val=str(validation),
            size=32,
            epochs=3,
            batch_size=8,
            lr=0.02,
            workers=0,
            ckptdirprefix=f"{tmp_path}/",
            prefix="a",
        ),
        **changes,
    )


def weights_in(folder):
    return torch.load(folder / "checkpoint.pth.tar", weights_only=True)["state_dict"]


def test_a_run_learns_and_writes_the_reference_s_files(data, tmp_path):
    outcome = train(config_for(data, tmp_path))
    folder = tmp_path / "checkpoint_pdresnet10_small_a"
    assert outcome.folder == folder
    assert outcome.best.top1 == 100
    state = torch.load(folder / "model_best.pth.tar", weights_only=True)
    assert state["best_prec1"] == 100
    assert state["arch"] == "pdresnet10_small"
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if line["kind"] == "val"] == [1, 2, 3]
    assert any((folder / "tensorboard").iterdir())
    load_checkpoint(models.build("pdresnet10_small", num_classes=2), folder / "model_best.pth.tar")


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_a_resumed_run_ends_as_one_that_never_stopped(data, tmp_path, monkeypatch, schedule):
    whole = train(config_for(data, tmp_path / "whole", schedule=schedule, lr_step=2))
    config = config_for(data, tmp_path / "parts", schedule=schedule, lr_step=2)
    taken = []
    evaluate = ClassifierRun.evaluate

    def stop_in_the_second_epoch(self):
        taken.append(1)
        if len(taken) == 2:
            raise KeyboardInterrupt
        return evaluate(self)

    monkeypatch.setattr(ClassifierRun, "evaluate", stop_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    parts = train(replace(config, resume="auto"))
    assert parts.history == whole.history
    ours, theirs = weights_in(parts.folder), weights_in(whole.folder)
    assert all(ours[key].equal(theirs[key]) for key in theirs)
    log = (parts.folder / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in log]
    assert steps == sorted(steps)


def test_the_learning_rate_follows_the_published_schedule():
    published = ClassifierConfig()
    assert [published.lr_at(10 * e, 10) for e in (0, 29)] == [0.1, 0.1]
    assert published.lr_at(300, 10) == pytest.approx(0.01)
    assert published.lr_at(999, 10) == pytest.approx(1e-4)
    assert ClassifierConfig(arch="pdvgg16_bn").lr_at(0, 10) == 0.1  # the reference's for all
    cosine = ClassifierConfig(schedule="cosine", epochs=2, lr=1.0)
    assert [cosine.lr_at(s, 10) for s in (0, 10, 20)] == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize(
    ("options", "way"),
    [
        (["--gpu", "0"], "CUDA_VISIBLE_DEVICES=0 python train_padding.py"),
        (["--gpu", "7"], "CUDA_VISIBLE_DEVICES=7 python train_padding.py"),
        (["--world-size", "4"], "accelerate launch --num_processes 4 train_padding.py"),
        (["--dist-url", "tcp://127.0.0.1:2345"], "--main_process_ip IP --main_process_port PORT"),
        (["--dist-backend", "nccl"], "NCCL serves GPUs and Gloo CPUs"),
        (["--pretrained"], r"for --weights: .*get_model\('pdvgg16_bn'\.removeprefix\('pd'\)"),
        (["--start-epoch", "100"], "start_epoch must lie between 0 and 99, got 100"),
    ],
)
def test_options_of_the_reference_work_or_name_the_way_that_does(options, way):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(ValueError, match=way):
        config_from(parser.parse_args(["-a", "pdvgg16_bn", *options]))
    fine = parser.parse_args(["-e", "--weights", "a.pth", "--world-size", "1"])
    assert config_from(fine).evaluate


def test_a_run_may_start_at_a_later_epoch(data, tmp_path):
    outcome = train(config_for(data, tmp_path, epochs=3, start_epoch=2))
    assert len(outcome.history) == 1
    log = (outcome.folder / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["epoch"] == 3


def test_a_vgg_of_before_goes_on_at_its_rate(data, tmp_path):
    config = config_for(data, tmp_path, arch="vgg11_bn", lr=None)
    state = {"arch": "vgg11_bn", "config": {**vars(config), "lr": None}}
    del state["config"]["start_epoch"]
    run = ClassifierRun(replace(config, arch="resnet10_small"))
    try:
        run.config = config
        with pytest.raises(ValueError, match=r"with lr 0\.01, now it is None"):
            run._check_facts(state, tmp_path / "checkpoint.pth.tar")
        run.config = replace(config, lr=0.01)
        run._check_facts(state, tmp_path / "checkpoint.pth.tar")
    finally:
        run.close()


def test_a_run_says_what_it_computes_on(data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    ClassifierRun(config_for(data, tmp_path, precision="fp32")).close()
    if not torch.cuda.is_available():
        assert "1 process on cpu, float32" in caplog.text


def test_other_options_are_refused_on_resume(data, tmp_path):
    config = config_for(data, tmp_path, epochs=1)
    train(config)
    with pytest.raises(ValueError, match="holds a run already; go on with --resume"):
        train(config)
    with pytest.raises(ValueError, match="was trained with seed 0, now it is 1"):
        train(replace(config, resume="auto", seed=1))
    path = str(tmp_path / "checkpoint_pdresnet10_small_a" / "checkpoint.pth.tar")
    with pytest.raises(ValueError, match="with arch pdresnet10_small, now it is resnet10_small"):
        train(replace(config, resume=path, arch="resnet10_small"))


def test_a_diverging_run_says_so(data, tmp_path):
    with pytest.raises(RuntimeError, match=r"the loss is (nan|inf) at step"):
        train(config_for(data, tmp_path, lr=1e30, log_steps=1))


def script(monkeypatch, capsys, *options):
    """Exit code, stdout and the last line of stderr of train_padding.py."""
    monkeypatch.setattr(sys, "argv", ["train_padding.py", *map(str, options)])
    code = runpy.run_path(str(ROOT / "train_padding.py"))["main"]()
    printed = capsys.readouterr()
    return code, printed.out, (printed.err.splitlines() or [""])[-1]


def test_the_published_command_trains_and_evaluates(data, tmp_path, monkeypatch, capsys):
    options = ["-a", "pdresnet10_small", "--data_train", data[0], "--data_val", data[1],
               "--batch-size", 8, "--workers", 0, "--prefix", "multigpu_b192",
               "--ckptdirprefix", f"{tmp_path}/experiment_1/", "--size", 32, "--epochs", 1,
               "--precision", "bf16", "--lr", 0.02]  # fmt: skip
    code, out, _ = script(monkeypatch, capsys, *options)
    folder = tmp_path / "experiment_1" / "checkpoint_pdresnet10_small_multigpu_b192"
    assert code == 0
    assert out.splitlines()[-1].startswith("done: best top-1")
    top1 = out.split("done: best ")[1].split(",")[0]
    code, out, _ = script(
        monkeypatch, capsys, *options, "--evaluate", "--resume", folder / "checkpoint.pth.tar"
    )
    assert code == 0
    assert out.startswith(top1)
    assert script(monkeypatch, capsys, *options, "--resume")[0] == 0


def test_bad_input_is_one_line_and_exit_code_2(data, tmp_path, monkeypatch, capsys):
    def failure(*options):
        code, _, line = script(monkeypatch, capsys, "--workers", 0, *options)
        assert code == 2
        return line

    assert "unknown architecture 'pdresnet51'; there are: resnet10_small" in failure(
        "-a", "pdresnet51", "--data_train", data[0]
    )
    assert "--data_train" in failure("-a", "resnet18")
    assert "nothing to evaluate" in failure("--evaluate")
    assert "no checkpoint at" in failure("--data_train", data[0], "--resume", tmp_path / "none.pth")
    assert "padding must be one of zero, partial" in failure("--padding", "circular")

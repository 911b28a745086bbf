"""The detector's network, its losses and its trainer."""

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from inpaint.checkpoints.weights import load_detector, load_network, read_metadata, save_weights
from inpaint.damage.damage import BITS, UNSURE
from inpaint.data import FolderSource
from inpaint.data.memory import in_memory
from inpaint.data.sources import ConcatSource
from inpaint.detect import DetectTrainConfig, train_detector
from inpaint.detect import train as train_module
from inpaint.detect.losses import counts, detection_losses, targets, total_loss
from inpaint.detect.samples import DamagedSamples, FixedDamagedSamples, random_piece
from inpaint.detect.settings import DAMAGE
from inpaint.detect.train import turned
from inpaint.images import ImageError
from inpaint.models.detector import CLASSES, Detector, DetectorConfig
from inpaint.training import NonFiniteLossError

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in EXAMPLES.glob("*.jpg"):
        shutil.copy(path, folder)
    return folder


def settings(photos: Path, out: Path, **values: object) -> DetectTrainConfig:
    usual = dict(
        root=str(photos), val_root=str(photos), out=str(out), steps=4, size=64, batch_size=2
    )
    usual |= dict(
        workers=0, val_pictures=2, log_steps=1, warmup=2, precision="fp32", device="cpu", repeats=2
    )
    return DetectTrainConfig(**{**usual, **values})  # type: ignore[arg-type]


def test_the_network_answers_at_the_size_of_the_image() -> None:
    network = Detector().eval()
    with torch.inference_mode():
        logits = network(torch.rand(2, 3, 64, 96))
        assert logits.shape == (2, 3, 64, 96)
        one = network(torch.rand(1, 3, 64, 64))
    assert one.sigmoid().mean() < 0.05  # damage is rare
    assert sum(value.numel() for value in network.parameters()) < 2_000_000


def test_weights_rebuild_their_network_and_are_small(tmp_path: Path) -> None:
    network = Detector(DetectorConfig(thresholds=(0.4, 0.5, 0.6))).eval()
    save_weights(network, tmp_path / "a.safetensors", dtype=torch.float16, notes={"steps": 3})
    loaded = load_detector(tmp_path / "a.safetensors")
    assert loaded.config == network.config
    assert (tmp_path / "a.safetensors").stat().st_size < 4_000_000
    assert read_metadata(tmp_path / "a.safetensors")["notes"] == {"steps": 3}
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x), network(x), atol=1e-2, rtol=1e-2)
    with pytest.raises(ValueError, match="holds a detector"):
        load_network(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widths": (8, 8)}, "widths"),
        ({"blocks": (1, 1, 1, 1, -1)}, "blocks"),
        ({"thresholds": (0.5, 0.5, 1.0)}, "thresholds"),
        ({"classes": ("dust",)}, "classes"),
    ],
)
def test_settings_that_make_no_network_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectorConfig(**values)
    with pytest.raises(ValueError, match="unknown detector settings: depth"):
        DetectorConfig.from_dict({"depth": 3})


def test_classes_and_bits_have_one_order() -> None:
    assert tuple(BITS) == CLASSES == DAMAGE


def test_pixels_that_are_unsure_have_no_part_in_the_loss() -> None:
    labels = torch.tensor([[[1, UNSURE], [0, 4]]], dtype=torch.uint8)
    truth, weight = targets(labels)
    assert truth[0, 0].tolist() == [[1, 0], [0, 0]] and truth[0, 2].tolist() == [[0, 0], [0, 1]]
    assert weight[0, 0].tolist() == [[1, 0], [1, 1]]
    logits = torch.zeros(1, 3, 2, 2)
    before = detection_losses(logits, labels)
    logits[..., 0, 1] = 9.0
    after = detection_losses(logits, labels)
    assert before.keys() == after.keys() == {"bce", "dice"}
    for name in before:
        torch.testing.assert_close(before[name], after[name])


def test_a_right_answer_costs_nothing_and_a_wrong_one_much() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.uint8)
    labels[:, 10:20, 10:20] = BITS["dust"]
    truth, _ = targets(labels)
    right = detection_losses(40 * truth - 20, labels)
    wrong = detection_losses(20 - 40 * truth, labels)
    assert right["bce"] < 1e-6 and right["dice"] < 1e-3
    assert wrong["bce"] > 10 and wrong["dice"] > 0.6


def test_counts_by_hand() -> None:
    labels = torch.tensor([[[1, 1, 0, UNSURE]]], dtype=torch.uint8)
    found = torch.zeros(1, 3, 1, 4, dtype=torch.bool)
    found[0, 0, 0] = torch.tensor([True, False, True, True])
    assert counts(found, labels)[0].tolist() == [1, 1, 1]
    assert counts(found, labels)[1].tolist() == [0, 0, 0]


def test_samples_follow_from_their_number_alone(photos: Path) -> None:
    samples, again = (DamagedSamples(FolderSource(photos), 64, seed=3) for _ in range(2))
    for n in (0, 7, 100):
        assert torch.equal(samples[n]["image"], again[n]["image"])
        assert torch.equal(samples[n]["labels"], again[n]["labels"])
    fixed = FixedDamagedSamples(FolderSource(photos), 64, count=2)
    assert len(fixed) == 4 and not fixed[1]["labels"].any() and not fixed[3]["labels"].any()
    with pytest.raises(ValueError, match="no pictures"):
        FixedDamagedSamples(FolderSource(photos, []), 64, count=2)
    with pytest.raises(ImageError, match="too small for squares of 512"):
        random_piece(np.zeros((100, 300, 3), np.uint8), 512, np.random.default_rng(0))


def test_an_unreadable_picture_is_replaced_and_counted(photos: Path) -> None:
    (photos / "0.jpg").write_bytes(b"no picture")  # the first by name
    source = FolderSource(photos)
    fixed, without = (
        FixedDamagedSamples(FolderSource(photos, names), 64, count=1)
        for names in (None, [source.name(1)])
    )
    assert torch.equal(fixed[1]["image"], without[1]["image"])
    samples = DamagedSamples(source, 64)
    epoch = [samples[n] for n in range(len(source))]
    assert sum(sample["skipped"] for sample in epoch) >= 1
    assert {sample["rejected"] for sample in epoch} == {-1, 0}


def test_images_in_memory_are_those_of_the_files(photos: Path) -> None:
    source = ConcatSource([FolderSource(photos), FolderSource(photos)], [1, 3])
    (photos / "broken.jpg").write_bytes(b"no picture")
    broken = FolderSource(photos)
    kept = in_memory(source, threads=2)
    assert len(kept) == len(source)
    for index in (0, len(source) - 1):
        assert kept.name(index) == source.name(index)
        assert (kept.load(index) == source.load(index)).all()
    assert len(in_memory(broken)) == len(broken) - 1


def test_a_resumed_run_takes_the_steps_it_would_have_taken(photos: Path, tmp_path: Path) -> None:
    whole = train_detector(settings(photos, tmp_path / "whole"))
    first = settings(photos, tmp_path / "parts", minutes=1e-9)
    train_detector(first)  # one batch, as its time is over at once
    state = torch.load(tmp_path / "parts" / "state.pt", weights_only=True)
    assert state["step"] == 2
    parts = train_detector(settings(photos, tmp_path / "parts", resume=True))
    one, other = (
        torch.load(folder / "state.pt", weights_only=True)["average"] for folder in (whole, parts)
    )
    assert all(torch.equal(one[key], other[key]) for key in one)
    lines = [json.loads(line) for line in (parts / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "train"] == [2, 4]
    assert {"scratch_precision", "dust_recall", "clean_marked"} <= lines[-1].keys()
    with pytest.raises(ValueError, match="was trained with size 64, now it is 96"):
        train_detector(settings(photos, tmp_path / "parts", resume=True, size=96))


def test_a_resumed_run_keeps_the_thresholds_of_its_first_weights(
    photos: Path, tmp_path: Path
) -> None:
    network = Detector(DetectorConfig(thresholds=(0.4, 0.5, 0.7)))
    save_weights(network, tmp_path / "first.safetensors")
    first = settings(photos, tmp_path / "a", init=str(tmp_path / "first.safetensors"), minutes=1e-9)
    folder = train_detector(first)
    train_detector(settings(photos, folder, resume=True))
    assert load_detector(folder / "ema.safetensors").config.thresholds == (0.4, 0.5, 0.7)


def test_a_finished_run_takes_no_more_steps(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = train_detector(settings(photos, tmp_path / "a"))
    before = (folder / "state.pt").read_bytes()
    train_detector(settings(photos, folder, resume=True))
    assert f"all 4 steps of {folder} are taken already" in caplog.text
    assert (folder / "state.pt").read_bytes() == before


def test_a_new_run_does_not_overwrite_an_old_one(photos: Path, tmp_path: Path) -> None:
    folder = train_detector(settings(photos, tmp_path / "a", minutes=1e-9))
    with pytest.raises(ValueError, match="holds a run already; go on with --resume, or give"):
        train_detector(settings(photos, folder))


def test_a_killed_run_has_each_step_once_in_its_log(photos: Path, tmp_path: Path) -> None:
    folder = train_detector(settings(photos, tmp_path / "a", minutes=1e-9))
    with (folder / "log.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "train", "step": 4}) + "\n" + '{"kind": "tr')
    train_detector(settings(photos, folder, resume=True))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "train"] == [2, 4]
    assert "bce" in lines[-2] and lines[-2]["skipped"] == 0


def test_a_loss_that_is_not_finite_ends_the_run_and_is_not_saved(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train_detector(settings(photos, tmp_path / "a", minutes=1e-9))
    before = (folder / "state.pt").read_bytes()
    nan = torch.tensor(float("nan"))
    monkeypatch.setattr(train_module, "total_loss", lambda terms: terms["bce"] * nan)
    later = settings(photos, folder, resume=True, log_steps=100, checkpoint_minutes=1e-9)
    with pytest.raises(NonFiniteLossError, match=r"not finite at step 4: .*'total': nan"):
        train_detector(later)
    assert (folder / "state.pt").read_bytes() == before


def test_the_trainer_needs_neither_accelerate_nor_tensorboard() -> None:
    hide = "import sys; sys.modules['accelerate'] = sys.modules['tensorboard'] = None; "
    code = hide + "from inpaint.detect import train_detector; print(train_detector.__name__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "train_detector\n", run.stderr


def test_a_batch_is_turned_in_eight_ways_with_its_labels() -> None:
    image = torch.rand(1, 3, 4, 4)
    labels = (255 * image[:, 0]).to(torch.uint8)
    seen = set()
    for turn in range(8):
        other, other_labels = turned(image, labels, turn)
        assert torch.equal((255 * other[:, 0]).to(torch.uint8), other_labels)
        seen.add(tuple(other_labels.flatten().tolist()))
    assert len(seen) == 8
    assert torch.equal(turned(image, labels, 0)[0], image)


def test_the_network_learns_a_batch(photos: Path) -> None:
    samples = [DamagedSamples(FolderSource(photos), 64)[n] for n in range(4)]
    image = torch.stack([sample["image"] for sample in samples]).permute(0, 3, 1, 2) / 255
    labels = torch.stack([sample["labels"] for sample in samples])
    assert labels.any()
    torch.manual_seed(0)
    network = Detector(DetectorConfig(widths=(8, 16, 16, 16, 16), blocks=(1, 0, 0, 0, 0)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = total_loss(detection_losses(network(image), labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 100}, "multiple of 32"),
        ({"fit": True}, "fit needs minutes"),
        ({"resume": True, "init": "a.safetensors"}, "resume goes on"),
        ({"batch_size": 0}, "batch_size must be above 0"),
        ({"repeats": 9}, "repeats must be at most 8"),
        ({"workers": -1}, "workers must be 0 or more"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"precision": "fp16"}, "precision must be one of auto, fp32, bf16, got 'fp16'"),
        ({"data": "flowers"}, "data must be one of places2"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectTrainConfig(**values)


def test_the_learning_rate_rises_and_falls_by_steps_or_by_minutes() -> None:
    config = DetectTrainConfig(steps=1000, warmup=10, lr=1.0, lr_end=0.1)
    assert config.lr_at(0, 0) == pytest.approx(0.1)
    assert config.lr_at(500, 0) == pytest.approx(0.55)
    assert config.lr_at(1000, 0) == pytest.approx(0.1)
    fitted = DetectTrainConfig(steps=10**6, warmup=1, lr=1.0, lr_end=0.1, minutes=4, fit=True)
    assert fitted.lr_at(700, 2.0) == pytest.approx(0.55)
    assert fitted.lr_at(700, 4.0) == pytest.approx(0.1)

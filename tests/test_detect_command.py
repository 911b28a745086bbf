"""`inpaint detect`, `inpaint fill --detect`, and what they do with whole folders."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import put_image, report_of, tiny_weights
from PIL import Image

from inpaint.batch.detection import summary
from inpaint.checkpoints.weights import save_weights
from inpaint.cli import main
from inpaint.cli.run_detect import _sampled
from inpaint.detect.detector import DamageDetector
from inpaint.models.detector import Detector, DetectorConfig

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        "fill": tiny_weights(folder / "fill.safetensors"),
        "detector": white_detector(folder / "white.safetensors"),
    }


@pytest.fixture(autouse=True)
def look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enlarged, a thin white line is no longer white, which is all that white_detector knows."""
    monkeypatch.setattr(DamageDetector, "_scores_of_small", DamageDetector._scores_of_size)


def white_detector(path: Path) -> str:
    """A weight file that takes what is nearly white for a scratch."""
    network = Detector(DetectorConfig(widths=(4, 4, 4, 4, 4), blocks=(0, 0, 0, 0, 0)))
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("conv.weight", "0.weight")) and value.ndim == 4:
                value.zero_()
        first = network.encoder[0][0][0].weight  # (4, 12, 3, 3): red, green, blue of four pixels
        for pixel in range(4):
            first[pixel, [pixel, 4 + pixel, 8 + pixel], 1, 1] = 1 / 3
        for layer in network.lateral:
            layer.weight.zero_()
            layer.bias.zero_()
        network.last.weight.zero_()
        network.last.bias.fill_(-20.0)
        network.last.bias[:4] = -47.0
        for pixel in range(4):
            network.last.weight[pixel, pixel, 1, 1] = 100.0  # 0.5 at white, from 0.97 on positive
    save_weights(network.eval(), path)
    return str(path)


def put_scratched(path: Path, *, width: int = 2, **options: object) -> Path:
    """A gray picture with a white line of so many columns."""
    put_image(path, **options)
    pixels = np.array(Image.open(path).convert("RGB")) // 2
    pixels[:, 20 : 20 + width] = 255
    Image.fromarray(pixels).save(path)
    return path


def put_clean(path: Path) -> Path:
    put_image(path)
    Image.fromarray(np.array(Image.open(path)) // 2).save(path)
    return path


def detect(*arguments: object, weights: dict[str, str]) -> int:
    line = ["detect", *map(str, arguments), "--detector", weights["detector"], "--device", "cpu"]
    return main(line)


def fill(*arguments: object, weights: dict[str, str]) -> int:
    line = ["fill", *map(str, arguments), "--weights", weights["fill"], "--device", "cpu"]
    return main([*line, "--detector", weights["detector"]])


def mask(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode in ("L", "1")
        return np.array(image) > 0


def test_a_folder_gets_masks_and_a_report(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "in" / "a.jpg", quality=98)
    put_scratched(tmp_path / "in" / "deep" / "b.png")
    put_clean(tmp_path / "in" / "c.png")
    assert detect(tmp_path / "in", "-o", tmp_path / "masks", weights=weights) == 0
    found = mask(tmp_path / "masks" / "deep" / "b.png")
    assert found[:, 18:24].all() and not found[:, :16].any() and not found[:, 26:].any()
    assert mask(tmp_path / "masks" / "a.png").any()
    assert not mask(tmp_path / "masks" / "c.png").any()
    rows = report_of(tmp_path / "masks" / "report.jsonl")
    assert rows["b.png"]["damage"]["scratch"] == pytest.approx(2 / 64, abs=1e-4)
    assert rows["b.png"]["damage"]["dust"] == 0
    assert rows["b.png"]["notes"] == ["damage found: scratch 3.1 % of the picture"]
    assert rows["c.png"]["notes"] == ["no damage was found"]


def test_fill_takes_the_masks_that_detect_writes(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "in" / "a.png")
    assert detect(tmp_path / "in", "-o", tmp_path / "masks", weights=weights) == 0
    arguments = (tmp_path / "in", "--mask", tmp_path / "masks", "-o", tmp_path / "one")
    assert fill(*arguments, weights=weights) == 0
    assert fill(tmp_path / "in", "--detect", "-o", tmp_path / "two", weights=weights) == 0
    one, two = ((tmp_path / name / "a.png").read_bytes() for name in ("one", "two"))
    assert one == two
    filled = np.array(Image.open(tmp_path / "two" / "a.png"))
    before = np.array(Image.open(tmp_path / "in" / "a.png"))
    hole = mask(tmp_path / "masks" / "a.png")
    assert (filled[:, 20:22] < 200).all()
    assert np.array_equal(filled[~hole], before[~hole])


def test_masks_are_kept_and_clean_pictures_copied(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "in" / "a.jpg", quality=98)
    clean = put_clean(tmp_path / "in" / "c.png")
    arguments = (tmp_path / "in", "--detect", "scratch", "-o", tmp_path / "out")
    kept = tmp_path / "in" / "kept"  # among the pictures: masks are not pictures to fill
    assert fill(*arguments, "--keep-masks", kept, weights=weights) == 0
    assert mask(kept / "a.png").any() and not mask(kept / "c.png").any()
    assert (tmp_path / "out" / "c.png").read_bytes() == clean.read_bytes()
    row = report_of(tmp_path / "out" / "report.jsonl")["c.png"]
    assert row["notes"][0] == "no damage was found" and row["damage"] == {"scratch": 0}
    again = (*arguments, "--keep-masks", kept, "--skip-existing")
    assert fill(*again, weights=weights) == 0
    lines = (tmp_path / "out" / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["done"] * 2 + ["skipped"] * 2


def test_masks_that_are_there_are_not_overwritten(
    tmp_path: Path, weights: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    put_scratched(tmp_path / "in" / "a.png")
    kept = put_clean(tmp_path / "masks" / "a.png")
    before = kept.read_bytes()
    arguments = (tmp_path / "in", "--detect", "-o", tmp_path / "out", "--keep-masks", kept.parent)
    assert fill(*arguments, weights=weights) == 2
    assert f"{kept} exists; choose --skip-existing or --overwrite" in capsys.readouterr().err
    assert kept.read_bytes() == before and not (tmp_path / "out").exists()
    assert fill(*arguments, "--skip-existing", weights=weights) == 0  # its output was missing
    assert mask(kept).any() and (tmp_path / "out" / "a.png").exists()


def test_a_detector_that_is_none_is_named_before_anything_is_written(
    tmp_path: Path, weights: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    put_scratched(tmp_path / "in" / "a.png")
    arguments = ("fill", tmp_path / "in", "-o", tmp_path / "out", "--weights", weights["fill"])
    line = [*map(str, arguments), "--device", "cpu", "--detect", "--detector"]
    assert main([*line, str(tmp_path / "none.safetensors")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert main([*line, weights["fill"]]) == 2
    assert "weights of a detector are wanted here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_with_too_much_damage_is_reported_and_not_filled(
    tmp_path: Path, weights: dict[str, str]
) -> None:
    put_scratched(tmp_path / "in" / "a.png", width=20)
    put_scratched(tmp_path / "in" / "b.png", width=2)
    assert fill(tmp_path / "in", "--detect", "-o", tmp_path / "out", weights=weights) == 0
    assert not (tmp_path / "out" / "a.png").exists() and (tmp_path / "out" / "b.png").exists()
    row = report_of(tmp_path / "out" / "report.jsonl")["a.png"]
    assert row["status"] == "skipped" and row["damage"]["scratch"] == pytest.approx(20 / 64)
    assert row["message"] == (
        "31 % of the picture looks damaged, more than the limit of 20 %; it is not filled"
    )
    assert row["notes"] == ["damage found: scratch 31 % of the picture"]
    assert detect(tmp_path / "in", "-o", tmp_path / "masks", weights=weights) == 0
    row = report_of(tmp_path / "masks" / "report.jsonl")["a.png"]
    assert row["status"] == "done"
    assert row["notes"][1] == "more than the limit of 20 %; look at the mask"
    more = ("--limit-share", "0.5", "--skip-existing")
    assert fill(tmp_path / "in", "--detect", "-o", tmp_path / "out", *more, weights=weights) == 0
    assert (tmp_path / "out" / "a.png").exists()


def test_strict_fails_what_more_is_noted_about(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "in" / "a.png", width=20)
    put_scratched(tmp_path / "in" / "b.png", width=2)
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (10, 200)]
    frames[0].save(tmp_path / "in" / "c.gif", save_all=True, append_images=frames[1:])
    assert detect(tmp_path / "in", "-o", tmp_path / "masks", "--strict", weights=weights) == 1
    rows = report_of(tmp_path / "masks" / "report.jsonl")
    refused = "no mask is written, as --strict is given: "
    assert rows["a.png"]["message"] == f"{refused}more than the limit of 20 %; look at the mask"
    assert rows["b.png"]["status"] == "done"
    assert rows["c.gif"]["message"] == f"{refused}first frame of 2 used"
    assert [path.name for path in (tmp_path / "masks").glob("*.png")] == ["b.png"]


def test_a_manifest_may_ask_for_detection(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text("image,mask,output\na.png,detected,out.png\n")
    assert fill(tmp_path / "list.csv", weights=weights) == 0
    assert (np.array(Image.open(tmp_path / "out.png"))[:, 20:22] < 200).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--detect", "--mask", "m.png"), "choose one of --mask and --detect"),
        (("--detect", "hair"), "classes must be some of scratch, dust, stamp"),
        (("--keep-masks", "kept", "--mask", "a.png"), "--keep-masks needs --detect"),
        (("--detect", "--sensitivity", "2"), "sensitivity must lie in 0 to 1"),
        (("--detect", "--limit-share", "0"), "limit must be above 0"),
        (("--detect", "--keep-masks", "out"), "would both be written to"),
        (("--detect", "--keep-masks", "in"), "input and output are the same file"),
    ],
)
def test_wrong_requests_write_nothing(
    arguments: tuple,
    message: str,
    tmp_path: Path,
    weights: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    put_scratched(Path("in/a.png"))
    put_scratched(Path("in/b.png"))
    assert fill("in", "-o", "out", *arguments, weights=weights) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_one_picture_gets_one_mask(tmp_path: Path, weights: dict[str, str]) -> None:
    path = put_scratched(tmp_path / "a.png")
    assert detect(path, "-o", tmp_path / "mask.png", "--grow", 0, weights=weights) == 0
    assert mask(tmp_path / "mask.png").sum() == 2 * 48
    assert not (tmp_path / "report.jsonl").exists()


def test_a_broken_picture_does_not_stop_the_others(tmp_path: Path, weights: dict[str, str]) -> None:
    put_scratched(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    assert detect(tmp_path / "in", "-o", tmp_path / "masks", weights=weights) == 1
    assert (tmp_path / "masks" / "a.png").exists()
    assert report_of(tmp_path / "masks" / "report.jsonl")["b.png"]["status"] == "failed"


def put_logos(folder: Path, sizes: list[tuple[int, int]]) -> np.ndarray:
    """Pieces of the examples with the same logo 8 px from the lower right corner."""
    paths = sorted(EXAMPLES.glob("*.jpg"))
    sources = [np.array(Image.open(path).convert("RGB")) for path in paths]
    logo = np.zeros((12, 24), bool)
    logo[2:10, 2:6] = logo[2:10, 10:14] = logo[4:8, 16:22] = True
    folder.mkdir(parents=True)
    for number, (height, width) in enumerate(sizes):
        rng = np.random.default_rng(number)
        source = sources[number % len(sources)]
        top = rng.integers(source.shape[0] - height)
        left = rng.integers(source.shape[1] - width)
        pixels = source[top : top + height, left : left + width].copy()
        pixels = pixels[:, ::-1].copy() if number % 2 else pixels
        pixels[height - 20 : height - 8, width - 32 : width - 8][logo] = 235
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return logo


def test_what_repeats_gives_one_mask_for_all(
    tmp_path: Path, weights: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    logo = put_logos(tmp_path / "in", [(64, 96)] * 32)
    output = tmp_path / "mask.png"
    assert detect(tmp_path / "in", "--repeated", "-o", output, weights=weights) == 0
    found = mask(output)
    assert found[44:56, 64:88][logo].mean() > 0.95
    assert not found[:36].any() and not found[:, :56].any()
    assert "what repeats: " in capsys.readouterr().err
    assert detect(tmp_path / "in", "--repeated", "-o", output, weights=weights) == 2


def test_what_repeats_in_a_corner_gives_a_mask_for_each_size(
    tmp_path: Path, weights: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    logo = put_logos(tmp_path / "in", [(100, 120), (90, 150), (120, 104)] * 12)
    arguments = (tmp_path / "in", "--repeated", "-o")
    assert detect(*arguments, tmp_path / "one.png", weights=weights) == 2
    assert "3 sizes, which one mask cannot fit" in capsys.readouterr().err
    assert detect(*arguments, tmp_path / "masks", weights=weights) == 0
    found = mask(tmp_path / "masks" / "01.png")
    assert found.shape == (90, 150)
    assert found[-20:-8, -32:-8][logo].mean() > 0.9 and not found[:40].any()
    capsys.readouterr()
    assert detect(*arguments, tmp_path / "masks", "--skip-existing", weights=weights) == 0
    assert "no picture is left to look at" in capsys.readouterr().err


def test_a_folder_is_sampled_from_its_first_to_its_last_part(tmp_path: Path) -> None:
    paths = []
    for number in range(100):
        Image.new("L", (2, 2), number).save(tmp_path / f"{number:02d}.png")
        paths.append(str(tmp_path / f"{number:02d}.png"))
    seen = [int(image[0, 0]) for image in _sampled(paths, max_pixels=4)]
    assert len(seen) == 60 and seen == sorted(set(seen))
    assert seen[0] == 0 and seen[-1] == 98


def test_ray_finds_damage_too(tmp_path: Path, weights: dict[str, str]) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("pyarrow")
    from inpaint.batch.records import DETECTED, Settings, Task
    from inpaint.batch.run_ray import Worker
    from inpaint.detect import DetectSettings
    from inpaint.inference.inpainter import Inpainter

    image = put_scratched(tmp_path / "a.png")
    settings = Settings(detect=DetectSettings(weights=weights["detector"]))
    worker = Worker.__new__(Worker)  # what an actor does, without a cluster
    worker.inpainter, worker.settings = Inpainter.load(weights["fill"], device="cpu"), settings
    task = Task(str(image), DETECTED, str(tmp_path / "out.png"))
    row = {
        "number": 0,
        "task": json.dumps(
            {
                "image": task.image,
                "mask": task.mask,
                "output": task.output,
                "format": None,
                "exclude": None,
                "mask_output": None,
            }
        ),
    }
    answer = worker({key: [value] for key, value in row.items()})
    record = json.loads(answer["record"][0])
    assert record["status"] == "done" and record["damage"]["scratch"] > 0
    assert (tmp_path / "out.png").exists()


def test_ray_writes_masks_where_the_command_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("pyarrow")
    from inpaint.batch.records import DETECTED, Task
    from inpaint.batch.run_ray import _from_anywhere

    monkeypatch.chdir(tmp_path)
    task = _from_anywhere(Task("a.png", DETECTED, "out/a.png", mask_output="masks/a.png"))
    assert task.mask == DETECTED and task.mask_output == str(tmp_path / "masks" / "a.png")


def test_a_summary_names_what_was_found(weights: dict[str, str]) -> None:
    detector = DamageDetector.load(weights["detector"], device="cpu")
    pixels = np.zeros((64, 64), np.uint8)
    assert summary(detector.detect(pixels)) == "no damage was found"
    pixels[:, 10] = 255
    assert summary(detector.detect(pixels)) == "damage found: scratch 1.6 % of the picture"

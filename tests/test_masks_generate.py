import argparse
import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from inpaint.cli.masks import add_arguments, run
from inpaint.masks import (
    GENERATOR_VERSION,
    HOLE_BUCKETS,
    TRAINING_VERSION,
    adjust,
    border_width,
    fixed_hole,
    hole_bucket,
    random_hole,
    write_test_set,
)

SIZES = [(32, 32), (64, 64), (128, 128), (512, 512), (96, 160)]


def touches_band(hole: np.ndarray) -> bool:
    """Whether a hole pixel lies within 50 px at 512 of the edge, written independently."""
    band = round(50 * min(hole.shape) / 512)
    framed = hole.copy()
    framed[band:-band, band:-band] = False
    return bool(framed.any())


def read_manifest(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("ratio", "bucket"), [(0.0101, 0), (0.1, 0), (0.1001, 1), (0.2, 1), (0.55, 5), (0.6, 5)]
)
def test_a_bucket_holds_its_upper_bound_but_not_its_lower(ratio: float, bucket: int) -> None:
    assert hole_bucket(ratio) == bucket


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.6001, 1.0, float("nan")])
def test_a_ratio_outside_all_buckets_is_an_error(ratio: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in \(0.01, 0.6\]"):
        hole_bucket(ratio)


@pytest.mark.parametrize("border", [True, False])
@pytest.mark.parametrize("bucket", range(len(HOLE_BUCKETS)))
@pytest.mark.parametrize("size", SIZES)
def test_every_hole_keeps_its_bucket_and_border_class(
    size: tuple[int, int], bucket: int, border: bool
) -> None:
    for index in range(8):
        hole = fixed_hole(size, index, seed=11, bucket=bucket, border=border)
        assert hole.shape == size and hole.dtype == np.bool_
        assert hole_bucket(hole.mean()) == bucket
        assert touches_band(hole) == border


def test_without_a_border_class_both_kinds_come() -> None:
    holes = [fixed_hole((64, 64), index, seed=0) for index in range(200)]
    assert 0.05 < 1 - np.mean([touches_band(hole) for hole in holes]) < 0.4


def test_ratios_spread_evenly_over_the_whole_range() -> None:
    rng = np.random.default_rng(5)
    buckets = [hole_bucket(random_hole((32, 32), rng).mean()) for _ in range(1200)]
    shares = np.bincount(buckets, minlength=6) / 1200  # expected 0.153 and five times 0.169
    assert shares.min() > 0.12 and shares.max() < 0.22


def test_every_part_of_the_picture_and_every_direction_gets_holes() -> None:
    rng = np.random.default_rng(6)
    mean = np.mean([random_hole((32, 32), rng) for _ in range(1500)], axis=0)
    assert mean.min() > 0.3 * mean.max()
    assert abs(mean - mean.T).max() < 0.1 and abs(mean - mean[::-1]).max() < 0.1


def test_holes_are_patches_and_strokes_rather_than_speckle() -> None:
    rng = np.random.default_rng(7)
    pixels = specks = 0
    for _ in range(100):
        hole = random_hole((128, 128), rng).astype(np.uint8)
        areas = cv2.connectedComponentsWithStats(hole)[2][1:, cv2.CC_STAT_AREA]
        pixels += areas.sum()
        specks += areas[areas < 16].sum()
    assert specks < 0.002 * pixels


def test_a_hole_looks_alike_at_any_size() -> None:
    def edge_share(side: int) -> float:
        rng = np.random.default_rng(8)
        holes = (random_hole((side, side), rng, ratio=(0.2, 0.3)) for _ in range(60))
        return float(np.mean([np.diff(hole, axis=1).sum() / side for hole in holes]))

    assert edge_share(64) == pytest.approx(edge_share(256), rel=0.25)  # outline length per side


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(30):
        assert random_hole((96, 160), first).tobytes() == random_hole((96, 160), second).tobytes()
    assert first.random() == second.random()


def test_a_fixed_hole_depends_on_seed_and_index_only() -> None:
    hole = fixed_hole((64, 64), 4, seed=1)
    np.random.default_rng(0).random()
    assert np.array_equal(hole, fixed_hole((64, 64), 4, seed=1))
    assert not np.array_equal(hole, fixed_hole((64, 64), 5, seed=1))
    assert not np.array_equal(hole, fixed_hole((64, 64), 4, seed=2))


def test_a_range_of_one_pixel_is_met_exactly() -> None:
    rng = np.random.default_rng(0)
    for border in (None, True, False):
        hole = random_hole((64, 64), rng, ratio=(1000 / 4096, 1001 / 4096), border=border)
        assert hole.sum() == 1001


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 2), (3, 5), (5, 300)])
def test_tiny_and_thin_pictures_get_holes(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert random_hole(size, rng, ratio=(0, 1)).any()
        assert random_hole(size, rng, ratio=(0, 1), border=True).any()


def test_a_whole_picture_can_be_the_hole() -> None:
    assert random_hole((16, 16), np.random.default_rng(0), ratio=(0.999, 1)).all()


def test_the_band_is_50_pixels_at_512_and_never_empty() -> None:
    assert [border_width(s) for s in [(512, 512), (1024, 512), (256, 300), (4, 4)]] == [
        50,
        50,
        25,
        1,
    ]


def test_a_range_no_pixel_count_meets_is_an_error() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"no hole with ratio in \(0.5, 0.51\].*into 5x5 px"):
        random_hole((5, 5), rng, ratio=(0.5, 0.51))
    with pytest.raises(ValueError, match="border=False fits into 64x64 px"):
        random_hole((64, 64), rng, ratio=(0.7, 0.8), border=False)


@pytest.mark.parametrize("ratio", [(0.3, 0.3), (0.4, 0.2), (-0.1, 0.2), (0.5, 1.1)])
def test_a_range_that_is_none_is_an_error(ratio: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="ratio must be"):
        random_hole((64, 64), np.random.default_rng(0), ratio=ratio)


def test_an_empty_size_and_an_unknown_bucket_are_errors() -> None:
    with pytest.raises(ValueError, match="size must be"):
        random_hole((0, 64), np.random.default_rng(0))
    with pytest.raises(ValueError, match="bucket must be None or 0 to 5, got 6"):
        fixed_hole((64, 64), 0, seed=0, bucket=6)


def test_the_test_set_has_twelve_classes_of_equal_size(tmp_path: Path) -> None:
    manifest = write_test_set(tmp_path, count=24, size=64)
    rows = read_manifest(manifest)
    assert manifest == tmp_path / "manifest.csv" and len(rows) == 24
    assert len({row["file"].split("/")[0] for row in rows}) == 12
    assert {str(p.relative_to(tmp_path).as_posix()) for p in tmp_path.rglob("*.png")} == {
        row["file"] for row in rows
    }
    for row in rows:
        picture = np.asarray(Image.open(tmp_path / row["file"]))
        assert picture.shape == (64, 64) and set(np.unique(picture)) == {0, 255}
        hole = picture == 255
        assert float(row["hole_ratio"]) == hole.mean()
        assert int(row["bucket"]) == hole_bucket(hole.mean())
        assert row["border"] == str(touches_band(hole))
        assert row["file"].split("/")[0].endswith("_no_border") == (row["border"] == "False")


def test_the_manifest_says_how_to_remake_a_hole(tmp_path: Path) -> None:
    for row in read_manifest(write_test_set(tmp_path, count=12, size=48, seed=9)):
        hole = fixed_hole(
            (48, 48),
            int(row["index"]),
            seed=int(row["seed"]),
            bucket=int(row["bucket"]),
            border=row["border"] == "True",
        )
        assert np.array_equal(np.asarray(Image.open(tmp_path / row["file"])) == 255, hole)


def test_a_stopped_test_set_goes_on_where_it_stood(tmp_path: Path) -> None:
    write_test_set(tmp_path, count=24, size=64)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    wanted = {path: path.read_bytes() for path in files}
    kept, missing, cut, empty, manifest = (files[i] for i in (0, 3, 8, 13, -1))
    missing.unlink()
    manifest.unlink()
    cut.write_bytes(wanted[cut][: len(wanted[cut]) // 2])
    empty.write_bytes(b"")
    time_written = kept.stat().st_mtime_ns

    write_test_set(tmp_path, count=24, size=64)

    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == wanted
    assert kept.stat().st_mtime_ns == time_written


def test_a_test_set_of_another_generator_is_not_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one whose files name no generator is of the first."""
    write_test_set(tmp_path, count=12, size=32)
    for path in tmp_path.rglob("*.png"):
        with Image.open(path) as picture:
            text = PngImagePlugin.PngInfo()
            text.add_text("hole", picture.info["hole"].replace(" generator=1", ""))
            picture.save(path, pnginfo=text)
    write_test_set(tmp_path, count=12, size=32)
    monkeypatch.setattr("inpaint.masks.testset.GENERATOR_VERSION", 2)
    with pytest.raises(ValueError, match="choose an empty folder"):
        write_test_set(tmp_path, count=12, size=32)


PINNED = """
2523db51a99cb5df 57d93e7ed16ab857 7d7bf96771d4b555 4b472ea731ea5536
709a0b13440815ba 0a4f3cd5db3d6938 ba8e6cf247f224b0 354070f235cd739b
a1b8fc1fc17d9e62 fc4a8373d3314c6f b15a7655577172f2 665a397d7f31791e
"""


def test_the_generator_gives_the_holes_of_its_version() -> None:
    """When this fails, GENERATOR_VERSION must rise, and the digests change with it."""
    found = []
    for bucket in range(len(HOLE_BUCKETS)):
        for border in (True, False):
            hole = fixed_hole((96, 128), bucket, seed=3, bucket=bucket, border=border)
            found.append(hashlib.sha256(np.packbits(hole).tobytes()).hexdigest()[:16])
    assert GENERATOR_VERSION == 1
    assert found == PINNED.split()


PINNED_2 = """
21a1eee6b0869ab7 389eba679b3c9dca bda6251d39a3f730 3211480ca2e09d14
2c7d71e1b19f39a3 216d68147e7418d4 fd32193bb094a37c 630a85ab55effb48
59f3c1d46f9eb579 733151c0bef99a79 172fd4896c656e74 5cce895680eeb380
"""


def test_the_training_version_gives_the_same_kind_of_holes() -> None:
    for index in range(36):
        bucket, border = index % 6, (None, True, False)[index % 3]
        ratio, rngs = HOLE_BUCKETS[bucket], [np.random.default_rng(index) for _ in range(2)]
        first, second = (
            random_hole((200, 256), rng, ratio=ratio, border=border, version=version)
            for version, rng in zip((1, TRAINING_VERSION), rngs, strict=True)
        )
        assert hole_bucket(second.mean()) == bucket
        assert abs(first.mean() - second.mean()) <= 0.01
        assert border is None or touches_band(second) == border
        assert (first & second).sum() > 0.9 * (first | second).sum()


def test_the_training_version_stays_what_runs_were_begun_with() -> None:
    found = []
    for index in range(12):
        rng = np.random.default_rng(index)
        hole = random_hole((200, 256), rng, ratio=HOLE_BUCKETS[index % 6], version=2)
        found.append(hashlib.sha256(np.packbits(hole).tobytes()).hexdigest()[:16])
    assert TRAINING_VERSION == 2
    assert found == PINNED_2.split()


@pytest.mark.parametrize("ratio", [(0.1, 0.1001), (0.3, 0.3001), (0.58, 0.5801)])
def test_the_training_version_meets_narrow_ranges(ratio: tuple[float, float]) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        assert ratio[0] < random_hole((256, 256), rng, ratio=ratio, version=2).mean() <= ratio[1]


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version must be 1 or 2, got 3"):
        random_hole((32, 32), np.random.default_rng(0), version=3)


@pytest.mark.parametrize("kind", ["distances", "few values", "sorted", "one peak"])
def test_order_statistics_are_those_of_a_full_sort(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = {
        "distances": rng.random(5000),
        "few values": rng.integers(0, 3, 5000),
        "sorted": np.arange(5000),
        "one peak": np.where(np.arange(5000) % 17, 1, rng.random(5000)),  # unlike its sample
    }[kind].astype(np.float32)
    for count in (1, 2, 17, 2500, 4990, 5000):
        assert adjust._order_statistic(values, count) == np.sort(values)[count - 1]


def test_a_larger_test_set_holds_the_smaller_one(tmp_path: Path) -> None:
    small = read_manifest(write_test_set(tmp_path, count=12, size=32, workers=1))
    large = read_manifest(write_test_set(tmp_path, count=36, size=32, workers=3))
    assert len(large) == 36 and all(row in large for row in small)


@pytest.mark.parametrize(("size", "seed"), [(32, 1), (64, 0)])
def test_a_folder_with_other_holes_is_not_mixed_up(tmp_path: Path, size: int, seed: int) -> None:
    write_test_set(tmp_path, count=12, size=32)
    with pytest.raises(ValueError, match="choose an empty folder"):
        write_test_set(tmp_path, count=12, size=size, seed=seed)


@pytest.mark.parametrize("count", [0, -12, 13])
def test_a_count_that_does_not_fill_the_classes_is_an_error(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match=f"positive multiple of 12, got {count}"):
        write_test_set(tmp_path, count=count)


def test_a_bad_seed_size_or_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        write_test_set(tmp_path, count=12, seed=-1)
    with pytest.raises(ValueError, match="fits into 3x3 px"):
        write_test_set(tmp_path, count=12, size=3)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        write_test_set(tmp_path / "file", count=12)


def test_the_command_writes_the_test_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--count", "12", "--size", "32", "--out", str(tmp_path / "set")])
    assert (args.seed, parser.get_default("count"), parser.get_default("size")) == (0, 12000, 512)
    assert run(args) == 0
    assert len(read_manifest(tmp_path / "set" / "manifest.csv")) == 12
    assert "12/12" in capsys.readouterr().err

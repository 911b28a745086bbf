"""Layouts of data sets: the pictures that are found by name, root and split."""

import logging
from pathlib import Path

import pytest
from test_data_sources import gray_value, names_of, values_of, write_pictures, write_tar

from inpaint.data import open_source


@pytest.mark.parametrize(
    ("data", "train", "val"),
    [
        ("places2", "data_256_standard/a/abbey/1.jpg", "val_256/1.jpg"),
        ("places2", "data_large_standard/a/abbey/1.jpg", "val_large/1.jpg"),
        ("places2", "data_256_challenge/a/abbey/1.jpg", "val_256/1.jpg"),
        ("places2", "data_256/a/abbey/1.jpg", "val_256/1.jpg"),
        ("places2", "data_large/a/abbey/1.jpg", "val_large/1.jpg"),
        ("places2", "places365_standard/train/abbey/1.jpg", "places365_standard/val/abbey/1.jpg"),
        ("imagenet", "train/n01440764/1.JPEG", "val/n01440764/1.JPEG"),
        (
            "imagenet",
            "ILSVRC/Data/CLS-LOC/train/n01440764/1.JPEG",
            "ILSVRC/Data/CLS-LOC/val/1.JPEG",
        ),
        ("celeba-hq", "train/female/1.jpg", "val/female/1.jpg"),
        ("celeba-hq", "celeba_hq/train/female/1.jpg", "celeba_hq/val/male/2.jpg"),
        ("folder", "train/1.jpg", "val/1.jpg"),
    ],
)
def test_known_trees_are_found_by_split(tmp_path: Path, data: str, train: str, val: str) -> None:
    write_pictures(tmp_path, train, val)
    assert values_of(open_source(data, tmp_path)) == [0]
    assert values_of(open_source(data, str(tmp_path), split="val")) == [1]


def test_places_archives_are_read_as_published(tmp_path: Path) -> None:
    train = {"data_256/a/abbey/00000001.jpg": gray_value(1)}
    write_tar(tmp_path / "train_256_places365standard.tar", train)
    write_tar(tmp_path / "val_256.tar", {"val_256/Places365_val_00000001.jpg": gray_value(2)})
    assert values_of(open_source("places2", tmp_path)) == [1]
    assert values_of(open_source("places2", tmp_path, split="val")) == [2]


def test_places_shards_are_found_by_split(tmp_path: Path) -> None:
    write_tar(tmp_path / "train-000.tar", {"a.png": gray_value(1)})
    write_tar(tmp_path / "train-001.tar", {"b.png": gray_value(2)})
    write_tar(tmp_path / "val-000.tar", {"c.png": gray_value(3)})
    assert values_of(open_source("places2", tmp_path)) == [1, 2]
    assert values_of(open_source("places2", tmp_path, split="val")) == [3]


def test_small_places_pictures_go_before_large_ones(tmp_path: Path) -> None:
    write_pictures(tmp_path, "data_large_standard/a/1.jpg", "data_256_standard/a/1.jpg")
    assert values_of(open_source("places2", tmp_path)) == [1]


def test_places_pictures_of_the_wanted_size_go_first(tmp_path: Path) -> None:
    write_tar(tmp_path / "train-000.tar", {"a.png": gray_value(1)})
    write_pictures(tmp_path, "data_256_standard/a/1.jpg")
    (tmp_path / "data_large_standard").mkdir()
    (tmp_path / "data_large_standard/1.jpg").write_bytes(gray_value(7, (520, 600)))
    assert values_of(open_source("places2", tmp_path)) == [1]
    assert values_of(open_source("places2", tmp_path, size=8)) == [1]
    assert values_of(open_source("places2", tmp_path, size=512)) == [7]
    (tmp_path / "data_large_standard/1.jpg").unlink()
    assert values_of(open_source("places2", tmp_path, size=512)) == [1]  # what there is


def test_the_archive_that_is_named_fits_the_samples(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"(?s)train_large_places365standard.*small=False"):
        open_source("places2", tmp_path, size=512)
    with pytest.raises(FileNotFoundError, match=r"(?s)\(25 GB\).*val_256\.tar.*small=True"):
        open_source("places2", tmp_path, size=256)


def test_masks_beside_pictures_are_not_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    names = ["a.jpg", "b.png", "masks/a.png", "masks/other.png", "deep/c.jpg", "deep/masks/c.png"]
    write_pictures(tmp_path, *names)
    found = [open_source("folder", tmp_path, split=split) for split in ("train", "val")]
    assert sorted(names_of(found[0]) + names_of(found[1])) == [
        *("a.jpg", "b.png", "deep/c.jpg", "masks/other.png"),
    ]
    assert f"left out 2 masks of pictures in {tmp_path}, such as deep/masks/c.png" in caplog.text


def test_the_examples_are_pictures_and_their_masks_are_not() -> None:
    examples = Path(__file__).parents[1] / "examples"
    found = [open_source("folder", examples, split=split) for split in ("train", "val")]
    assert sum(map(len, found)) == 5


def test_published_places_list_sets_the_pictures_of_a_whole_tree(tmp_path: Path) -> None:
    write_pictures(tmp_path, *(f"data_256_standard/a/{i}.jpg" for i in range(3)))
    write_pictures(tmp_path, *(f"val_256/{i}.jpg" for i in range(3)))
    (tmp_path / "places365_train_standard.txt").write_text("/a/2.jpg 0\n/a/0.jpg 0\n")
    (tmp_path / "places365_val.txt").write_text("1.jpg 7\n0.jpg 3\n")
    assert names_of(open_source("places2", tmp_path)) == ["a/2.jpg", "a/0.jpg"]
    assert names_of(open_source("places2", tmp_path, split="val")) == ["1.jpg", "0.jpg"]


def test_published_places_list_is_not_believed_for_part_of_a_tree(tmp_path: Path) -> None:
    write_pictures(tmp_path, "data_256_standard/a/0.jpg")
    (tmp_path / "places365_train_standard.txt").write_text("/a/0.jpg 0\n/z/9.jpg 364\n")
    assert names_of(open_source("places2", tmp_path)) == ["a/0.jpg"]


def test_celeba_masks_are_not_taken_for_pictures(tmp_path: Path) -> None:
    names = [f"CelebAMask-HQ/CelebA-HQ-img/{i}.jpg" for i in range(3)]
    write_pictures(tmp_path, *names, "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_hair.png")
    train, val = (open_source("celeba-hq", tmp_path, split=s) for s in ("train", "val"))
    assert sorted(names_of(train) + names_of(val)) == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.parametrize("make_root", [True, False])
@pytest.mark.parametrize(
    ("data", "split", "advice"),
    [
        ("places2", "train", r"data_256_standard/.*wget -c -P \S+pictures http\S+standard\.tar"),
        ("places2", "val", r"looked for val-\*\.tar, val_256/.*Places365\('\S+pictures'"),
        ("celeba-hq", "train", "pictures, at any depth.*celeba_hq.zip"),
        ("imagenet", "train", "looked for train/.*image-net.org/download"),
        ("folder", "train", "at any depth.*--root"),
    ],
)
def test_missing_pictures_are_reported_with_the_way_to_get_them(
    tmp_path: Path, data: str, split: str, advice: str, make_root: bool
) -> None:
    root = tmp_path / "pictures"
    if make_root:
        root.mkdir()
    state = "" if make_root else ", which is no folder"
    with pytest.raises(
        FileNotFoundError, match=rf"(?s)no ({data} )?pictures in \S+{state};.*{advice}"
    ):
        open_source(data, root, split=split)  # type: ignore[arg-type]


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data must be one of places2, .*, got 'coco'"):
        open_source("coco")
    with pytest.raises(ValueError, match="split must be one of train, val, got 'test'"):
        open_source("folder", tmp_path, split="test")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="folder needs a root"):
        open_source("folder")
    with pytest.raises(ValueError, match="root must name at least one place"):
        open_source("folder", [])


def test_default_root_lies_under_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, "data/places2/val_256/1.jpg")
    assert len(open_source("places2", split="val")) == 1


def test_several_roots_are_joined_and_repeated_for_training_only(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a/train/1.png", "a/val/1.png", "b/train/1.png", "b/val/1.png")
    roots = f"{tmp_path}/a,{tmp_path}/b@3"
    assert values_of(open_source("imagenet", roots)) == [0, 2, 2, 2]
    assert values_of(open_source("imagenet", roots.split(","), split="val")) == [1, 3]


def test_existing_root_may_hold_a_comma_and_an_at_sign(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a,b@3/only.png")
    assert values_of(open_source("folder", f"{tmp_path}/a,b@3")) == [0]

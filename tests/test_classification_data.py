import numpy as np
import pytest
from accelerate import Accelerator
from labelled import write_tar, write_tree
from torch import nn

from inpaint.classification.data import open_labelled, split_by_name
from inpaint.classification.engine import evaluate
from inpaint.classification.samples import (
    ClassSamples,
    ValidationSamples,
    middle_crop,
    random_resized_crop,
)


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "tree")


def test_folders_are_classes_in_sorted_order(tree):
    (tree / "note.txt").write_text("no class")
    pictures = open_labelled(tree)
    assert pictures.classes == ("blue", "red")
    assert pictures.labels.tolist() == [0] * 8 + [1] * 8
    assert all(
        pictures.source.name(i).startswith(pictures.classes[label])
        for i, label in enumerate(pictures.labels)
    )


@pytest.mark.parametrize("spec", ["", "/pictures-{0..0}.tar", "/*.tar"])
def test_members_of_shards_name_their_class(tree, tmp_path, spec):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_tar(tree, folder / "pictures-0.tar")
    pictures = open_labelled(f"{folder}{spec}")
    assert pictures.classes == ("blue", "red")
    assert np.bincount(pictures.labels).tolist() == [8, 8]


def test_another_pattern_finds_other_classes(tree, tmp_path):
    path = write_tar(tree, tmp_path / "a.tar")
    assert open_labelled(path, pattern=r"^(.)").classes == ("b", "r")
    with pytest.raises(
        ValueError, match=r"a\.tar/blue_00000000\.png names no class: .*--class-pat"
    ):
        open_labelled(path, pattern=r"(green)")
    with pytest.raises(ValueError, match="needs a group"):
        open_labelled(path, pattern="red")
    with pytest.raises(ValueError, match="is not valid"):
        open_labelled(path, pattern="(")


def test_an_empty_class_folder_is_one_clear_line(tree):
    (tree / "green").mkdir()
    with pytest.raises(ValueError, match="tree/green holds no pictures; fill or remove it"):
        open_labelled(tree)


def test_a_folder_without_classes_is_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="no class folders in"):
        open_labelled(tmp_path)
    with pytest.raises(FileNotFoundError, match="none"):
        open_labelled(tmp_path / "none")


def test_validation_pictures_use_the_numbers_of_the_training_classes(tree):
    only_red = open_labelled(write_tree(tree.parent / "val"), classes=("blue", "green", "red"))
    assert set(only_red.labels.tolist()) == {0, 2}
    with pytest.raises(ValueError, match="the class 'red', which the training pictures do not"):
        open_labelled(tree, classes=("blue",))


def test_the_held_out_part_does_not_depend_on_the_other_pictures(tmp_path):
    pictures = open_labelled(write_tree(tmp_path / "a", count=60))
    fewer = open_labelled(write_tree(tmp_path / "b", count=40))
    training, held = split_by_name(pictures, 0.2)
    assert len(training) + len(held) == 120
    assert 10 <= len(held) <= 40

    def names(part):
        return {part.source.name(i) for i in range(len(part))}

    assert not names(training) & names(held)
    assert names(split_by_name(fewer, 0.2)[1]) == names(held) & names(fewer)
    with pytest.raises(ValueError, match="too few to hold out"):
        split_by_name(pictures, 1e-6)


def test_samples_follow_from_the_seed_and_their_number(tree):
    pictures = open_labelled(tree)
    first, again = (ClassSamples(pictures, 24, seed=1) for _ in range(2))
    other = ClassSamples(pictures, 24, seed=2)
    assert first[3]["image"].shape == (3, 24, 24)
    assert first[21]["image"].equal(again[21]["image"])
    assert not first[21]["image"].equal(other[21]["image"])
    assert sorted(first[n]["label"] for n in range(16)) == [0] * 8 + [1] * 8


def test_a_corrupt_training_picture_is_replaced_and_counted(tree):
    (tree / "red" / "red_00000003.png").write_bytes(b"broken")
    samples = ClassSamples(open_labelled(tree), 24)
    found = [samples[n] for n in range(16)]
    bad = [sample for sample in found if sample["skipped"]]
    assert len(bad) == 1
    assert samples.source.name(bad[0]["rejected"]) == "red/red_00000003.png"


def test_random_crops_stay_inside_and_keep_their_share_of_the_area():
    ramp = np.zeros((30, 50, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(30)[:, None] * 8, np.arange(50) * 5
    rng = np.random.default_rng(0)
    for _ in range(50):
        crop = random_resized_crop(ramp, 16, rng, least=0.5).astype(int)
        assert crop.shape == (16, 16, 3)
        # The shown height times the shown width, of 30 * 8 by 50 * 5.
        assert np.ptp(crop[..., 0]) * np.ptp(crop[..., 1]) > 0.5 * 240 * 250 * 0.75
    assert random_resized_crop(ramp[:, :1], 8, rng).shape == (8, 8, 3)


@pytest.mark.parametrize("shape", [(32, 32), (20, 80), (500, 33), (1, 1)])
def test_test_crops_are_square_whatever_the_shape(shape):
    assert middle_crop(np.zeros((*shape, 3), np.uint8), 28).shape == (28, 28, 3)


def test_a_corrupt_validation_picture_is_left_out_and_counted(tree):
    (tree / "red" / "red_00000003.png").write_bytes(b"broken")
    pictures = open_labelled(tree)
    assert [s["label"] for s in (ValidationSamples(pictures, 8)[i] for i in (7, 11, 12))] == [
        0,
        -1,
        1,
    ]
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    nn.init.zeros_(network[2].weight)
    network[2].weight.data[0, 2] = network[2].weight.data[1, 0] = 1.0  # blue or red
    scores = evaluate(network, pictures, Accelerator(cpu=True), size=8, batch_size=4)
    assert (scores.top1, scores.top5, scores.pictures, scores.unreadable) == (100, 100, 15, 1)

"""What is found, matched and refused before the first picture."""

import json
import os
from pathlib import Path

import pytest
from folders import put_image, put_mask

from inpaint.batch import PlanError, Request, make_plan
from inpaint.batch.records import ALPHA


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(*inputs, **options):
    return make_plan(Request(inputs, **options))


def pairs(*inputs, **options):
    """{image: mask} of a plan."""
    tasks = plan(*inputs, **{"output": "out", **options}).tasks
    return {task.image: task.mask for task in tasks}


def outputs(*inputs, **options):
    """{image: output} of a plan with the alpha channel as the mask."""
    tasks = plan(*inputs, **{"output": "out", "mask": ALPHA, **options}).tasks
    return {task.image: task.output for task in tasks}


def problems(*inputs, **options):
    with pytest.raises(PlanError) as caught:
        plan(*inputs, **options)
    return caught.value.problems


def test_masks_are_found_by_stem_mirrored_or_flat(here):
    for name in ("a.jpg", "trips/b.jpg", "trips/far/c.jpg"):
        put_image(f"photos/{name}")
    put_mask("masks/a.png")
    put_mask("masks/trips/b_mask.png")
    put_mask("masks/b.png")
    put_mask("masks/c.webp")
    assert pairs("photos", mask="masks") == {
        "photos/a.jpg": "masks/a.png",
        "photos/trips/b.jpg": "masks/trips/b_mask.png",
        "photos/trips/far/c.jpg": "masks/c.webp",
    }


def test_mask_suffix_can_be_chosen(here):
    put_image("photos/a.jpg")
    put_mask("masks/a.png")
    put_mask("masks/a-hole.png")
    assert pairs("photos", mask="masks", mask_suffix="-hole") == {
        "photos/a.jpg": "masks/a-hole.png"
    }


def test_masks_may_lie_beside_the_pictures(here):
    put_image("photos/a.jpg")
    put_mask("photos/a_mask.png")
    assert pairs("photos", mask="photos") == {"photos/a.jpg": "photos/a_mask.png"}


def test_masks_and_outputs_inside_the_input_folder_are_not_inputs(here):
    put_image("photos/a.jpg")
    put_mask("photos/masks/a.png")
    put_image("photos/out/old.jpg")
    found = pairs("photos", mask="photos/masks", output="photos/out")
    assert found == {"photos/a.jpg": "photos/masks/a.png"}


def test_several_possible_masks_are_a_problem_unless_one_has_the_same_name(here):
    put_image("photos/a.jpg")
    put_mask("masks/a.png")
    put_mask("masks/a.webp")
    (problem,) = problems("photos", mask="masks", output="out")
    assert "photos/a.jpg: several masks: a.png, a.webp in masks" in problem
    put_mask("masks/a.jpg")
    assert pairs("photos", mask="masks") == {"photos/a.jpg": "masks/a.jpg"}


def test_every_missing_mask_is_named(here):
    for name in "abc":
        put_image(f"photos/{name}.jpg")
    put_mask("masks/b.png")
    found = problems("photos", mask="masks", output="out")
    assert [text.split(":")[0] for text in found] == ["photos/a.jpg", "photos/c.jpg"]
    assert "no mask called a.* or a_mask.* in masks" in found[0]


def test_pictures_without_mask_can_be_left_out(here):
    put_image("photos/a.jpg")
    put_image("photos/b.jpg")
    put_mask("masks/b.png")
    found = plan("photos", mask="masks", output="out", skip_unmasked=True)
    assert [task.image for task in found.tasks] == ["photos/b.jpg"]
    assert [(r.image, r.status) for r in found.settled] == [("photos/a.jpg", "skipped")]


def test_format_changes_suffixes_only_where_needed(here):
    for name in ("a.jpeg", "b.png", "c.JPG", "d.v2.tif"):
        put_image(f"photos/{name}")
    assert outputs("photos", format="jpg") == {
        "photos/a.jpeg": "out/a.jpeg",
        "photos/b.png": "out/b.jpg",
        "photos/c.JPG": "out/c.JPG",
        "photos/d.v2.tif": "out/d.v2.jpg",
    }


def test_name_clash_names_both_pictures(here):
    put_image("photos/a.jpg")
    put_image("photos/a.png")
    (problem,) = problems("photos", mask=ALPHA, output="out", format="webp")
    assert problem == "photos/a.jpg and photos/a.png would both be written to out/a.webp"


def test_outputs_over_inputs_or_masks_are_refused(here):
    put_image("photos/a.jpg")
    put_mask("masks/a.jpg")
    os.symlink("photos", "link")
    assert "same file" in problems("photos", mask="masks", output="link", overwrite=True)[0]
    found = problems("photos", mask="masks", output="masks", overwrite=True)
    assert "its output masks/a.jpg is an input, too" in found[0]


def test_unwritable_output_folder_is_found_before(here, monkeypatch):
    put_image("photos/a.jpg")
    (here / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("locked"))
    (problem,) = problems("photos", mask=ALPHA, output="locked/deep/out")
    assert "locked cannot be written to" in problem


def test_long_lists_of_problems_are_cut(here):
    for number in range(120):
        Path(f"{number}.png").touch()
    with pytest.raises(PlanError, match="because of 120 problems") as caught:
        plan("*.png", output="out")
    assert str(caught.value).endswith("and 20 more")


def test_several_inputs_globs_and_files_mix(here):
    for name in ("x/a.jpg", "x/deep/b.jpg", "y/c.jpg", "d.jpg"):
        put_image(name)
    Path("x/notes.md").touch()
    assert outputs("x/**/*", "y", "d.jpg") == {
        "x/a.jpg": "out/a.jpg",
        "x/deep/b.jpg": "out/deep/b.jpg",
        "y/c.jpg": "out/c.jpg",
        "d.jpg": "out/d.jpg",
    }


def test_name_with_brackets_is_a_file_first(here):
    put_image("a[1].jpg")
    assert outputs("a[1].jpg") == {"a[1].jpg": "out/a[1].jpg"}


def test_single_picture_goes_to_a_file_or_a_folder(here):
    put_image("a.jpg")
    Path("there.png").mkdir()
    assert outputs("a.jpg", output="b.png") == {"a.jpg": "b.png"}
    assert outputs("a.jpg", output="new") == {"a.jpg": "new/a.jpg"}
    assert outputs("a.jpg", output="there.png") == {"a.jpg": "there.png/a.jpg"}
    assert "must end like a picture's" in problems("a.jpg", mask=ALPHA, output="b.doc")[0]
    found = problems("a.jpg", mask=ALPHA, output="b.png", format="jpg")
    assert "the name says png, but jpg is asked for" in found[0]


def test_list_keeps_the_structure_below_its_own_folder(here):
    inner, outer = put_image(here / "set/x/a.jpg"), put_image(here / "far/b c.jpg")
    Path("set/list.txt").write_text(f"x/a.jpg\n\n{outer}\r\n")
    assert outputs("set/list.txt") == {
        str(inner): "out/x/a.jpg",
        str(outer): "out" + str(outer),
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_manifest_names_image_mask_and_output(here, kind):
    put_image("set/a.jpg")
    put_image("set/b.jpg")
    put_mask("set/m.png")
    rows = [
        {"image": "a.jpg", "mask": "m.png", "output": "done/1.png"},
        {"image": "b.jpg", "mask": ALPHA, "output": ""},
    ]
    lines = [json.dumps(row) for row in rows]
    if kind == "csv":
        lines = ["image,mask,output", *(",".join(row.values()) for row in rows)]
    manifest = Path(f"set/manifest.{kind}")
    manifest.write_text("\n".join(lines))
    first, second = plan(str(manifest), output="out").tasks
    folder = here / "set"
    assert (first.mask, first.output) == (str(folder / "m.png"), "out/done/1.png")
    assert first.format == "png"
    assert (second.mask, second.output) == (ALPHA, "out/b.jpg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"image": "a.jpg", "maks": "m.png"}', "line 1: unknown columns maks"),
        ('{"image": "a.jpg"}\n{"mask": "m.png"}', "line 2: wanted image"),
        ('{"image": 3}', "line 1: paths must be text"),
        ("a.jpg", "line 1: wanted image"),
    ],
)
def test_manifest_errors_name_the_line(here, text, message):
    Path("set.jsonl").write_text(text)
    with pytest.raises(ValueError, match=message):
        plan("set.jsonl", mask=ALPHA, output="out")


def test_mask_of_a_manifest_that_is_not_there_is_named(here):
    Path("set.csv").write_text("image,mask\na.jpg,m.png\n")
    (problem,) = problems("set.csv", output="out")
    assert problem == f"{here}/a.jpg: there is no mask at {here}/m.png"


def test_symlinked_folders_are_entered_but_loops_are_not(here):
    put_image("elsewhere/b.jpg")
    put_image("photos/a.jpg")
    os.symlink(here / "elsewhere", "photos/more")
    os.symlink(here / "photos", "photos/loop")
    found = plan("photos", mask=ALPHA, output="out")
    assert [task.image for task in found.tasks] == ["photos/a.jpg", "photos/more/b.jpg"]
    (record,) = found.settled
    assert record.image == "photos/loop" and "a symbolic link to a folder above" in record.message


def test_hidden_files_are_left_out(here):
    for name in ("a.jpg", "._a.jpg", ".thumbnails/a.jpg"):
        put_image(f"photos/{name}")
    assert outputs("photos") == {"photos/a.jpg": "out/a.jpg"}


def test_empty_folder_is_bad_usage(here):
    Path("photos").mkdir()
    assert problems("photos", mask=ALPHA, output="out") == ["there are no pictures in photos"]

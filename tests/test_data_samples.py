"""Training and validation samples: crops, holes, order, resuming, pictures that cannot be used."""

import io
import logging
import pickle
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from image_source import Pictures
from PIL import Image

from inpaint.data import (
    FixedSamples,
    FolderSource,
    SampleStream,
    SkipCounter,
    TarSource,
    TrainingSamples,
    stream_loader,
)
from inpaint.data.crops import center_square, cut_square, scale_square
from inpaint.data.holes import FolderHoles, GeneratedHoles
from inpaint.data.stream import ImageOrder
from inpaint.images import ImageError
from inpaint.masks.generate import HOLE_BUCKETS

# Python 3.12 warns of every fork in a process with threads, and PyTorch has some.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

Batches = list[dict[str, torch.Tensor]]


def flat(value: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def shard(tmp_path: Path) -> TarSource:
    """Ten pictures of different sizes in a tar file; number 3 is damaged."""
    with tarfile.open(tmp_path / "train-0.tar", "w") as tar:
        for i in range(10):
            buffer = io.BytesIO()
            Image.fromarray(noise(20 + i, 40 - i)).save(buffer, "JPEG")
            data = buffer.getvalue()[: 300 if i == 3 else None]
            info = tarfile.TarInfo(f"{i}.jpg")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return TarSource([tmp_path / "train-0.tar"])


def read(samples: TrainingSamples, workers: int = 0, **stream: Any) -> Batches:
    return list(stream_loader(samples, SampleStream(6, **stream), workers=workers))


def assert_same(one: Batches, other: Batches) -> None:
    assert len(one) == len(other) > 0
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_samples_have_the_promised_keys_shapes_and_types(shard: TarSource) -> None:
    batch = read(TrainingSamples(shard, 16), steps=1)[0]
    assert {key: (value.dtype, tuple(value.shape)) for key, value in batch.items()} == {
        "image": (torch.uint8, (6, 3, 16, 16)),
        "hole": (torch.bool, (6, 1, 16, 16)),
        "index": (torch.int64, (6,)),
        "skipped": (torch.int64, (6,)),
        "rejected": (torch.int64, (6,)),
    }


def test_stream_entered_at_any_step_goes_on_as_if_never_stopped(shard: TarSource) -> None:
    whole = read(TrainingSamples(shard, 16, seed=5), steps=7)
    for start in (1, 4):
        tail = read(TrainingSamples(shard, 16, seed=5), start_step=start, steps=7 - start)
        assert_same(tail, whole[start:])


def test_worker_processes_do_not_change_the_stream(shard: TarSource) -> None:
    samples = TrainingSamples(shard, 16, seed=5)
    assert_same(read(samples, workers=2, steps=5), read(samples, steps=5))


def test_pickled_samples_are_the_same(shard: TarSource) -> None:
    samples = TrainingSamples(shard, 16, seed=5)
    assert_same(read(pickle.loads(pickle.dumps(samples)), steps=2), read(samples, steps=2))


def test_ranks_together_read_what_one_process_reads(shard: TarSource) -> None:
    samples = TrainingSamples(shard, 16)
    ranks = [read(samples, steps=4, rank=rank, num_processes=2) for rank in range(2)]
    joined = [{key: torch.cat([a[key], b[key]]) for key in a} for a, b in zip(*ranks, strict=True)]
    assert_same(joined, read(samples, steps=4))


def test_loader_leaves_the_global_generator_alone(shard: TarSource) -> None:
    torch.manual_seed(1)
    expected = torch.random.get_rng_state()
    read(TrainingSamples(shard, 16), steps=1)
    assert torch.equal(torch.random.get_rng_state(), expected)


def test_seeds_give_different_orders_crops_and_holes(shard: TarSource) -> None:
    one, other = (read(TrainingSamples(shard, 16, seed=seed), steps=2)[1] for seed in (0, 1))
    assert all(not torch.equal(one[key], other[key]) for key in ("index", "image", "hole"))


def test_every_epoch_shows_every_picture_once_in_a_new_order() -> None:
    order = ImageOrder(50, seed=3)
    epochs = [[order.image(n) for n in range(50 * e, 50 * e + 50)] for e in range(3)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_stream_yields_the_slice_of_its_rank_from_its_first_step() -> None:
    stream = SampleStream(8, start_step=3, steps=2, rank=1, num_processes=4)
    assert list(stream) == [[26, 27], [34, 35]]
    assert len(stream) == 2


def test_stream_without_an_end_goes_on() -> None:
    stream = SampleStream(2)
    assert [batch for batch, _ in zip(stream, range(3), strict=False)] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(TypeError, match="has no length"):
        len(stream)


def test_stream_refuses_batches_that_ranks_cannot_share() -> None:
    with pytest.raises(ValueError, match=r"batch_size 6 must be a positive multiple .* 4"):
        SampleStream(6, num_processes=4)
    with pytest.raises(ValueError, match="rank must be from 0 to 1, got 2"):
        SampleStream(6, rank=2, num_processes=2)


def test_unusable_pictures_are_replaced_and_counted_with_any_number_of_workers(
    shard: TarSource, caplog: pytest.LogCaptureFixture
) -> None:
    samples = TrainingSamples(shard, 16)
    for workers in (0, 2):
        counter = SkipCounter(samples)
        with caplog.at_level(logging.WARNING):
            for batch in read(samples, workers=workers, steps=10):
                counter.update(batch)
                assert 3 not in batch["index"]
        assert counter.total >= 6  # picture 3 is planned once in each of six epochs
        assert counter.rejected == {3}
        assert [record.getMessage() for record in caplog.records] == [
            f"picture skipped: {shard.paths[0]}, member 3.jpg: " + _reason(shard, 3)
        ]
        caplog.clear()


def _reason(shard: TarSource, index: int) -> str:
    with pytest.raises(ImageError) as caught:
        shard.load(index)
    return str(caught.value).split(": ", 1)[1]


def test_too_small_pictures_are_replaced_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    samples = TrainingSamples(Pictures([flat(1, 8, 40), flat(2, 7, 40), flat(3)]), 16)
    counter = SkipCounter(samples)
    for batch in read(samples, steps=4):
        counter.update(batch)
    assert counter.rejected == {1}
    assert counter.total >= 8
    assert "1.png: 7x40 pixels are too small for a 16 pixel crop" in caplog.text


def test_only_the_first_skipped_files_are_named(caplog: pytest.LogCaptureFixture) -> None:
    pictures = [OSError(f"disk error {i}") for i in range(12)]
    samples = TrainingSamples(Pictures([*pictures, *[flat(0)] * 12]), 16)
    counter = SkipCounter(samples, log_first=2)
    for batch in read(samples, steps=4):
        counter.update(batch)
    assert len(counter.rejected) == 12
    assert caplog.text.count("disk error") == 2
    assert caplog.text.count("further skipped pictures") == 1


def test_data_without_any_usable_picture_is_a_clear_error() -> None:
    source = Pictures([ImageError("broken")] * 3)
    with pytest.raises(RuntimeError, match=r"100 pictures in a row cannot be used.*last: broken"):
        TrainingSamples(source, 16)[0]
    with pytest.raises(RuntimeError, match=r"100 pictures in a row cannot be read.*last: broken"):
        FixedSamples(source, 16)[0]


@pytest.mark.parametrize("kind", [TrainingSamples, FixedSamples])
def test_wrong_settings_are_refused(kind: type[Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the source holds no pictures"):
        kind(FolderSource(tmp_path), 16)
    with pytest.raises(ValueError, match="size must be at least 1 pixel, got 0"):
        kind(Pictures([flat(0)]), 0)


def test_unknown_crop_is_refused() -> None:
    with pytest.raises(ValueError, match=r"crop must be one of resize-crop, .*, got 'random'"):
        TrainingSamples(Pictures([flat(0)]), 16, crop="random")  # type: ignore[arg-type]


def test_picture_of_the_wanted_size_is_kept_whole_and_flipped_half_of_the_time() -> None:
    picture = noise(16, 16)
    samples = TrainingSamples(Pictures([picture]), 16)
    flips = 0
    for n in range(100):
        image = samples[n]["image"].numpy().transpose(1, 2, 0)
        flipped = np.array_equal(image, picture[:, ::-1])
        assert flipped or np.array_equal(image, picture)
        flips += flipped
    assert 30 <= flips <= 70


def test_native_crops_show_full_detail() -> None:
    picture = noise(40, 60)
    found = {patch.tobytes() for patch in _patches(picture, 8)}
    rng = np.random.default_rng(0)
    for _ in range(20):
        square = cut_square(picture, 8, rng, policy="native")
        assert square.tobytes() in found


def _patches(picture: np.ndarray, size: int) -> list[np.ndarray]:
    height, width = picture.shape[:2]
    return [
        picture[y : y + size, x : x + size]
        for y in range(height - size + 1)
        for x in range(width - size + 1)
    ]


def test_resize_crops_span_all_scales_evenly_on_a_logarithmic_scale() -> None:
    ramp = np.repeat(np.arange(128, dtype=np.uint8)[None, :, None], 128, axis=0).repeat(3, axis=2)
    rng = np.random.default_rng(0)
    spans = []
    for _ in range(400):
        row = scale_square(cut_square(ramp, 32, rng), 32)[0, :, 0].astype(int)
        spans.append((row[-1] - row[0]) / 31)  # source pixels for each pixel of the crop
    assert 1 <= min(spans) < 1.1 and 3.8 < max(spans) <= 4.1
    assert 0.4 < np.mean(np.array(spans) < 2) < 0.6  # 2 is the middle between 1 and 4


def test_whole_crops_are_averaged_down_from_the_shorter_side() -> None:
    picture = noise(32, 64)
    square = cut_square(picture, 16, np.random.default_rng(0), policy="whole")
    found = [cv2.resize(p, (16, 16), interpolation=cv2.INTER_AREA) for p in _patches(picture, 32)]
    assert any(np.array_equal(scale_square(square, 16), patch) for patch in found)


def test_small_pictures_are_enlarged_up_to_the_limit() -> None:
    rng = np.random.default_rng(0)
    assert cut_square(flat(7, 8, 12), 16, rng).shape == (8, 8, 3)
    with pytest.raises(ImageError, match="7x12 pixels are too small for a 16 pixel crop"):
        cut_square(flat(7, 7, 12), 16, rng)
    assert cut_square(flat(7, 4, 4), 16, rng, max_upscale=4).shape == (4, 4, 3)
    assert scale_square(flat(7, 4, 4), 16).shape == (16, 16, 3)


def test_some_holes_are_sides() -> None:
    draw = GeneratedHoles((0, 0, 0, 0, 1, 0), sides=0.5)
    holes = [draw(20, np.random.default_rng(seed)) for seed in range(60)]
    straight = [h for h in holes if (h == h[:1]).all() or (h == h[:, :1]).all()]
    assert 15 <= len(straight) <= 45
    assert all(0.4 <= hole.mean() <= 0.5 for hole in straight)
    edges = {(bool(h[0, 0]), bool(h[0, -1]), bool(h[-1, 0])) for h in straight}
    assert len(edges) == 4  # each side
    with pytest.raises(ValueError, match=r"sides must lie in \[0, 1\], got 2"):
        GeneratedHoles(sides=2)


def test_holes_follow_the_ratio_weights() -> None:
    samples = TrainingSamples(Pictures([flat(0, 32, 32)]), 32, ratio_weights=(0, 0, 1, 0, 0, 1))
    ratios = np.array([samples[n]["hole"].float().mean().item() for n in range(40)])
    third = (ratios > 0.2) & (ratios <= 0.3)
    last = (ratios > 0.5) & (ratios <= 0.6)
    assert (third | last).all() and third.any() and last.any()


@pytest.mark.parametrize("weights", [(1, 1), (0,) * 6, (1, 1, 1, 1, 1, -1)])
def test_wrong_ratio_weights_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ratio_weights must be 6 numbers of 0 or more"):
        GeneratedHoles(weights)


def write_mask(path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def test_holes_come_from_a_folder_of_masks(tmp_path: Path) -> None:
    mask = np.zeros((40, 80), bool)
    mask[:, ::2] = True  # stripes stay stripes: never stretched, never blurred
    write_mask(tmp_path / "a.png", mask)
    draw = FolderHoles(tmp_path)
    rng = np.random.default_rng(0)
    holes = [draw(16, rng) for _ in range(20)]
    assert all(hole.shape == (16, 16) and hole.dtype == bool for hole in holes)
    upright = [hole for hole in holes if (hole == hole[:1]).all()]
    lying = [hole for hole in holes if (hole == hole[:, :1]).all()]
    assert len(upright) + len(lying) == 20 and upright and lying
    samples = TrainingSamples(Pictures([flat(0)]), 16, hole_dir=tmp_path)
    assert torch.equal(samples[7]["hole"], samples[7]["hole"])


def test_holes_of_masks_that_are_black_in_the_hole(tmp_path: Path) -> None:
    mask = np.zeros((40, 40), bool)
    mask[:4] = True
    write_mask(tmp_path / "a.png", mask)
    plain, inverted = FolderHoles(tmp_path), FolderHoles(tmp_path, invert=True)
    for seed in range(5):
        hole = plain(16, np.random.default_rng(seed))
        assert (inverted(16, np.random.default_rng(seed)) == ~hole).all()
    samples = TrainingSamples(Pictures([flat(0)]), 16, hole_dir=tmp_path, invert_holes=True)
    assert samples[0]["hole"].float().mean() > 0.7


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_unusable_masks_are_passed_over(tmp_path: Path) -> None:
    write_mask(tmp_path / "empty.png", np.zeros((16, 16), bool))
    (tmp_path / "bad.png").write_bytes(b"text")
    with pytest.raises(RuntimeError, match=r"20 masks in a row .* white where"):
        FolderHoles(tmp_path)(16, np.random.default_rng(0))
    with pytest.raises(RuntimeError, match=r"must be black where .* and white elsewhere"):
        FolderHoles(tmp_path, invert=True)(16, np.random.default_rng(0))
    write_mask(tmp_path / "good.png", np.eye(16, dtype=bool))
    assert FolderHoles(tmp_path)(16, np.random.default_rng(0)).any()


def test_folder_without_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no mask pictures in"):
        FolderHoles(tmp_path)


def test_fixed_samples_are_the_same_every_time_with_equal_numbers_of_each_bucket() -> None:
    source = Pictures([flat(i, 20, 30) for i in range(24)])
    one, other = (list(map(FixedSamples(source, 16).__getitem__, range(12))) for _ in range(2))
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        assert a["index"] == i and a["bucket"] == i % 6 and a["skipped"] == 0
        assert torch.equal(a["image"], b["image"]) and torch.equal(a["hole"], b["hole"])
        low, high = HOLE_BUCKETS[i % 6]
        assert low < a["hole"].float().mean().item() <= high
    assert not torch.equal(one[0]["hole"], one[6]["hole"])


def test_fixed_samples_spread_over_the_source() -> None:
    samples = FixedSamples(Pictures([flat(i) for i in range(20)]), 16, count=4)
    assert [samples[i]["index"] for i in range(len(samples))] == [0, 5, 10, 15]
    assert len(FixedSamples(Pictures([flat(0)] * 3), 16, count=10)) == 3
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        FixedSamples(Pictures([flat(0)]), 16, count=0)
    with pytest.raises(IndexError, match="from 0 to 3, got 4"):
        samples[4]


def test_fixed_samples_put_the_next_picture_in_place_of_a_bad_one() -> None:
    samples = FixedSamples(Pictures([flat(0), flat(1), ImageError("bad")]), 16)
    last = samples[2]
    assert (last["index"], last["skipped"], last["rejected"]) == (0, 1, 2)


@pytest.mark.parametrize("shape", [(48, 64), (65, 48), (12, 30), (16, 16), (1, 3)])
def test_fixed_pictures_are_the_scaled_middle_square(shape: tuple[int, int]) -> None:
    picture = noise(*shape)
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    middle = picture[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > 16 else cv2.INTER_CUBIC
    expected = cv2.resize(middle, (16, 16), interpolation=method)
    assert np.array_equal(center_square(picture, 16), expected)

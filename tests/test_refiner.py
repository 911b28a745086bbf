"""The refiner: what it sees, what it leaves alone, how it is saved, named and trained."""

import numpy as np
import pytest
import torch

from inpaint import Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints import weights as checkpoint
from inpaint.checkpoints.weights import CheckpointError, load_network, load_refiner, save_weights
from inpaint.inference.boundary import BoundaryConfig
from inpaint.inference.pipeline import Finishing
from inpaint.inference.refinement import context_margin, refine
from inpaint.inference.region_fill import RegionFill
from inpaint.inference.style import Style
from inpaint.inference.tiling import Region, Tile
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.utils.crop import Crop

CPU = torch.device("cpu")
SMALL = RefinerConfig(width=8, dilations=(1, 2))


@pytest.fixture
def refiner() -> Refiner:
    """One that changes everything."""
    torch.manual_seed(0)
    refiner = Refiner(SMALL).eval()
    torch.nn.init.normal_(refiner.last.weight, std=0.05)
    return refiner


def answers(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill, blended and mask of a picture of noise with scattered holes."""
    rng = np.random.default_rng(0)
    fill, blended = rng.random((2, height, width, 3), dtype=np.float32)
    return fill, blended, (rng.random((height, width)) > 0.7).astype(np.uint8)


def refined(
    refiner: Refiner, fill: np.ndarray, blended: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """mask: 0 = known, 1 = hole, 2 = ignore."""
    return refine(refiner, Crop(fill, mask == 1, mask == 2), blended, CPU)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1)[None]


def test_an_untrained_refiner_leaves_the_blended() -> None:
    fill, blended, mask = answers(21, 34)
    assert (refined(Refiner(SMALL).eval(), fill, blended, mask) == blended).all()


@pytest.mark.parametrize("size", [(300, 530), (1, 1), (1, 40), (37, 91)])
@torch.no_grad()
def test_parts_are_refined_as_the_whole_picture_is(refiner: Refiner, size: tuple[int, int]) -> None:
    fill, blended, mask = answers(*size)
    mask[0, 0] = 1
    whole = refiner(tensor(fill), tensor(blended), tensor(mask[..., None]))[0].permute(1, 2, 0)
    wanted = np.where(mask[..., None] == 1, whole.clamp(0, 1).numpy(), blended)
    found = refined(refiner, fill, blended, mask)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert (found != blended).any()


def test_known_pixels_and_other_holes_stay(refiner: Refiner) -> None:
    fill, blended, mask = answers(50, 60)
    mask[10:20] = 2
    changed = (refined(refiner, fill, blended, mask) != blended).any(2)
    assert changed[mask == 1].mean() > 0.99
    assert not changed[mask != 1].any()


@torch.no_grad()
def test_nothing_beyond_its_receptive_radius_has_a_say(refiner: Refiner) -> None:
    fill, blended, _ = answers(80, 80)
    mask = np.zeros((80, 80), np.uint8)
    mask[40, 41] = 1
    first = refined(refiner, fill, blended, mask)
    far = np.ones((80, 80), bool)
    far[
        tuple(
            slice(n - refiner.receptive_radius, n + refiner.receptive_radius + 1) for n in (40, 41)
        )
    ] = False
    blended[far], fill[far] = 0, 1
    assert (refined(refiner, fill, blended, mask)[40, 41] == first[40, 41]).all()
    blended[40, 40 + 2] += 0.5
    assert (refined(refiner, fill, blended, mask)[40, 41] != first[40, 41]).any()


@torch.no_grad()
def test_a_border_is_no_edge_to_it(refiner: Refiner) -> None:
    for layer in (refiner.first, *refiner.levels, refiner.last):
        layer.weight[:] = layer.weight.mean((2, 3), keepdim=True)  # blur: flat stays flat
    flat, hole = torch.full((1, 3, 24, 30), 0.7), torch.ones(1, 1, 24, 30)
    result = refiner(flat, flat, hole)[..., ::2, ::2]  # each place in a block has its own answer
    torch.testing.assert_close(result, result[..., 5:6, 5:6].expand_as(result))


def test_few_sizes_of_blocks_occur(refiner: Refiner, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    forward = Refiner.forward

    def note(self: Refiner, *tensors: torch.Tensor) -> torch.Tensor:
        seen.add(tuple(tensors[0].shape[2:]))
        return forward(self, *tensors)

    monkeypatch.setattr(Refiner, "forward", note)
    edge = context_margin(refiner)
    for width in range(3, 60, 7):
        fill, blended, mask = answers(2 * edge + 5, 2 * edge + width)
        mask[:] = 0
        mask[edge:-edge, edge:-edge] = 1
        refined(refiner, fill, blended, mask)
    assert len(seen) <= 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width must be 1 or more, got 0"),
        ({"dilations": (1, 0)}, "dilations must be 1 or more"),
        ({"dilations": ()}, "dilations must be 1 or more"),
        ({"depth": 3}, "unknown refiner settings: depth"),
    ],
)
def test_unusable_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RefinerConfig.from_dict(settings)


def test_a_file_alone_rebuilds_a_refiner(refiner: Refiner, tmp_path) -> None:
    save_weights(refiner, tmp_path / "r.safetensors", notes={"steps": 3})
    loaded = load_refiner(tmp_path / "r.safetensors")
    assert loaded.config == SMALL and not loaded.training
    for key, value in refiner.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


def test_a_refiner_is_not_taken_for_a_network_nor_the_other_way(refiner: Refiner, tmp_path) -> None:
    save_weights(refiner, tmp_path / "r.safetensors")
    save_weights(PConvUNet(UNetConfig((8,), (3,))), tmp_path / "n.safetensors")
    with pytest.raises(CheckpointError, match="holds a refiner; weights of a network are wanted"):
        load_network(tmp_path / "r.safetensors")
    with pytest.raises(CheckpointError, match="holds a network; weights of a refiner are wanted"):
        load_refiner(tmp_path / "n.safetensors")


def test_weights_bring_the_refiner_that_their_notes_name(
    refiner: Refiner, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "weights_folder", lambda: tmp_path)
    network = PConvUNet(UNetConfig((8, 8), (3, 3))).eval()
    save_weights(refiner, tmp_path / "sharpener.safetensors")
    save_weights(network, tmp_path / "plain.safetensors")
    save_weights(network, tmp_path / "refined.safetensors", notes={"refiner": "sharpener"})
    save_weights(network, tmp_path / "lost.safetensors", notes={"refiner": "gone"})
    save_weights(refiner, tmp_path / "mine" / "r.safetensors")
    own = tmp_path / "mine" / "own.safetensors"
    save_weights(network, own, notes={"refiner": "r.safetensors"})
    for weights in ("refined", own):
        assert Inpainter.load(weights, device="cpu").refiner.config == SMALL
    assert Inpainter.load("plain", device="cpu").refiner is None
    with pytest.raises(CheckpointError, match="no shipped weights called 'gone'"):
        Inpainter.load("lost", device="cpu")

    image = (answers(70, 90)[0] * 255).astype(np.uint8)
    hole = np.zeros((70, 90), bool)
    hole[20:30, 20:40] = hole[50:, 60:] = True
    plain, refined = (
        Inpainter.load(name, device="cpu", style="plain").fill(image, hole)
        for name in ("plain", "refined")
    )
    assert (plain == refined)[~hole].all() and (plain != refined)[hole].mean() > 0.5
    alone = Inpainter.load("refined", device="cpu", boundary=False, style="plain").fill(image, hole)
    assert (alone == Inpainter(network, boundary=False, style="plain").fill(image, hole)).all()
    moved = Inpainter.load("refined", device="cpu", style="plain").on("cpu").fill(image, hole)
    assert (moved == refined).all()


def test_what_is_unknown_has_no_say_in_a_refined_fill(refiner: Refiner) -> None:
    inpainter = Inpainter(PConvUNet(UNetConfig((8, 8), (3, 3))), refiner=refiner, style="plain")
    image = answers(64, 64)[0]
    hole = np.zeros((64, 64), bool)
    hole[10:14], hole[20:50, 20:50] = True, True
    other = image.copy()
    other[hole] = 1
    assert (inpainter.fill(image, hole) == inpainter.fill(other, hole))[hole].all()


@pytest.mark.parametrize(
    ("factor", "style", "corrected"),
    [
        (2.0, "natural", True),
        (4.0, "natural", False),
        (4.0, "plain", True),
        (4.0, "faithful", True),
    ],
)
def test_what_is_enlarged_is_refined_unless_all_detail_comes_from_the_image(
    refiner: Refiner, factor: float, style: Style, corrected: bool
) -> None:
    image, mask = np.full((90, 90, 3), 128, np.uint8), np.ones((30, 30), bool)
    whole, box = (slice(0, 90), slice(0, 90)), (slice(30, 60), slice(30, 60))
    region = Region.of(factor, box, mask, [Tile(whole, box)])
    known = np.ones((90, 90), bool)
    known[box] = False
    fills = []
    for used in (refiner, None):
        fill = RegionFill(region)
        fill.colours[:] = 0.5
        Finishing(BoundaryConfig(), used, style, 0, CPU).blend(fill, image, known, region)
        fills.append(fill.colours)
    assert (np.abs(fills[0] - fills[1]).max() > 1e-3) == corrected

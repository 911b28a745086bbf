"""A folded network is the same function."""

from dataclasses import replace

import pytest
import torch
from test_unet import COMPACT, PAPER, SMALL, network, picture

from inpaint import Inpainter
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, find_weights, load_network
from inpaint.models.folding import FoldedBlock, fold

CONFIGS = {
    "small": SMALL,
    "paper": PAPER,
    "compact": COMPACT,
    "noise": replace(SMALL, noise=True),
    "residual": replace(SMALL, residual=((1,), (1, 2))),
}
SIZES = [(1, 50), (2, 3), (37, 91), (64, 64), (130, 70), (101, 300)]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hole", ["scattered", "none", "all"])
def test_a_folded_network_gives_the_same_image(name, size, hole):
    net = network(CONFIGS[name])
    image, valid = picture(*size)
    if hole != "scattered":
        valid = torch.full_like(valid, hole == "none")
    with torch.inference_mode():
        expected, image = net(image, valid), fold(net)(image, valid)
    torch.testing.assert_close(image, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("masks", [1, 2])
def test_a_batch_may_share_a_mask(masks):
    net = network()
    image, valid = picture(45, 62, batch=2)
    with torch.no_grad():
        expected = net(image, valid[:masks])
        torch.testing.assert_close(fold(net)(image, valid[:masks]), expected, rtol=0, atol=1e-4)


def test_the_network_is_copied_and_stays_as_it_was():
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    folded = fold(net)
    for parameter in net.parameters():
        parameter.data.zero_()
    image, valid = picture(40, 40)
    with torch.no_grad():
        assert folded(image, valid).std() > 0.01
    assert net.training and list(net.state_dict()) == list(before)


def test_holes_hold_nothing_that_the_answer_depends_on():
    image, valid = picture(50, 60)
    folded = fold(network())
    with torch.no_grad():
        expected = folded(image, valid)
        assert torch.equal(folded(torch.where(valid > 0, image, torch.nan), valid), expected)


def test_an_inpainter_runs_a_folded_network():
    blocks = Inpainter.load().network.encoder
    assert all(isinstance(block, FoldedBlock) for block in blocks)


@pytest.mark.parametrize("style", ["plain", "faithful"])
def test_fills_change_by_at_most_a_level(style):
    image = (picture(150, 170)[0][0].permute(1, 2, 0) * 255).byte().numpy()
    hole = torch.zeros(150, 170, dtype=torch.bool).numpy()
    hole[40:100, 60:120] = True
    net = load_network(find_weights(DEFAULT_WEIGHTS)).eval()
    folded = Inpainter(net, style=style).fill(image, hole)
    eager = Inpainter(lambda *batch: net(*batch), style=style).fill(image, hole)
    assert abs(folded.astype(int) - eager).max() <= 1
    assert (folded[hole] != image[hole]).any()

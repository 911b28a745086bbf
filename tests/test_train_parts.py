"""The parts of a training run by themselves: averages, validation, crops, frozen norms."""

import math
from dataclasses import replace

import pytest
import torch
from tiny_training import NETWORK
from torch import nn

from inpaint import PConvUNet, UNetConfig
from inpaint.training import Phase, loop
from inpaint.training.state import WeightAverage
from inpaint.training.validate import validate


def test_synchronised_norms_are_frozen_too() -> None:
    network = nn.SyncBatchNorm.convert_sync_batchnorm(PConvUNet(NETWORK))
    network.freeze_norm(decoder=True)
    norms = [m for m in network.train().modules() if isinstance(m, nn.SyncBatchNorm)]
    assert len(norms) == 2
    assert not any(norm.training for norm in norms)


def test_the_weight_average_starts_quickly_and_slows_down() -> None:
    network = PConvUNet(UNetConfig(widths=(2,), kernels=(3,)))
    weight = network.encoder[0].conv.bias
    average = WeightAverage(network, decay=0.25)
    nn.init.constant_(weight, 11.0)
    average.update(network)
    # From 0 with decay min(0.25, 2 / 11): 9 / 11 of the way.
    torch.testing.assert_close(average.network.encoder[0].conv.bias, torch.full((2,), 9.0))
    average.update(network)
    # With decay min(0.25, 3 / 12).
    torch.testing.assert_close(average.network.encoder[0].conv.bias, torch.full((2,), 10.5))
    average.update(network)
    # 4 / 13 is more than 0.25, which holds from here on.
    torch.testing.assert_close(average.network.encoder[0].conv.bias, torch.full((2,), 10.875))
    assert not any(parameter.requires_grad for parameter in average.network.parameters())


def test_the_weight_average_follows_statistics_and_copies_counters() -> None:
    network = PConvUNet(NETWORK)
    average = WeightAverage(network, decay=0.25)
    network.train()(torch.rand(2, 3, 8, 8), torch.ones(2, 1, 8, 8))
    average.update(network)
    ours, theirs = average.network.encoder[1].norm, network.encoder[1].norm
    torch.testing.assert_close(ours.running_mean, theirs.running_mean * 9 / 11)
    assert ours.num_batches_tracked == 1


class Gray(nn.Module):
    """Fills with gray."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return torch.full_like(image, 0.5)


def test_validation_figures_are_means_over_pictures_by_bucket() -> None:
    hole = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    hole[0, :, :2] = True  # half of a white picture: L1 25 %, MSE 0.125
    hole[1, :, :1] = True  # a quarter: 12.5 % and 0.0625
    image = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    batch = {"image": image, "hole": hole, "bucket": torch.tensor([4, 2])}
    figures = validate(Gray(), [batch])  # type: ignore[arg-type]
    low, high = -10 * math.log10(0.125), -10 * math.log10(0.0625)
    expected = {"l1": 18.75, "psnr": (low + high) / 2, "l1/0.2-0.3": 12.5, "psnr/0.2-0.3": high}
    expected |= {"l1/0.4-0.5": 25.0, "psnr/0.4-0.5": low}
    assert figures == pytest.approx(expected, abs=1e-4)


def test_the_loss_crop_is_a_function_of_seed_and_step() -> None:
    phase = Phase(1, 64, 1, 1e-3, loss_crop=16)
    crops = [loop._loss_crop(phase, 0, step) for step in range(50)]
    assert crops == [loop._loss_crop(phase, 0, step) for step in range(50)]
    assert len({(rows.start, columns.start) for rows, columns in crops if crops}) > 40
    for rows, columns in crops:
        assert rows.stop - rows.start == columns.stop - columns.start == 16
        assert 0 <= rows.start <= 48
        assert 0 <= columns.start <= 48
    assert loop._loss_crop(replace(phase, loss_crop=None), 0, 0) is None
    assert loop._loss_crop(replace(phase, loss_crop=64), 0, 0) is None

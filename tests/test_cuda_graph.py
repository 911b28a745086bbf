"""A training step as a CUDA graph does what it does without one. Needs an NVIDIA GPU."""

import copy

import pytest
import torch
from torch import Tensor, nn

from inpaint.training.cuda_graph import GraphedStep
from inpaint.training.optimizer import adam, load_optimizer, set_learning_rate

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


class Training:
    """A layer that learns from images with noise."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 3, 3, padding=1).cuda()
        self.optimizer = adam(self.layer.parameters(), 1e-2, (0.9, 0.999), torch.device("cuda"))

    def step(self, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        noisy = image + torch.randn_like(image) * hole
        loss = (self.layer(noisy) - image).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}

    def run(self, graphed: bool, steps: int = 8) -> list[float]:
        step = GraphedStep(self.step) if graphed else self.step
        losses = []
        for number in range(steps):
            torch.manual_seed(number)
            image = torch.rand(2, 3, 16, 16).cuda()
            set_learning_rate(self.optimizer, 1e-2 / (1 + number))
            losses.append(float(step(image, torch.ones(2, 1, 16, 16).cuda())["loss"]))
        return losses


def test_a_graph_takes_the_same_steps() -> None:
    plain, graphed = Training(), Training()
    assert graphed.run(True) == pytest.approx(plain.run(False), rel=1e-4)
    for a, b in zip(plain.layer.parameters(), graphed.layer.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_an_optimiser_goes_on_from_a_state_that_was_saved_on_the_cpu() -> None:
    training = Training()
    training.run(True, 5)
    state = copy.deepcopy(training.optimizer.state_dict())
    state["param_groups"][0].update(lr=0.5, fused=None, capturable=False)
    load_optimizer(training.optimizer, state)
    group = training.optimizer.param_groups[0]
    assert group["fused"] and group["capturable"] and group["lr"].device.type == "cuda"
    training.run(True, 5)

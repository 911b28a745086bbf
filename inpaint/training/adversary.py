"""What a run holds for adversarial training: the discriminator, its optimiser and its step."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from inpaint.checkpoints.vgg import VGG16
from inpaint.training.adversarial import (
    coarse_loss,
    discounted_loss,
    discriminator_loss,
    draw_views,
    feature_loss,
    generator_loss,
    take_views,
)
from inpaint.training.cuda_graph import capturing
from inpaint.training.discriminator import ProjectedDiscriminator
from inpaint.training.losses import composite_image
from inpaint.training.optimizer import adam, load_optimizer, set_learning_rate
from inpaint.training.weights import AdversarialLosses

BETAS = (0.0, 0.99)  # of Adam, for both networks, as usual for a projected GAN


@dataclass(frozen=True)
class Judged:
    """Features of a step's photos and fills, detached, with the holes: what is learnt from."""

    real: list[Tensor]
    fake: list[Tensor]
    hole: Tensor


class Adversary:
    """A discriminator that learns to tell fills from photos while a network learns to fill.

    The VGG features of fills are computed once and serve the network's terms and the
    discriminator's own step.
    """

    def __init__(self, width: int, vgg: VGG16, accelerator: Accelerator) -> None:
        """width: as of ProjectedDiscriminator, whose start comes from torch's generator."""
        self.vgg = vgg
        self.accelerator = accelerator
        network = ProjectedDiscriminator(width).to(accelerator.device)
        self.network = network.to(memory_format=torch.channels_last)
        self.heads = list(self.network.heads.parameters())
        self.optimizer = adam(self.heads, 0.0, BETAS, accelerator.device)

    def judge(
        self,
        output: Tensor,
        image: Tensor,
        hole: Tensor,
        losses: AdversarialLosses,
    ) -> tuple[dict[str, Tensor], Judged]:
        """The network's terms by name, unweighted, and what the discriminator can learn from.

        Args:
            output: The network's images, (B, 3, H, W).
            image: The photos, (B, 3, H, W) in [0, 1].
            hole: (B, 1, H, W), 1 = hole.
            losses: The phase's settings.

        What the discriminator sees of each sample is drawn by torch's generator.
        """
        views = draw_views(hole, losses.crop, losses.whole)
        composite = composite_image(output.float(), image, hole)
        small_hole = take_views(hole, views, losses.crop)
        with torch.no_grad():
            real = self.vgg.scaled_activations(take_views(image, views, losses.crop))
        fake = self.vgg.scaled_activations(take_views(composite, views, losses.crop))
        self.network.eval().requires_grad_(False)
        terms = {
            "adversarial": generator_loss(self.network(fake, small_hole), small_hole),
            # relu1_2 is little more than the colours, which need not agree.
            "features": feature_loss(fake[1:], real[1:], small_hole),
            "coarse": coarse_loss(output, image, hole, losses.coarse_factor),
            "discounted": discounted_loss(output, image, hole),
        }
        return terms, Judged(real, [level.detach() for level in fake], small_hole)

    def learn(self, judged: Judged, losses: AdversarialLosses) -> Tensor:
        """A step of the discriminator; returns its loss, detached.

        No step is taken when that is not finite, unless the step is recorded.
        """
        self._update_standards(judged.real)
        self.network.train()
        for parameter in self.heads:
            parameter.requires_grad_(True)
        with self._precision():
            features = [torch.cat(pair) for pair in zip(judged.real, judged.fake, strict=True)]
            if not self._mixed:
                features = [level.float() for level in features]
            scores = self.network(features, torch.cat([judged.hole, judged.hole]))
            real, fake = zip(*(score.chunk(2) for score in scores), strict=True)
            loss = discriminator_loss(real, fake, judged.hole)
        if capturing(loss.device) or torch.isfinite(loss):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._average_gradients()
            set_learning_rate(self.optimizer, losses.lr)
            self.optimizer.step()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain types that load_state_dict takes."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what state_dict gave."""
        self.network.load_state_dict(state["network"])
        load_optimizer(self.optimizer, state["optimizer"])

    @property
    def _mixed(self) -> bool:
        # float16 would want a scaler of its own; the heads are small, so they do without.
        return self.accelerator.mixed_precision == "bf16"

    def _precision(self) -> AbstractContextManager[Any]:
        return self.accelerator.autocast() if self._mixed else nullcontext()

    def _update_standards(self, real: list[Tensor]) -> None:
        """The statistics of photos, over all processes."""
        for standard, level in zip(self.network.projection.standards, real, strict=True):
            values = level.float()
            batch = torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))])
            if capturing(batch.device) or batch.isfinite().all():
                mean, square = self.accelerator.reduce(batch, reduction="mean")
                standard.update(mean, square)  # type: ignore[operator]

    def _average_gradients(self) -> None:
        """Over all processes. By hand, as DistributedDataParallel wants one backward pass for
        each forward pass, and the network's terms go through the discriminator too."""
        if self.accelerator.num_processes == 1:
            return
        gradients = [parameter.grad for parameter in self.heads if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        mean = self.accelerator.reduce(flat, reduction="mean")
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, part in zip(gradients, mean.split(sizes), strict=True):
            gradient.copy_(part.view_as(gradient))

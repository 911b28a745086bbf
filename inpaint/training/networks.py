"""What a run trains: a PConvUNet, or the refiner behind one that stays as it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inpaint.checkpoints.weights import (
    find_weights,
    load_network,
    load_refiner,
)
from inpaint.inference.batched_boundary import blend_boundaries
from inpaint.inference.boundary import blend_boundary
from inpaint.models.refiner import Refiner, RefinerConfig
from inpaint.models.registry import DEFAULT_KIND, build
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.training.config import RECIPES, REFINER, TrainConfig
from inpaint.utils.crop import Crop


class RefinedFill(nn.Module):
    """A refiner behind a network, called like a PConvUNet; the network has no part in the state.

    As in Inpainter, but that holes are filled at the images' own scale, however thick.
    """

    def __init__(self, refiner: Refiner, network: PConvUNet) -> None:
        super().__init__()
        self.refiner = refiner
        self._network = (network.requires_grad_(False).eval(),)  # in a tuple: not registered

    @property
    def config(self) -> RefinerConfig:
        """The refiner's configuration."""
        return self.refiner.config

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """See PConvUNet.forward; where the input was known, the image comes back about as is."""
        with torch.no_grad():
            fill = self._network[0](image, valid).float().clamp(0, 1)
            fill = torch.where(valid > 0, image, fill)
            blended = _blend_boundaries(fill, valid)
        return self.refiner(fill, blended, 1 - valid)


def new_network(
    config: TrainConfig, state: dict[str, Any] | None, device: torch.device
) -> PConvUNet | RefinedFill:
    """The network of a run as it starts, or of a checkpoint, whose weights are still to come."""
    network: PConvUNet | RefinedFill
    if RECIPES[config.config].network == REFINER:
        base = load_network(find_weights(config.base), device)
        refiner = _new_refiner(config, state)
        network = RefinedFill(refiner, base.to(memory_format=torch.channels_last))
    else:
        network = _new_unet(config, state)
    return network.train().to(device).to(memory_format=torch.channels_last)


def _new_refiner(config: TrainConfig, state: dict[str, Any] | None) -> Refiner:
    if state:
        refiner: Refiner = build("inpaint-refiner", state["network_config"])
        return refiner
    return load_refiner(find_weights(config.init)) if config.init else Refiner()


def _new_unet(config: TrainConfig, state: dict[str, Any] | None) -> PConvUNet:
    name = RECIPES[config.config].network
    if state:
        unet: PConvUNet = build(DEFAULT_KIND, state["network_config"])
        return unet
    return _start_from(config.init, name) if config.init else PConvUNet(UNetConfig.named(name))


def _start_from(weights: str, name: str) -> PConvUNet:
    """The network of a weight file or name, with the noise and the residual units of the recipe's.

    New ones change little at first: noise is weak, a unit is the identity.
    """
    found = load_network(find_weights(weights))
    wanted = UNetConfig.named(name)
    noise, residual = wanted.noise or found.config.noise, found.config.residual or wanted.residual
    network = PConvUNet(replace(found.config, noise=noise, residual=residual))
    network.load_state_dict(found.state_dict(), strict=False)
    return network


def halvings(network: str) -> int:
    """How many convolutions with stride 2 follow each other in a recipe's network."""
    return 0 if network == REFINER else len(UNetConfig.named(network).widths)


def trained_part(network: nn.Module) -> nn.Module:
    """What goes into a weight file: the network, or of a RefinedFill its refiner."""
    return getattr(network, "refiner", network)


def _blend_boundaries(fill: Tensor, valid: Tensor) -> Tensor:
    """The fills of a batch, (B, 3, H, W), blended and clamped; on the device it lies on."""
    # On a CPU the dense grids of a batch take several times as long as the pixels of the bands.
    blend = _blend_each if fill.device.type == "cpu" else blend_boundaries
    return blend(fill, valid == 0).clamp_(0, 1)


def _blend_each(fill: Tensor, hole: Tensor) -> Tensor:
    """blend_boundary of each image of a batch on the CPU, (B, 3, H, W)."""
    images = fill.permute(0, 2, 3, 1).contiguous().numpy()
    crops = [
        Crop(image, hole, np.zeros_like(hole))
        for image, hole in zip(images, hole[:, 0].numpy(), strict=True)
    ]
    # Small work on one core each: several threads for one image would wait for each other.
    with ThreadPoolExecutor(
        torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        blended = np.stack(list(pool.map(blend_boundary, crops)))
    return torch.from_numpy(blended).permute(0, 3, 1, 2)

"""How real fills look, over many of them: features and gradients in the hole against the originals.

Works without any further download: the features are those of the shipped VGG-16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.evaluate.frechet import FeatureStatistics, frechet_distance
from inpaint.evaluate.gradients import HoleGradients, gradient_energy, hole_gradients
from inpaint.vgg import VGG16

__all__ = [
    "FeatureStatistics",
    "Realism",
    "frechet_distance",
    "hole_features",
    "hole_gradients",
    "hole_positions",
]

# Index into VGG16.activations: relu2_2 (128 channels, half the size) and relu3_3 (256, a quarter).
FRECHET_LEVELS = {"fd2": 1, "fd3": 2}


class Realism:
    """Adds up fills and their originals, and gives the figures of all of them together.

    FD2 and FD3 are Fréchet distances between the VGG-16 features relu2_2 and relu3_3, divided by
    the level's scale, of all fills and of all originals, at the positions inside the hole. VGG
    sees the composite, so features near the boundary see known pixels, too. See
    `frechet_distance` on what the number of positions does.
    """

    def __init__(self, vgg: VGG16 | None = None, *, device: str | torch.device = "cpu") -> None:
        """vgg: None loads the shipped weights to `device`."""
        self.vgg = VGG16().to(device) if vgg is None else vgg
        self.fills: dict[str, FeatureStatistics] = {}
        self.originals: dict[str, FeatureStatistics] = {}
        self.fill_gradients = HoleGradients()
        self.original_gradients = HoleGradients()

    @torch.no_grad()
    def add(self, original: Tensor, composite: Tensor, hole: Tensor) -> None:
        """Add a batch of fills.

        Args:
            original: (B, 3, H, W), RGB in [0, 1].
            composite: The fills pasted into the originals, as `original`.
            hole: (B, 1, H, W), bool or 0 and 1, True = fill.
        """
        for image, statistics in ((original, self.originals), (composite, self.fills)):
            features = hole_features(self.vgg.activations(image), hole, self.vgg.scale)
            for name, level in FRECHET_LEVELS.items():
                found = FeatureStatistics.of(features[level])
                if name in statistics:
                    statistics[name].merge(found)
                else:
                    statistics[name] = found
        self.original_gradients += hole_gradients(original, hole)
        self.fill_gradients += hole_gradients(composite, hole)

    def add_arrays(self, original: np.ndarray, composite: np.ndarray, hole: np.ndarray) -> None:
        """Add one fill: images RGB uint8 (H, W, 3), hole bool (H, W), True = fill."""
        device = self.vgg.mean.device
        x, y = (to_batch(image).to(device) for image in (original, composite))
        self.add(x, y, torch.from_numpy(hole)[None, None].to(device))

    def figures(self) -> dict[str, float]:
        """All figures, and the number of feature positions that FD2 and FD3 are made of.

        fd2, fd3: 0 is best. gradient: energy in the hole over the original's, 1 is best. seam,
        original_seam: gradient across the boundary over that beside it, see HoleGradients.

        Raises:
            ValueError: When less than two positions were added.
        """
        if not self.fills:
            raise ValueError("figures need at least one fill, got none")
        found = {
            name: frechet_distance(self.originals[name], self.fills[name])
            for name in FRECHET_LEVELS
        }
        found |= {f"{name}_positions": self.fills[name].count for name in FRECHET_LEVELS}
        found["gradient"] = gradient_energy(self.fill_gradients, self.original_gradients)
        found["seam"] = self.fill_gradients.seam
        found["original_seam"] = self.original_gradients.seam
        return found


def hole_features(
    activations: Sequence[Tensor], hole: Tensor, scale: Sequence[float]
) -> list[Tensor]:
    """Features at the positions inside the hole, a tensor (N, C) for each level.

    Args:
        activations: Of VGG16.activations, (B, C, h, w) for each level.
        hole: (B, 1, H, W), bool or 0 and 1, True = fill.
        scale: Each level is divided by this, see VGG16.scale.
    """
    found = []
    for features, divisor in zip(activations, scale, strict=True):
        inside = hole_positions(hole, (features.shape[2], features.shape[3]))
        found.append(features.permute(0, 2, 3, 1)[inside[:, 0]] / divisor)  # (N, C)
    return found


def hole_positions(hole: Tensor, size: tuple[int, int]) -> Tensor:
    """Positions of a level that lie in the hole: bool (B, 1, *size).

    A position stands for a square of pixels, of 2x2 at half size and 4x4 at a quarter; it counts
    when at least half of them are hole. Pixels beyond the last whole square belong to none.

    Args:
        hole: (B, 1, H, W), bool or 0 and 1, True = fill.
        size: Of the level, the picture's height and width over 1, 2 or 4, rounded down.
    """
    side = hole.shape[-2] // size[0]
    if (hole.shape[-2] // side, hole.shape[-1] // side) != tuple(size):
        raise ValueError(f"a level of size {tuple(size)} is none of {tuple(hole.shape[-2:])}")
    return F.avg_pool2d(hole.float(), side) >= 0.5


def to_batch(image: np.ndarray) -> Tensor:
    """RGB uint8 (H, W, 3) as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255

"""How real fills look, over many of them: features and gradients in the hole against the originals.

Works without any further download: the features are those of the shipped VGG-16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.checkpoints.vgg import VGG16
from inpaint.evaluate.discriminative import discriminative_scores
from inpaint.evaluate.frechet import FeatureStatistics, frechet_distance
from inpaint.evaluate.gradients import HoleGradients, gradient_energy, hole_gradients

__all__ = [
    "FeatureStatistics",
    "HoleMeasures",
    "Realism",
    "RealismPool",
    "frechet_distance",
    "hole_features",
    "hole_gradients",
    "hole_positions",
    "measure_hole",
]

# Index into VGG16.activations: relu2_2 (128 channels, half the size) and relu3_3 (256, a quarter).
FRECHET_LEVELS = {"fd2": 1, "fd3": 2}


@dataclass(frozen=True)
class HoleMeasures:
    """What is kept of one image and its hole."""

    statistics: dict[str, FeatureStatistics]  # by the names in FRECHET_LEVELS
    pooled: np.ndarray  # float32 (448,), mean features of the three levels over the hole
    gradients: HoleGradients


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
        self.pool = RealismPool()

    @torch.no_grad()
    def add(self, original: Tensor, composite: Tensor, hole: Tensor) -> None:
        """Add a batch of fills, each of another image.

        Args:
            original: (B, 3, H, W), RGB in [0, 1].
            composite: The fills pasted into the originals, as `original`.
            hole: (B, 1, H, W), bool or 0 and 1, True = fill.
        """
        pair = [self._measure(image, hole) for image in (original, composite)]
        for truth, fill in zip(*pair, strict=True):
            self.pool.add(truth, fill, picture=len(self.pool))

    def add_arrays(self, original: np.ndarray, composite: np.ndarray, hole: np.ndarray) -> None:
        """Add one fill: images RGB uint8 (H, W, 3), hole bool (H, W), True = fill."""
        device = self.vgg.mean.device
        x, y = (to_batch(image).to(device) for image in (original, composite))
        self.add(x, y, torch.from_numpy(hole)[None, None].to(device))

    def figures(self) -> dict[str, float]:
        """See RealismPool.figures."""
        return self.pool.figures()

    def _measure(self, image: Tensor, hole: Tensor) -> list[HoleMeasures]:
        activations = self.vgg.activations(image)
        return [
            measure_hole(
                [level[i : i + 1] for level in activations],
                image[i : i + 1],
                hole[i : i + 1],
                self.vgg.scale,
            )
            for i in range(len(image))
        ]


class RealismPool:
    """Measures of many fills and their originals, added up."""

    def __init__(self) -> None:
        self.originals: dict[str, FeatureStatistics] = {}
        self.fills: dict[str, FeatureStatistics] = {}
        self.pooled: list[tuple[np.ndarray, np.ndarray]] = []  # of each original and fill
        self.gradients: list[tuple[HoleGradients, HoleGradients]] = []
        self.pictures: list[int] = []

    def __len__(self) -> int:
        return len(self.pictures)

    def add(self, original: HoleMeasures, fill: HoleMeasures, *, picture: int) -> None:
        """Add a fill; image: a number that the holes of one image share."""
        _merge(self.originals, original.statistics)
        _merge(self.fills, fill.statistics)
        self.pooled.append((original.pooled, fill.pooled))
        self.gradients.append((original.gradients, fill.gradients))
        self.pictures.append(picture)

    def merge(self, other: RealismPool) -> None:
        """Add all fills of `other`."""
        _merge(self.originals, other.originals)
        _merge(self.fills, other.fills)
        self.pooled += other.pooled
        self.gradients += other.gradients
        self.pictures += other.pictures

    def figures(self) -> dict[str, float]:
        """FD2, FD3, their numbers of positions, gradient energy and seams.

        fd2, fd3: 0 is best. gradient: energy in the hole over the original's, 1 is best. seam,
        original_seam: gradient across the boundary over that beside it, see HoleGradients.
        What the fills do not tell, such as FD of less than two positions, is nan.
        """
        truth, fill = self.total_gradients()
        found = {name: self._frechet(name) for name in FRECHET_LEVELS}
        for name in FRECHET_LEVELS:
            found[f"{name}_positions"] = self.fills[name].count if name in self.fills else 0
        found["gradient"] = gradient_energy(fill, truth)
        return found | {"seam": fill.seam, "original_seam": truth.seam}

    def total_gradients(self) -> tuple[HoleGradients, HoleGradients]:
        """Gradients of all originals and of all fills together."""
        truth, fill = HoleGradients(), HoleGradients()
        for one, other in self.gradients:
            truth, fill = truth + one, fill + other
        return truth, fill

    def discriminative_scores(self) -> dict[str, float]:
        """p_ids and u_ids in %, see there; nan for less than two images."""
        if len(set(self.pictures)) < 2:
            return dict.fromkeys(("p_ids", "u_ids"), float("nan"))
        originals, fills = (np.stack(vectors) for vectors in zip(*self.pooled, strict=True))
        scores = discriminative_scores(originals, fills, self.pictures)
        return dict(zip(("p_ids", "u_ids"), scores, strict=True))

    def _frechet(self, name: str) -> float:
        if name not in self.fills or self.fills[name].count < 2:
            return float("nan")
        return frechet_distance(self.originals[name], self.fills[name])


def measure_hole(
    activations: Sequence[Tensor], image: Tensor, hole: Tensor, scale: Sequence[float]
) -> HoleMeasures:
    """What is kept of one image.

    Args:
        activations: Of VGG16.activations for the image, (1, C, h, w) for each level.
        image: (1, 3, H, W), RGB in [0, 1].
        hole: (1, 1, H, W), bool or 0 and 1, True = fill.
        scale: Each level is divided by this, see VGG16.scale.
    """
    features = hole_features(activations, hole, scale)
    statistics = {
        name: FeatureStatistics.of(features[level]) for name, level in FRECHET_LEVELS.items()
    }
    pooled = _pooled_features(activations, hole, scale).float().cpu().numpy()
    return HoleMeasures(statistics, pooled, hole_gradients(image, hole))


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
        size: Of the level, the image's height and width over 1, 2 or 4, rounded down.
    """
    return _hole_share(hole, size) >= 0.5


def to_batch(image: np.ndarray) -> Tensor:
    """RGB uint8 (H, W, 3) as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def _pooled_features(activations: Sequence[Tensor], hole: Tensor, scale: Sequence[float]) -> Tensor:
    """Means of the levels' features over the hole, side by side: (448,).

    Each position counts by the share of its pixels that are hole, so that the smallest hole has a
    mean, too; zeros for a hole beyond the last whole square.
    """
    means = []
    for features, divisor in zip(activations, scale, strict=True):
        share = _hole_share(hole, (features.shape[2], features.shape[3]))  # (1, 1, h, w)
        total = share.sum().clamp(min=1e-12)
        means.append((features * share).sum((0, 2, 3)) / total / divisor)
    return torch.cat(means)


def _hole_share(hole: Tensor, size: tuple[int, int]) -> Tensor:
    """Share of the hole in each position's square of pixels: (B, 1, *size), in [0, 1]."""
    side = hole.shape[-2] // size[0]
    if (hole.shape[-2] // side, hole.shape[-1] // side) != tuple(size):
        raise ValueError(f"a level of size {tuple(size)} is none of {tuple(hole.shape[-2:])}")
    return F.avg_pool2d(hole.float(), side)


def _merge(into: dict[str, FeatureStatistics], found: dict[str, FeatureStatistics]) -> None:
    for name, statistics in found.items():
        into.setdefault(name, FeatureStatistics(statistics.channels)).merge(statistics)

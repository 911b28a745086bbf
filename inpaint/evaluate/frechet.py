"""Fréchet distance between two sets of features, from sums that are added up as features come."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


class FeatureStatistics:
    """Count, mean and covariance of feature vectors of `channels` entries.

    Sums and sums of outer products are kept in float64, so memory does not grow with the number
    of vectors.
    """

    def __init__(self, channels: int, *, device: str | torch.device = "cpu") -> None:
        self.count = 0
        self.sum = torch.zeros(channels, dtype=torch.float64, device=device)
        self.outer = torch.zeros(channels, channels, dtype=torch.float64, device=device)

    @classmethod
    def of(cls, features: Tensor) -> FeatureStatistics:
        """Statistics of features (N, C), on their device."""
        found = cls(features.shape[1], device=features.device)
        found.add(features)
        return found

    @property
    def channels(self) -> int:
        """Length of a feature vector."""
        return self.sum.shape[0]

    def add(self, features: Tensor) -> None:
        """Add the vectors of features (N, C); N may be 0.

        Raises:
            ValueError: For another shape.
        """
        if features.ndim != 2 or features.shape[1] != self.channels:
            raise ValueError(f"features must be (N, {self.channels}), got {tuple(features.shape)}")
        x = features.detach().to(self.sum)
        self.count += x.shape[0]
        self.sum += x.sum(0)
        self.outer += x.T @ x

    def merge(self, other: FeatureStatistics) -> None:
        """Add all vectors of `other`.

        Raises:
            ValueError: If they have another length.
        """
        if other.channels != self.channels:
            raise ValueError(
                f"statistics of {other.channels} channels do not add to {self.channels}"
            )
        self.count += other.count
        self.sum += other.sum.to(self.sum)
        self.outer += other.outer.to(self.outer)

    def mean(self) -> Tensor:
        """Mean vector (C,), float64. Raises ValueError when there are no vectors."""
        if self.count == 0:
            raise ValueError("a mean needs at least one feature vector, got none")
        return self.sum / self.count

    def covariance(self) -> Tensor:
        """Unbiased covariance (C, C), float64. Raises ValueError for less than two vectors."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least two feature vectors, got {self.count}")
        mean = self.mean()
        return (self.outer - self.count * torch.outer(mean, mean)) / (self.count - 1)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for `from_arrays`: count, sum and the upper triangle of the symmetric outer."""
        rows, columns = np.triu_indices(self.channels)
        return {
            "count": np.int64(self.count),
            "sum": self.sum.cpu().numpy(),
            "outer": self.outer.cpu().numpy()[rows, columns],
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> FeatureStatistics:
        """The statistics that `to_arrays` was called on, on the CPU."""
        found = cls(len(arrays["sum"]))
        rows, columns = np.triu_indices(found.channels)
        outer = np.zeros((found.channels, found.channels))
        outer[rows, columns] = outer[columns, rows] = arrays["outer"]
        found.count = int(arrays["count"])
        found.sum, found.outer = torch.from_numpy(arrays["sum"].copy()), torch.from_numpy(outer)
        return found


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """Fréchet distance of the Gaussians with the means and covariances of two sets of features.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), as in FID (arXiv:1706.08500). The estimate
    is biased upwards, by more the fewer vectors there are: compare values of equal counts only.

    Raises:
        ValueError: For less than two vectors on a side, or different lengths.
    """
    if a.channels != b.channels:
        raise ValueError(f"cannot compare features of {a.channels} and {b.channels} channels")
    cov_a, cov_b = a.covariance(), b.covariance().to(a.sum)
    # S_a S_b has the eigenvalues of the symmetric S_a^(1/2) S_b S_a^(1/2).
    values, vectors = torch.linalg.eigh(cov_a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    means = (a.mean() - b.mean().to(a.sum)).square().sum()
    distance = means + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(0.0, float(distance))

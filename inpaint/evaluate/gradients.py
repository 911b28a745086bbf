"""How much gradient a fill has, in the hole and across the hole's boundary."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class HoleGradients:
    """Sums over pairs of horizontally or vertically neighbouring pixels of a gray image.

    Those of several images may be added.
    """

    energy: float = 0.0  # of (a - b)^2 over pairs with both pixels in the hole
    across: float = 0.0  # of |a - b| over pairs with one pixel in the hole
    across_count: float = 0.0  # number of these pairs
    beside: float = 0.0  # of |a - b| over the other pairs in line with one of these
    beside_count: float = 0.0  # number of these

    def __add__(self, other: HoleGradients) -> HoleGradients:
        return HoleGradients(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def seam(self) -> float:
        """Mean |a - b| across the hole's boundary over that beside it; nan if there is none.

        About 1 in an untouched image; above 1 where the boundary shows as an edge.
        """
        if not self.across_count or not self.beside:
            return float("nan")
        return self.across / self.across_count / (self.beside / self.beside_count)


def hole_gradients(image: Tensor, hole: Tensor) -> HoleGradients:
    """Gradients of images in and around their holes, added up over the batch.

    Args:
        image: (B, 3, H, W), RGB in [0, 1].
        hole: (B, 1, H, W), bool or 0 and 1, True = fill.

    Differences are of gray (BT.601 luma). A pair crosses the boundary when one of its pixels lies
    in the hole; the pairs beside it continue it by one pixel to either side, such as (0, 1) and
    (2, 3) for (1, 2), and do not cross the boundary themselves.
    """
    luma = image.new_tensor(_LUMA).view(1, 3, 1, 1)
    gray = (image * luma).sum(1).double()  # (B, H, W)
    inside = hole[:, 0].bool()
    return _along_rows(gray, inside) + _along_rows(gray.mT, inside.mT)


def gradient_energy(fill: HoleGradients, original: HoleGradients) -> float:
    """Gradient energy in the hole, fill over original: 1 is right, less is blur, nan unknown."""
    return fill.energy / original.energy if original.energy else float("nan")


def _along_rows(gray: Tensor, inside: Tensor) -> HoleGradients:
    """Over horizontal pairs; gray float (B, H, W), inside bool (B, H, W)."""
    difference = gray.diff(dim=-1)  # (B, H, W - 1)
    left, right = inside[..., :-1], inside[..., 1:]
    crosses = left ^ right
    beside = torch.zeros_like(crosses)
    beside[..., 1:] |= crosses[..., :-1]
    beside[..., :-1] |= crosses[..., 1:]
    beside &= ~crosses
    size = difference.abs()
    sums = [
        size[left & right].square().sum(),
        size[crosses].sum(),
        crosses.sum(),
        size[beside].sum(),
        beside.sum(),
    ]
    return HoleGradients(*(float(one) for one in sums))

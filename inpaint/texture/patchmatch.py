"""PatchMatch: for every patch of a hole, a known patch that is like it.

The nearest-neighbour field (`nnf`) holds a source patch for each target patch. As in PatchMatch
(Barnes et al., SIGGRAPH 2009) it starts at random and improves by propagation, which tries the
neighbours' sources at the same offset, and by random search in shrinking windows around the present
source. Here all patches do so at once, which suits vector units and GPUs.

A patch is a square of PATCH_SIZE pixels, known by the pixel number of its centre: row * width +
column.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PATCH_RADIUS = 2  # px
PATCH_SIZE = 2 * PATCH_RADIUS + 1

NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_MARGIN = PATCH_RADIUS + 1  # px that targets are looked up at: a patch's radius, and steps below


@dataclass(frozen=True)
class Patches:
    """The patches of one image: those of the hole (targets) and the known ones (sources).

    Attributes:
        size: (height, width) of the image.
        hole: (P,) int64, pixel numbers of the hole, ascending.
        targets: (T,) int64, centres of patches that hold a pixel of the hole, ascending.
        index_map: Flat int64, index of each pixel among the targets, -1 for none, with a frame of
            _MARGIN pixels of -1 around the image.
        is_source: (H * W,) bool, whether a pixel is the centre of a source.
        sources: (S,) int64, centres of patches all of whose pixels are known, ascending.
    """

    size: tuple[int, int]
    hole: Tensor
    targets: Tensor
    index_map: Tensor
    is_source: Tensor
    sources: Tensor

    @classmethod
    def of(cls, hole: np.ndarray, ignore: np.ndarray, device: torch.device) -> Patches:
        """The patches of an image.

        Args:
            hole: (H, W) bool, to be filled.
            ignore: (H, W) bool, neither to be filled nor part of any source.
            device: Where the tensors shall be.
        """
        square = np.ones((PATCH_SIZE, PATCH_SIZE), np.uint8)
        known = (~(hole | ignore)).astype(np.uint8)
        is_source = cv2.erode(known, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        targets = torch.from_numpy(np.flatnonzero(cv2.dilate(hole.astype(np.uint8), square)))
        indices = torch.full((hole.size,), -1)
        indices[targets] = torch.arange(len(targets))
        index_map = F.pad(indices.view(hole.shape), (_MARGIN,) * 4, value=-1).flatten()
        flat = torch.from_numpy(is_source.astype(bool)).flatten()
        return cls(
            size=(hole.shape[0], hole.shape[1]),
            hole=torch.from_numpy(np.flatnonzero(hole)).to(device),
            targets=targets.to(device),
            index_map=index_map.to(device),
            is_source=flat.to(device),
            sources=flat.nonzero()[:, 0].to(device),
        )

    def shifted(self, pixels: Tensor, dy: Tensor | int, dx: Tensor | int) -> tuple[Tensor, Tensor]:
        """Pixel numbers shifted by (dy, dx), and whether they are still in the image.

        Pixels that are not have the number 0.
        """
        height, width = self.size
        row = pixels // width
        y, x = row + dy, pixels - row * width + dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return torch.where(inside, y * width + x, 0), inside

    def positions(self, pixels: Tensor) -> Tensor:
        """Positions of pixels in `index_map`."""
        return pixels + 2 * _MARGIN * (pixels // self.size[1]) + self._step(_MARGIN, _MARGIN)

    def target_index(self, pixels: Tensor) -> Tensor:
        """Indices of pixels among the targets; -1 for none."""
        return self.target_near(self.positions(pixels), 0, 0)

    def target_near(self, positions: Tensor, dy: int, dx: int) -> Tensor:
        """Indices of the targets at (dy, dx), up to 3 px, from positions; -1 for none."""
        return self.index_map.index_select(0, positions + self._step(dy, dx))

    def _step(self, dy: int, dx: int) -> int:
        return dy * (self.size[1] + 2 * _MARGIN) + dx


def random_nnf(patches: Patches, generator: torch.Generator) -> Tensor:
    """A random source for each target, (T,) int64.

    The generator lives on the CPU, so that every device gets the same.
    """
    picks = torch.randint(len(patches.sources), (len(patches.targets),), generator=generator)
    return patches.sources[picks.to(patches.sources.device)]


def improve_nnf(
    patches: Patches,
    nnf: Tensor,
    target_features: Tensor,
    features: Tensor,
    *,
    iterations: int,
    search_radius: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """A better nearest-neighbour field, (T,) int64, and its patch costs, (T,).

    Args:
        patches: Of the image.
        nnf: (T,) int64, the field to start from.
        target_features: (T, C), what the targets are compared by.
        features: (H * W, C), what all patches are compared by. A cost is a squared distance.
        iterations: Each is a propagation and a random search.
        search_radius: Largest distance of a random source from the best so far, px.
        generator: Of the random search, on the CPU.
    """
    search = _Search(patches, nnf.clone(), target_features, features)
    for number in range(iterations):
        for step in (1, 2 + number % 2):
            for dy, dx in NEIGHBOURS:
                search.propagate(dy * step, dx * step)
        distance = search_radius
        while distance >= 1:
            search.search_randomly(distance, generator)
            distance /= 2
    return search.nnf, search.cost


class _Search:
    def __init__(
        self, patches: Patches, nnf: Tensor, target_features: Tensor, features: Tensor
    ) -> None:
        self.patches, self.nnf = patches, nnf
        self.target_features, self.features = target_features, features
        self.cost = (target_features - features.index_select(0, nnf)).square_().sum(1)
        self.positions = patches.positions(patches.targets)

    def propagate(self, dy: int, dx: int) -> None:
        """Try the offset of the target at (dy, dx)."""
        index = self.patches.target_near(self.positions, dy, dx)
        source = self.nnf.index_select(0, index.clamp(min=0))
        # Sources keep PATCH_RADIUS from the border. A step over it ends in the same margin of the
        # next row or beyond the first or last pixel, where there is no source either.
        last = len(self.patches.is_source) - 1
        source = (source - dy * self.patches.size[1] - dx).clamp(0, last)
        self._accept(source, index >= 0)

    def search_randomly(self, distance: float, generator: torch.Generator) -> None:
        """Try a random source up to `distance` pixels from the present one."""
        steps = torch.rand((2, len(self.nnf)), generator=generator) * 2 - 1
        dy, dx = (steps * distance).round().long().to(self.nnf.device)
        self._accept(*self.patches.shifted(self.nnf, dy, dx))

    def _accept(self, source: Tensor, possible: Tensor) -> None:
        """Take the sources where they are possible and cost less."""
        possible = possible & self.patches.is_source.index_select(0, source) & (source != self.nnf)
        tried = possible.nonzero()[:, 0]
        source = source.index_select(0, tried)
        cost = self.target_features.index_select(0, tried)
        cost = cost.sub_(self.features.index_select(0, source)).square_().sum(1)
        better = cost < self.cost.index_select(0, tried)
        tried = tried[better]
        self.nnf[tried] = source[better]
        self.cost[tried] = cost[better]

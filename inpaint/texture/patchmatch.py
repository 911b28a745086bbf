"""For every window of a hole, the known window that is most like it.

PatchMatch (Barnes et al., SIGGRAPH 2009): a window tries what its neighbours found, moved along
with them, and random windows nearer and nearer to what it has. Here all windows do so at once,
which suits vector units and GPUs. A window is a square of SIDE pixels and known by its centre, a
pixel number: row * width + column.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

RADIUS = 2  # of a window, px
SIDE = 2 * RADIUS + 1

_MARGIN = RADIUS + 1  # px that neighbours are looked for at: a window's radius, and steps below
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))


@dataclass(frozen=True)
class Windows:
    """The windows of one picture: those of the hole (targets) and the known ones (sources)."""

    size: tuple[int, int]  # of the picture, (height, width)
    hole: Tensor  # pixel numbers of the hole, ascending: (P,) int64
    targets: Tensor  # of windows that hold a pixel of the hole, ascending: (T,) int64
    framed: Tensor  # number of each pixel among the targets, -1 for none, with a frame of _MARGIN
    # pixels of -1 around the picture; flat, int64
    usable: Tensor  # whether a pixel's window is a source: (H * W,) bool
    sources: Tensor  # pixel numbers of the sources, ascending: (S,) int64

    @classmethod
    def of(cls, hole: np.ndarray, unknown: np.ndarray, device: torch.device) -> Windows:
        """hole: (H, W) bool, to be filled. unknown: (H, W) bool, no part of any source."""
        window = np.ones((SIDE, SIDE), np.uint8)
        known = (~(hole | unknown)).astype(np.uint8)
        usable = cv2.erode(known, window, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        targets = torch.from_numpy(np.flatnonzero(cv2.dilate(hole.astype(np.uint8), window)))
        numbers = torch.full((hole.size,), -1)
        numbers[targets] = torch.arange(len(targets))
        flat = torch.from_numpy(usable.astype(bool)).flatten()
        return cls(
            size=(hole.shape[0], hole.shape[1]),
            hole=torch.from_numpy(np.flatnonzero(hole)).to(device),
            targets=targets.to(device),
            framed=F.pad(numbers.view(hole.shape), (_MARGIN,) * 4, value=-1).flatten().to(device),
            usable=flat.to(device),
            sources=flat.nonzero()[:, 0].to(device),
        )

    def moved(self, pixels: Tensor, dy: Tensor | int, dx: Tensor | int) -> tuple[Tensor, Tensor]:
        """Pixel numbers moved by (dy, dx), and whether they are still in the picture; a pixel
        that is not has the number 0."""
        height, width = self.size
        row = pixels // width
        y, x = row + dy, pixels - row * width + dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return torch.where(inside, y * width + x, 0), inside

    def places(self, pixels: Tensor) -> Tensor:
        """What beside() takes for pixel numbers."""
        return pixels + 2 * _MARGIN * (pixels // self.size[1]) + self._step(_MARGIN, _MARGIN)

    def number(self, pixels: Tensor) -> Tensor:
        """Numbers of pixels among the targets; -1 for none."""
        return self.beside(self.places(pixels), 0, 0)

    def beside(self, places: Tensor, dy: int, dx: int) -> Tensor:
        """Numbers of the targets at (dy, dx) from pixels, up to 3 px; -1 for none."""
        return self.framed.index_select(0, places + self._step(dy, dx))

    def _step(self, dy: int, dx: int) -> int:
        return dy * (self.size[1] + 2 * _MARGIN) + dx


def any_sources(windows: Windows, generator: torch.Generator) -> Tensor:
    """A random source for each target: (T,) int64. The generator lives on the CPU, so that every
    device gets the same."""
    picks = torch.randint(len(windows.sources), (len(windows.targets),), generator=generator)
    return windows.sources[picks.to(windows.sources.device)]


def find_sources(
    windows: Windows,
    nearest: Tensor,
    wanted: Tensor,
    features: Tensor,
    *,
    rounds: int,
    reach: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Better sources for the targets than `nearest`, (T,) int64, and their squared distances (T,).

    wanted: (T, C), features of the targets. features: (H * W, C), those of all windows. reach:
    largest distance of a random window from the best so far, px.
    """
    search = _Search(windows, nearest.clone(), wanted, features)
    for number in range(rounds):
        for step in (1, 2 + number % 2):
            for dy, dx in SIDES:
                search.try_neighbours(dy * step, dx * step)
        distance = reach
        while distance >= 1:
            search.try_random(distance, generator)
            distance /= 2
    return search.nearest, search.cost


class _Search:
    def __init__(self, windows: Windows, nearest: Tensor, wanted: Tensor, features: Tensor) -> None:
        self.windows, self.nearest = windows, nearest
        self.wanted, self.features = wanted, features
        self.cost = (wanted - features.index_select(0, nearest)).square_().sum(1)
        self.places = windows.places(windows.targets)

    def try_neighbours(self, dy: int, dx: int) -> None:
        """Take the source of the target at (dy, dx), moved back by as much."""
        number = self.windows.beside(self.places, dy, dx)
        source = self.nearest.index_select(0, number.clamp(min=0))
        # Sources keep RADIUS from the border. A step over it ends in the same margin of the next
        # row or beyond the first or last pixel, where none is usable either.
        source = (source - dy * self.windows.size[1] - dx).clamp(0, len(self.windows.usable) - 1)
        self._try(source, number >= 0)

    def try_random(self, distance: float, generator: torch.Generator) -> None:
        """Take a random source up to `distance` pixels from the present one."""
        steps = torch.rand((2, len(self.nearest)), generator=generator) * 2 - 1
        dy, dx = (steps * distance).round().long().to(self.nearest.device)
        self._try(*self.windows.moved(self.nearest, dy, dx))

    def _try(self, source: Tensor, possible: Tensor) -> None:
        possible = possible & self.windows.usable.index_select(0, source) & (source != self.nearest)
        tried = possible.nonzero()[:, 0]
        source = source.index_select(0, tried)
        cost = self.wanted.index_select(0, tried)
        cost = cost.sub_(self.features.index_select(0, source)).square_().sum(1)
        better = cost < self.cost.index_select(0, tried)
        tried = tried[better]
        self.nearest[tried] = source[better]
        self.cost[tried] = cost[better]

"""Irregular holes for a whole batch at once, drawn on the device that trains.

The same kinds of strokes and patches as inpaint.masks.generate draws one by one on the CPU, but
made of signed distances: a stroke is a chain of round segments, and a hole the set of pixels whose
distance to the nearest stroke is at most the level that gives the wanted ratio exactly.

Constants are filled in on the device, not made of lists: a list is copied, and the copy waited for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.masks.generate import HOLE_BUCKETS

_GRID = 128  # px; distances are computed on a grid of at most this side and enlarged
_STROKES, _SEGMENTS = 16, 8
_BEYOND = 0.2  # of the side: how far outside of the image strokes may lie
_INSIDE = -0.1  # the same for three in ten of the small holes, which keep away from the edge
# One row for each kind of hole: its probability; least and greatest share of the hole's area that a
# stroke takes; least and greatest length over width of a stroke; standard deviation of its whole
# turn, in radians; probability of a sharp turn at a segment.
_KINDS = (
    (0.40, 0.08, 0.35, 4.0, 36.0, 1.2, 0.25),  # occlusion streaks
    (0.15, 0.05, 0.40, 1.5, 20.0, 1.0, 0.15),  # streaks and patches
    (0.15, 0.40, 1.00, 4.0, 30.0, 0.9, 0.10),  # brush strokes
    (0.15, 0.40, 1.00, 6.0, 16.0, 0.6, 0.75),  # crossed out to and fro
    (0.15, 0.20, 1.00, 1.0, 3.0, 1.5, 0.00),  # blobs
)
_WARPED = 0.67  # share of holes whose outline is bent


class BatchedHoles:
    """Random irregular holes by the batch.

    Args:
        ratio_weights: How often each bucket of `HOLE_BUCKETS` is drawn, relative to the others.
        sides: Share of holes that are a side of the image.
    """

    def __init__(self, ratio_weights: Sequence[float], *, sides: float = 0.0) -> None:
        self.ratio_weights = tuple(ratio_weights)
        self.sides = sides

    @torch.no_grad()
    def draw(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """Holes, (count, 1, size, size) bool, True = fill, on the generator's device.

        The same state of the generator gives the same holes on the same device. Nothing waits for
        the device.
        """
        device = generator.device
        weights = torch.stack(
            [torch.full((), float(weight), device=device) for weight in self.ratio_weights]
        )
        bucket = torch.multinomial(weights, count, replacement=True, generator=generator)
        width = HOLE_BUCKETS[1][1] - HOLE_BUCKETS[1][0]  # of every bucket but the first
        ratio = width * (bucket + torch.rand(count, generator=generator, device=device))
        lowest = HOLE_BUCKETS[0][0]
        ratio = torch.where(bucket > 0, ratio, lowest + ratio * (width - lowest) / width)
        field = _field(ratio, min(size, _GRID), generator)
        field = F.interpolate(field[:, None], size=(size, size), mode="bicubic")
        if self.sides:
            is_side = torch.rand(count, generator=generator, device=device) < self.sides
            quarter = torch.randint(4, (count,), generator=generator, device=device)
            rows = (ratio * size).floor().clamp(min=1) / size  # whole rows
            ratio = torch.where(is_side, rows, ratio)
            field = torch.where(is_side.view(-1, 1, 1, 1), _side_field(quarter, size), field)
        # As many pixels as wanted lie at or below the level.
        flat = field.flatten(1)
        rank = (ratio * flat.shape[1]).long().clamp(1, flat.shape[1]) - 1
        level = flat.sort(1).values.gather(1, rank[:, None])
        return field <= level.view(-1, 1, 1, 1)


def _field(ratio: Tensor, grid: int, generator: torch.Generator) -> Tensor:
    """Signed distances to the strokes of each hole, (B, grid, grid), in sides of the image."""
    count, device = len(ratio), ratio.device
    kind = _kinds(count, generator)
    places = _places(count, grid, generator)  # (B, 2, grid, grid)
    centres, radii = _strokes(ratio, kind, generator)
    field = torch.full((count, _STROKES, grid, grid), math.inf, device=device)
    for segment in range(_SEGMENTS):
        first, second = (
            centres[:, :, segment + end, :, None, None] for end in (0, 1)
        )  # (B, S, 2, 1, 1)
        along = second - first
        offset = places[:, None] - first  # (B, S, 2, grid, grid)
        length = along.square().sum(2).clamp(min=1e-12)
        share = ((offset * along).sum(2) / length).clamp(0, 1)
        distance = (offset - share[:, :, None] * along).square().sum(2).sqrt()
        field = torch.minimum(field, distance - radii[:, :, segment, None, None])
    # Strokes are added until they cover the wanted share. Two in five holes are drawn too small on
    # purpose: growing them rounds and merges their parts.
    field = field.cummin(1).values
    covered = (field <= 0).flatten(2).float().mean(2)  # (B, S)
    small = torch.rand(count, generator=generator, device=device) < 0.4
    part = 0.5 + 0.45 * torch.rand(count, generator=generator, device=device)
    wanted = ratio * torch.where(small, part, 1.0)
    last = (covered < 0.97 * wanted[:, None]).sum(1).clamp(max=_STROKES - 1)
    return field.gather(1, last.view(-1, 1, 1, 1).expand(-1, 1, grid, grid))[:, 0]


def _kinds(count: int, generator: torch.Generator) -> Tensor:
    """A row of _KINDS for each hole: (B, 7)."""
    device = generator.device
    drawn = torch.rand(count, generator=generator, device=device)
    rows = [
        torch.stack([torch.full((count,), value, device=device) for value in row], 1)
        for row in _KINDS
    ]
    chosen, reached = rows[-1], 1.0
    for row, kind in zip(reversed(rows[:-1]), reversed(_KINDS[1:]), strict=True):
        reached -= kind[0]
        chosen = torch.where(drawn[:, None] < reached, row, chosen)
    return chosen


def _strokes(ratio: Tensor, kind: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ends of the segments, (B, S, K + 1, 2) as (y, x), and their radii, (B, S, K); in sides."""
    count, device = len(ratio), ratio.device
    shape = (count, _STROKES)

    def rand(*more: int) -> Tensor:
        return torch.rand((*shape, *more), generator=generator, device=device)

    _, share_low, share_high, aspect_low, aspect_high, bend, corners = (
        column[:, None] for column in kind.unbind(1)
    )
    area = ratio[:, None] * (share_low + (share_high - share_low) * rand())
    aspect = aspect_low * (aspect_high / aspect_low) ** rand()
    width, length = (area / aspect).sqrt(), (area * aspect).sqrt()
    turns = torch.randn((*shape, _SEGMENTS), generator=generator, device=device)
    turns = turns * (bend / _SEGMENTS**0.5)[..., None]
    sharp = rand(_SEGMENTS) < corners[..., None]
    turns = turns + sharp * (4.8 * rand(_SEGMENTS) - 2.4)
    heading = 2 * math.pi * rand(1) + turns.cumsum(2)
    strides = (0.6 + 0.8 * rand(_SEGMENTS)) * (length / _SEGMENTS)[..., None]
    steps = torch.stack([heading.sin(), heading.cos()], -1) * strides[..., None]
    inside = torch.rand(count, generator=generator, device=device) < 0.3
    beyond = torch.where(inside & (ratio < 0.3), _INSIDE, _BEYOND).view(-1, 1, 1, 1)
    start = (1 + 2 * beyond) * rand(1, 2) - beyond
    ends = torch.cat([start, start + steps.cumsum(2)], 2)
    margin = torch.minimum((0.5 * width)[..., None, None], 0.45 * (1 + 2 * beyond))
    span = 1 + 2 * beyond - 2 * margin
    phase = (ends + beyond - margin).remainder(2 * span)  # mirrored at the frame's edges
    ends = margin - beyond + span - (phase - span).abs()
    drift = (rand(_SEGMENTS) - 0.5) * (bend > 1.1).float()[..., None]  # streaks vary in width
    return ends, 0.5 * width[..., None] * (1 + drift)


def _places(count: int, grid: int, generator: torch.Generator) -> Tensor:
    """(y, x) of each pixel's centre in sides of the image, most of them bent by a smooth field."""
    device = generator.device
    axis = (torch.arange(grid, device=device) + 0.5) / grid
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))[None]
    offsets = torch.zeros(count, 2, grid, grid, device=device)
    drawn = torch.rand(count, 1, 1, 1, generator=generator, device=device)
    strength = torch.rand(count, 1, 1, 1, generator=generator, device=device)
    for number, cells in enumerate((4, 8, 16)):  # each for a third of the bent ones
        noise = torch.randn(count, 2, cells, cells, generator=generator, device=device)
        bent = F.interpolate(noise, size=(grid, grid), mode="bicubic") * (0.25 / cells) * strength
        low, high = number * _WARPED / 3, (number + 1) * _WARPED / 3
        offsets = torch.where((drawn >= low) & (drawn < high), bent, offsets)
    return places + offsets


def _side_field(quarter: Tensor, size: int) -> Tensor:
    """Distance to one of the image's four sides, by its number, (B, 1, size, size), in px."""
    ramp = torch.arange(size, device=quarter.device).float()
    down = ramp[:, None].expand(size, size)
    sides = torch.stack([down, down.T, down.flip(0), down.T.flip(1)])
    return sides[quarter][:, None]

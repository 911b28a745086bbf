"""Seams of a picture that is put together from windows: found, and spread until none is seen.

Where pixels beside each other come from windows of different places, a smooth sky gets a step from
one shade of blue to another. Each window tells what step there is in the known picture. What the
picture has beyond it is a seam; a faint one is taken for a mistake and a strong one for an edge,
which is left. The correction c of the hole's pixels makes up for the faint ones:

    minimise  sum over pairs (c_q - c_p + faint seam)^2 + DECAY * sum c^2,  c = 0 where known

as gradients are joined in Perez et al., "Poisson image editing", SIGGRAPH 2003.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inpaint.texture.patchmatch import SIDES, Windows
from inpaint.utils.conjugate_gradient import conjugate_gradient

_FAINT = 0.02  # RMS over colours, of [0, 1], of a seam that is spread by 1/e only
_DECAY = 1e-3  # a correction falls to 1/e in 30 px
_MAX_ITER = 150  # of conjugate gradients
_RTOL = 1e-2


def join_sources(windows: Windows, picture: Tensor, nearest: Tensor) -> Tensor:
    """The pixels of the hole with the colours of their own sources, without faint seams: (P, 3).

    picture: (H * W, 3); what it has in the hole does not matter. nearest: source of each target,
    (T,).
    """
    hole = windows.hole
    outside = len(hole)  # a row of zeros: pixels that keep their colours
    numbers = torch.full((len(picture),), outside, device=picture.device)
    numbers[hole] = torch.arange(outside, device=picture.device)
    source = nearest.index_select(0, windows.number(hole))
    joined = picture.clone()
    joined[hole] = picture.index_select(0, source)
    beside, pulls = [], torch.zeros(outside, 3, device=picture.device)
    pairs = torch.zeros(outside, 1, device=picture.device)
    for dy, dx in SIDES:
        there, inside = windows.moved(hole, dy, dx)
        step = dy * windows.size[1] + dx
        number = torch.where(inside, numbers.index_select(0, there), outside)
        expected = picture.index_select(0, source + step) - picture.index_select(0, source)
        both = number < outside
        other = source.index_select(0, torch.where(both, number, 0))
        of_other = picture.index_select(0, other) - picture.index_select(0, other - step)
        expected = torch.where(both[:, None], (expected + of_other) / 2, expected)
        seam = joined.index_select(0, there) - joined.index_select(0, hole) - expected
        faint = torch.exp(-seam.square().mean(1, keepdim=True) / _FAINT**2)
        pulls += inside[:, None] * faint * seam
        pairs += inside[:, None]
        beside.append(number)
    padded = torch.zeros(outside + 1, 3, device=picture.device)

    def apply(values: Tensor) -> Tensor:
        padded[:-1] = values
        image = (pairs + _DECAY) * values
        for number in beside:
            image = image - padded.index_select(0, number)
        return image

    return joined[hole] + conjugate_gradient(apply, pulls, max_iter=_MAX_ITER, rtol=_RTOL)

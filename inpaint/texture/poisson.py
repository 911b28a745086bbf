"""Poisson blending of patches: faint seams between them are found and spread.

Where neighbouring pixels come from patches of different places, a smooth sky gets a step from one
shade of blue to another. Each patch tells what gradient there is in the known image. What the
composite has beyond it is a seam; a faint one is taken for a mistake and a strong one for an edge,
which is left. The correction c of the hole's pixels makes up for the faint ones:

    minimise  sum over pairs (c_q - c_p + faint seam)^2 + DECAY * sum c^2,  c = 0 where known

as in gradient-domain blending (Perez et al., "Poisson image editing", SIGGRAPH 2003).
"""

from __future__ import annotations

import torch
from torch import Tensor

from inpaint.texture.patchmatch import NEIGHBOURS, Patches
from inpaint.utils.conjugate_gradient import conjugate_gradient

_FAINT = 0.02  # RMS over colours, of [0, 1], of a seam that is spread by 1/e only
_DECAY = 1e-3  # a correction falls to 1/e in 30 px
_MAX_ITER = 150
_RTOL = 1e-2


def poisson_blend(patches: Patches, image: Tensor, nnf: Tensor) -> Tensor:
    """Colours of the hole's pixels from their own sources, without faint seams: (P, 3).

    Args:
        patches: Of the image.
        image: (H * W, 3); what it has in the hole does not matter.
        nnf: (T,) int64, source of each target.
    """
    hole = patches.hole
    outside = len(hole)  # a row of zeros: pixels that keep their colours
    indices = torch.full((len(image),), outside, device=image.device)
    indices[hole] = torch.arange(outside, device=image.device)
    source = nnf.index_select(0, patches.target_index(hole))
    composite = image.clone()
    composite[hole] = image.index_select(0, source)
    neighbours, rhs = [], torch.zeros(outside, 3, device=image.device)
    pairs = torch.zeros(outside, 1, device=image.device)
    for dy, dx in NEIGHBOURS:
        there, inside = patches.shifted(hole, dy, dx)
        step = dy * patches.size[1] + dx
        index = torch.where(inside, indices.index_select(0, there), outside)
        expected = image.index_select(0, source + step) - image.index_select(0, source)
        both = index < outside
        other = source.index_select(0, torch.where(both, index, 0))
        of_other = image.index_select(0, other) - image.index_select(0, other - step)
        expected = torch.where(both[:, None], (expected + of_other) / 2, expected)
        seam = composite.index_select(0, there) - composite.index_select(0, hole) - expected
        faint = torch.exp(-seam.square().mean(1, keepdim=True) / _FAINT**2)
        rhs += inside[:, None] * faint * seam
        pairs += inside[:, None]
        neighbours.append(index)
    padded = torch.zeros(outside + 1, 3, device=image.device)

    def operator(values: Tensor) -> Tensor:
        padded[:-1] = values
        result = (pairs + _DECAY) * values
        for neighbour in neighbours:
            result = result - padded.index_select(0, neighbour)
        return result

    return composite[hole] + conjugate_gradient(operator, rhs, max_iter=_MAX_ITER, rtol=_RTOL)

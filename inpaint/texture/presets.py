"""The patch-based texture synthesis, see inpaint/texture/synthesis.py, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """One nearest-neighbour search for all patches and the vote after it."""

    blur: float  # sigma, px: the known image is blurred as the network's fill is
    iterations: int


@dataclass(frozen=True)
class Preset:
    """How far the patches follow the network."""

    depth: float  # px of the deepest hole at the first scale
    first: tuple[Pass, ...]
    finer: tuple[Pass, ...]  # at each scale after the first
    mean_weight: float  # of a patch's mean colour beside its other components
    distance_weight: float  # squared difference of patches an image's length apart: its square


# The first scale starts from the network's fill, which is soft: compared with sharp patches it
# would choose soft ones.
SOFT = Preset(
    depth=12,
    first=(Pass(1.0, 5), Pass(0.0, 3)),
    finer=(Pass(0.0, 3), Pass(0.0, 2)),
    mean_weight=0.7,
    distance_weight=3.0,
)

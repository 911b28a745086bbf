"""The two ways of detail, see inpaint/texture/synthesis.py, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """One nearest-neighbour search for all patches and the vote after it."""

    blur: float  # sigma, px: the known image is blurred as the network's fill is
    iterations: int


@dataclass(frozen=True)
class Search:
    """What happens at one scale."""

    passes: tuple[Pass, ...]
    guidance_weight: float  # of a patch's mean colour in the network's image
    colour_shift: float  # share of the way that patches go to the colour they have; flat ones more


@dataclass(frozen=True)
class Preset:
    """How far the patches follow the network."""

    depth: float  # px of the deepest hole at the first scale
    first: Search
    finer: Search  # at each scale after the first
    mean_weight: float  # of a patch's mean colour beside its other components
    distance_weight: float  # squared difference of patches an image's length apart: its square
    replace: bool  # finer scales start from the coarser one's image, not from the network's, and
    # the patches' image is all of the result


# The first scale starts from the network's fill, which is soft: compared with sharp patches it
# would choose soft ones.
SOFT = Preset(
    depth=12,
    first=Search((Pass(1.0, 5), Pass(0.0, 3)), guidance_weight=0.0, colour_shift=1.0),
    finer=Search((Pass(0.0, 3), Pass(0.0, 2)), guidance_weight=0.0, colour_shift=1.0),
    mean_weight=0.7,
    distance_weight=3.0,
    replace=False,
)
SHARP = Preset(
    depth=5,
    first=Search((Pass(0.0, 5),) * 6, guidance_weight=1.5, colour_shift=0.0),
    finer=Search((Pass(0.0, 3), Pass(0.0, 2)), guidance_weight=0.3, colour_shift=0.5),
    mean_weight=1.0,
    distance_weight=1.0,
    replace=True,
)

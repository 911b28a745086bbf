"""The two ways of detail, see inpaint/texture/synthesis.py, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """One search for all windows and the vote after it."""

    blur: float  # sigma, px: the picture is blurred as the network's fill is
    rounds: int


@dataclass(frozen=True)
class Search:
    """What happens at one scale."""

    passes: tuple[Pass, ...]
    guided: float  # weight of a window's mean colour in the network's picture
    moved: float  # share of the way that windows go to the colour they have; flat ones go further


@dataclass(frozen=True)
class Style:
    """How far the windows follow the network."""

    depth: float  # px of the deepest hole at the first scale
    first: Search
    finer: Search  # at each scale after the first
    mean: float  # weight of a window's mean colour beside its other components
    far: float  # squared difference of windows a picture's length apart: its square
    free: bool  # finer scales start from the coarser one's picture, not from the network's, and
    # the windows' picture is all of the result


# The first scale starts from the network's fill, which is soft: compared with sharp windows it
# would choose soft ones.
SOFT = Style(
    depth=12,
    first=Search((Pass(1.0, 5), Pass(0.0, 3)), guided=0.0, moved=1.0),
    finer=Search((Pass(0.0, 3), Pass(0.0, 2)), guided=0.0, moved=1.0),
    mean=0.7,
    far=3.0,
    free=False,
)
SHARP = Style(
    depth=5,
    first=Search((Pass(0.0, 5),) * 6, guided=1.5, moved=0.0),
    finer=Search((Pass(0.0, 3), Pass(0.0, 2)), guided=0.3, moved=0.5),
    mean=1.0,
    far=1.0,
    free=True,
)

"""The styles of a fill."""

from __future__ import annotations

import warnings
from typing import Literal, cast, get_args

Style = Literal["natural", "faithful", "plain"]
DEFAULT_STYLE: Style = "natural"

# The words of version 0.1, `detail=`.
_DETAIL: dict[str, Style] = {
    "auto": "natural",
    "sharp": "natural",
    "soft": "faithful",
    "off": "plain",
}


def check_style(style: str) -> Style:
    """The style, if it is one.

    - natural: what looks real. Texture comes from the known part of the image, and structure may be
      invented.
    - faithful: what is closest on average, for measurements and restoration where nothing may be
      invented.
    - plain: the network, blended and refined, without texture from the image.

    Raises:
        ValueError: For anything else.
    """
    if style not in get_args(Style):
        raise ValueError(f"style must be one of {', '.join(get_args(Style))}, got {style!r}")
    return cast(Style, style)


def style_of_detail(detail: str) -> Style:
    """The style that a word of the old setting `detail` stands for, with a warning.

    Raises:
        ValueError: For a word that it did not have.
    """
    if detail not in _DETAIL:
        raise ValueError(f"detail must be one of {', '.join(_DETAIL)}, got {detail!r}")
    style = _DETAIL[detail]
    warnings.warn(
        f"detail={detail!r} is called style={style!r} now", DeprecationWarning, stacklevel=3
    )
    return style

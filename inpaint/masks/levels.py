"""What the values of a mask mean: which of them is white, and whether they are those of a mask."""

from __future__ import annotations

import cv2
import numpy as np

MOST_LABELS = 32  # values; more than that are soft edges or a photo
LABEL_SHARE = 0.01  # of the pixels, from which on a value between black and white is no soft edge
PHOTO_SHARE = 1 / 3  # of the pixels that are neither black nor white: more than soft edges are
BETWEEN = (1 / 8, 7 / 8)  # of white; what lies between is neither black nor white


def threshold_of(values: np.ndarray) -> tuple[float, str | None]:
    """The value above which a pixel of a mask is hole, and what is odd about the mask.

    That is half of white, which is 255 where no value is larger, whatever the type. Masks of two
    values, one of them 0, mark the other one, as label masks of 0 and 1 or 0 and 2 do.

    Args:
        values: (H, W) integers, 0 to 65535.
    """
    values = np.ascontiguousarray(values if values.dtype == np.uint8 else values.astype(np.uint16))
    size = 256 if values.dtype == np.uint8 else 65536
    counts = cv2.calcHist([values], [0], None, [size], [0, size]).ravel()
    levels = np.flatnonzero(counts)
    low, high = int(levels[0]), int(levels[-1])
    white = 255 if high <= 255 else 65535
    if high <= 1:
        return 0.5, None
    if len(levels) == 2 and low == 0:
        odd = f"the mask has the values 0 and {high} only: {high} means fill"
        return high / 2, None if high > white / 2 else odd
    shares = counts / values.size
    if 2 < len(levels) <= MOST_LABELS and shares[levels[1:-1]].max() > LABEL_SHARE:
        some = ", ".join(map(str, levels[:4])) + (", ..." if len(levels) > 4 else "")
        means = f"above {white // 2} means fill"
        if high <= white / 2:
            means = f"none is above {white // 2}, which would mean fill"
        return white / 2, f"the mask has {len(levels)} values ({some}) as labels have; {means}"
    between = shares[int(BETWEEN[0] * white) + 1 : int(BETWEEN[1] * white)].sum()
    if between > PHOTO_SHARE:
        return white / 2, (
            f"the mask looks like a photo: {100 * between:.0f} % of its pixels are neither black "
            "nor white"
        )
    return white / 2, None

"""Images to look at: which cases, and contact sheets of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.methods import Method
from inpaint.evaluate.protocol import Case, CaseId, Cases
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import column_of, columns_of
from inpaint.evaluate.tables import column_title

_GAP = 4  # pixels between images of a sheet
_LINE = 16  # pixels of a line of text
_LONG_SHEET = 8  # more rows than this stand in two blocks


@dataclass(frozen=True)
class Exhibit:
    """A case worth a look, and why."""

    case: CaseId
    label: str  # such as "10-20 % B, worst: PSNR (dB) 17.05"


def choose_exhibits(rows: Sequence[Row], method: str, metric: str) -> list[Exhibit]:
    """The best, the median and the worst result of a method in each class, by a metric.

    A result that is two of these is shown once.

    Raises ValueError for a metric that was not measured.
    """
    own = [row for row in rows if row.method == method and metric in row.metrics]
    if not own:
        raise ValueError(f"no {metric} was measured of {method}; known are {', '.join(METRICS)}")
    info = METRICS[metric]
    exhibits: list[Exhibit] = []
    for column in columns_of(own):
        found = [row for row in own if column_of(row) == column]
        found.sort(key=lambda row: row.metrics[metric], reverse=info.rising)
        picks = {"best": found[0], "median": found[len(found) // 2], "worst": found[-1]}
        for word, row in picks.items():
            if any(row.case == exhibit.case for exhibit in exhibits):
                continue  # few images: the best is the worst
            value = f"{info.title} {row.metrics[metric]:.{info.digits}f}"
            exhibits.append(Exhibit(row.case, f"{column_title(column)}, {word}: {value}"))
    return exhibits


def even_cases(cases: Cases, count: int) -> list[CaseId]:
    """Up to `count` cases of all classes in turn, their images at even distances."""
    groups: dict[tuple[int, str], list[CaseId]] = {}
    for id in cases.ids():
        groups.setdefault((id.bucket, id.border), []).append(id)
    classes = [groups[key] for key in sorted(groups)]
    chosen = []
    for number in range(count):
        group = classes[number % len(classes)]
        chosen.append(group[number * len(group) // count])
    return list(dict.fromkeys(chosen))


def contact_sheet(cases: Cases, methods: Sequence[Method], ids: Iterable[CaseId]) -> np.ndarray:
    """A page of rows (hole, each method's result, original): RGB uint8 (H, W, 3)."""
    titles = ["hole", *(method.name for method in methods), "original"]
    rows = []
    for id in ids:
        case = cases.case(id)
        results = [case.composite(method.run(case)) for method in methods]
        rows.append(_beside([show_hole(case), *results, case.original]))
    if not rows:
        raise ValueError("a contact sheet needs at least one case, got none")
    half = len(rows) if len(rows) <= _LONG_SHEET else (len(rows) + 1) // 2
    return _beside([_block(rows[i : i + half], titles) for i in range(0, len(rows), half)], 4)


def show_hole(case: Case) -> np.ndarray:
    """The image with a white hole: RGB uint8 (H, W, 3)."""
    return np.where(case.hole[..., None], np.uint8(255), case.original)


def encode_jpeg(picture: np.ndarray, *, quality: int = 88) -> bytes:
    """RGB uint8 (H, W, 3) as a JPEG file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", picture[..., ::-1], options)[1].tobytes()


def _block(rows: Sequence[np.ndarray], titles: Sequence[str]) -> np.ndarray:
    """Rows below each other, under a line with the titles of their columns."""
    width = max(row.shape[1] for row in rows)
    line = Image.new("RGB", (width, _LINE), "white")
    draw = ImageDraw.Draw(line)
    for number, title in enumerate(titles):
        draw.text((number * (rows[0].shape[1] + _GAP) // len(titles), 2), title, fill="black")
    padded = [np.asarray(line), *(_pad(row, row.shape[0] + _GAP, width) for row in rows)]
    return np.concatenate(padded)


def _beside(pictures: Sequence[np.ndarray], gaps: int = 1) -> np.ndarray:
    """Images beside each other on white."""
    height = max(picture.shape[0] for picture in pictures)
    gap = np.full((height, gaps * _GAP, 3), 255, np.uint8)
    parts = [part for p in pictures for part in (_pad(p, height, p.shape[1]), gap)]
    return np.concatenate(parts[:-1], axis=1)


def _pad(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    page = np.full((height, width, 3), 255, np.uint8)
    page[: picture.shape[0], : picture.shape[1]] = picture
    return page

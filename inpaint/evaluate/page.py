"""The report as one HTML file: images inlined, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.evaluate.gallery import Exhibit, encode_jpeg, show_hole
from inpaint.evaluate.methods import Method
from inpaint.evaluate.protocol import Cases
from inpaint.evaluate.tables import Table

_MOST_SIDE = 256  # pixels of the longer side of an image in the page

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1400px; padding: 0 1em;
  color: #222; background: #fff; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
td, th { border-bottom: 1px solid #ddd; padding: 2px 8px; text-align: right; }
td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left; white-space: nowrap; }
.wide { overflow-x: auto; }
.row { display: flex; gap: 4px; overflow-x: auto; }
figure { margin: 0 0 4px; } figcaption { font-size: 12px; color: #555; }
pre { white-space: pre-wrap; } code { background: #f3f3f3; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Figure:
    """An image file with its caption."""

    caption: str
    data: bytes  # PNG or JPEG


@dataclass(frozen=True)
class ImageRow:
    """Figures side by side under a title."""

    title: str
    figures: list[Figure]


def image_rows(
    cases: Cases, methods: Sequence[Method], exhibits: Sequence[Exhibit]
) -> Iterator[ImageRow]:
    """A row (original, hole, every method) for each exhibit; the results are made again."""
    for exhibit in exhibits:
        case = cases.case(exhibit.case)
        pictures = {"original": case.original, "hole": show_hole(case)}
        pictures |= {method.name: case.composite(method.run(case)) for method in methods}
        figures = [Figure(name, encode_jpeg(_small(p))) for name, p in pictures.items()]
        yield ImageRow(f"{exhibit.label} ({case.picture})", figures)


def html_page(
    sections: Sequence[tuple[str, str, Table | None]],
    plots: Sequence[Figure],
    rows: Iterator[ImageRow],
) -> str:
    """The whole page; section texts may hold paragraphs, `code` and `- ` lists."""
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Evaluation</title>"
        f"<style>{_STYLE}</style></head><body>\n<h1>Evaluation</h1>\n"
    ]
    for title, text, table in sections:
        parts.append(f"<h2>{html.escape(title)}</h2>\n{_text(text)}")
        if table is not None:
            parts.append(f"<div class='wide'>{table.to_html()}</div>\n")
    parts.append("<h2>Plots</h2>\n<div class='row' style='flex-wrap: wrap'>")
    parts += map(_figure, plots)
    parts.append("</div>\n<h2>Best, median and worst</h2>\n")
    for row in rows:
        parts.append(f"<h4>{html.escape(row.title)}</h4>\n<div class='row'>")
        parts += map(_figure, row.figures)
        parts.append("</div>\n")
    parts.append("</body></html>\n")
    return "".join(parts)


def _figure(figure: Figure) -> str:
    kind = "png" if figure.data.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(figure.data).decode()}"
    caption = html.escape(figure.caption)
    return (
        f"<figure><img alt='{caption}' src='{source}'><figcaption>{caption}</figcaption></figure>"
    )


def _text(text: str) -> str:
    """Paragraphs, lists and `code` of a section's text."""
    parts = []
    for block in re.split(r"\n\n+", text.strip()):
        escaped = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(block))
        if block.startswith("- "):
            items = re.split(r"(?:^|\n)- ", escaped)[1:]
            parts.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>\n")
        elif block:
            parts.append(f"<p>{escaped}</p>\n")
    return "".join(parts)


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = _MOST_SIDE / max(height, width)
    if factor >= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

"""Metrics over the hole ratio, an image for each metric, and distortion over perception."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from inpaint.evaluate.definitions import METRICS
from inpaint.evaluate.realism_table import ALL, Figures
from inpaint.evaluate.results import Row
from inpaint.evaluate.statistics import Estimate, columns_of, estimates, methods_of
from inpaint.masks.generate import HOLE_BUCKETS
from inpaint.utils.extras import install

# Okabe and Ito's colours, which people of all kinds of colour vision can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX"
_BORDERS = {"any": "", "N": "holes away from the border", "B": "holes at the border"}


def plot_metrics(rows: Sequence[Row]) -> dict[str, bytes]:
    """PNG files by metric: means with 95 % intervals over the hole ratio, a line for each method.

    Raises RuntimeError when matplotlib is not installed.
    """
    measured = [name for name in METRICS if any(name in row.metrics for row in rows)]
    return {name: _plot(rows, name) for name in measured}


def plot_perception(rows: Sequence[Row], figures: Figures) -> dict[str, bytes]:
    """PNG file `perception-distortion`: PSNR over FD3, a point for each method; else empty.

    Both over all classes, PSNR as the mean over fills. Closeness on average and looking real pull
    apart (Blau and Michaeli, arXiv:1711.06077); better is up and left.
    """
    points = {}
    for method in methods_of(rows):
        values = [row.metrics["psnr"] for row in rows if row.method == method]
        if (method, ALL) in figures:
            points[method] = (figures[method, ALL]["fd3"], sum(values) / len(values))
    if not points:
        return {}
    figure = _figure(6.0)
    axes = figure.subplots()
    for number, (method, (x, y)) in enumerate(points.items()):
        axes.plot(x, y, _MARKERS[number % len(_MARKERS)], color=_COLOURS[number % len(_COLOURS)])
        axes.annotate(method, (x, y), xytext=(6, 4), textcoords="offset points", fontsize=9)
    axes.set(xlabel="FD3, less looks more real", ylabel="PSNR (dB), more is closer")
    axes.set_xlim(0, 1.2 * max(x for x, _ in points.values()) or 1)  # room for the last name
    axes.margins(y=0.15)
    axes.grid(alpha=0.3)
    return {"perception-distortion": _png(figure)}


def _figure(width: float) -> Any:
    """An empty matplotlib figure, `width` inches wide."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RuntimeError(f"plots need matplotlib: {install('evaluate')}") from error
    return Figure(figsize=(width, 4.2), layout="constrained")


def _png(figure: Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()


def _plot(rows: Sequence[Row], metric: str) -> bytes:
    found = estimates(rows, metric)
    borders = [border for border in _BORDERS if any(c[1] == border for c in columns_of(rows))]
    figure = _figure(1.2 + 4.8 * len(borders))
    panels = figure.subplots(1, len(borders), sharey=True, squeeze=False)[0]
    for border, axes in zip(borders, panels, strict=True):
        for number, method in enumerate(methods_of(rows)):
            own = {
                bucket: found[method, (bucket, border)]
                for bucket in range(len(HOLE_BUCKETS))
                if (method, (bucket, border)) in found
            }
            _draw_line(axes, own, number, method)
        axes.set(xlabel="hole, % of the picture", title=_BORDERS[border])
        axes.grid(alpha=0.3)
    better = "more" if METRICS[metric].rising else "less"
    panels[0].set_ylabel(f"{METRICS[metric].title}, {better} is better")
    panels[-1].legend()
    return _png(figure)


def _draw_line(axes: Any, points: Mapping[int, Estimate], number: int, label: str) -> None:
    """Estimates by bucket as a line with error bars, method number `number`'s look."""
    shift = 0.4 * (number - 2)  # % of the image: error bars beside each other
    axes.errorbar(
        [50 * sum(HOLE_BUCKETS[bucket]) + shift for bucket in points],
        [e.mean for e in points.values()],
        yerr=[
            [e.mean - e.low for e in points.values()],
            [e.high - e.mean for e in points.values()],
        ],
        color=_COLOURS[number % len(_COLOURS)],
        marker=_MARKERS[number % len(_MARKERS)],
        linewidth=1.5,
        markersize=4,
        capsize=2,
        label=label,
    )

"""What Prometheus is told, over all processes of a server."""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's variable: set where there are several
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)  # upper ends of the buckets


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "inpaint_requests",
            "Requests for a fill, by the status of their answer",
            ["status"],
            registry=self._registry,
        )
        self.pixels = Counter(
            "inpaint_pixels", "Pixels of the photos that were filled", registry=self._registry
        )
        self.seconds = Histogram(
            "inpaint_fill_seconds",
            "Time of reading, filling and writing a photo, without waiting",
            registry=self._registry,
            buckets=SECONDS,
        )
        self.places = Gauge(
            "inpaint_requests_in_progress",
            "Requests for a fill that have a place in the queue",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        if FOLDER not in os.environ:  # memory and time of this process say nothing of others
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """All of them in Prometheus's format."""
        folder = os.environ.get(FOLDER)
        if folder is None:
            return generate_latest(self._registry)
        for pid in {int(found[1]) for found in map(_live_gauge, os.listdir(folder)) if found}:
            if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                mark_process_dead(pid)  # it was killed, and cannot say so itself
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)


def _live_gauge(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"gauge_live\w+_(\d+)\.db", name)

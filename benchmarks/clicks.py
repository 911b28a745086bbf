"""Clicks and seconds from opening the page to a saved photo with one object removed.

    python benchmarks/clicks.py --weights places2-compact

The photo is `examples/rocket.jpg`, the object one of its lamp masts. A click is one press of the
mouse, a stroke counts as one; the seconds are those of the page, without any time to think.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from app_server import ROOT, Server, start_server, stop_server
from browser import EDITOR, Visitor, running_browser

PHOTO = ROOT / "examples" / "rocket.jpg"
MAST = ((-0.19, -0.21), (-0.19, 0.1), (-0.2, 0.42))
CIRCLE = [(-0.195 + 0.045 * math.cos(a), 0.11 + 0.35 * math.sin(a)) for a in range(7)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count clicks and seconds for one object.")
    parser.add_argument("--weights", default="places2-compact")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    server = start_server("--weights", options.weights)
    with running_browser() as browser, tempfile.TemporaryDirectory() as folder:
        for name, on_release in (("select", False), ("brush", False), ("fill on release", True)):
            runs = [
                remove(browser, server, Path(folder), name, on_release=on_release)
                for _ in range(options.repeats)
            ]
            seconds = sorted(seconds for _, seconds in runs)
            print(f"{name:16} {runs[0][0]} clicks  {seconds[len(seconds) // 2]:.1f} s")
    stop_server(server.process)


def remove(
    browser: Any, server: Server, folder: Path, name: str, *, on_release: bool
) -> tuple[int, float]:
    """Clicks and seconds of a new visitor."""
    started = time.perf_counter()
    visitor = Visitor(browser, server, fill_on_release=on_release)
    page = visitor.page
    page.evaluate(
        "window.addEventListener('pointerdown', () => (window.clicks ??= 0, clicks++), true)"
    )
    with page.expect_file_chooser() as chooser:
        page.click("#choose")
    chooser.value.set_files(str(PHOTO))
    page.wait_for_selector(f"#about:text('{PHOTO.name}')")
    visitor.settle()
    if name == "select":
        visitor.tool("select")
        visitor.stroke(*CIRCLE)
        page.wait_for_function(f"{EDITOR}.work.history.marks.length === 1")
    else:
        visitor.stroke(*MAST)
    if not on_release:
        page.click("#fill")
    page.wait_for_function(f"{EDITOR}.work.history.fills.length === 1")
    visitor.settle()
    visitor.download("#download", folder)
    spent = time.perf_counter() - started
    clicks = page.evaluate("window.clicks")
    visitor.context.close()
    return clicks, spent


if __name__ == "__main__":
    main()

"""How long a photo of 12 megapixels takes in the page, in a Chromium without a GPU.

python benchmarks/page.py --weights places2-compact
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from app_server import large_photo, start_server, stop_server
from browser import EDITOR, Visitor, running_browser

FRAME = f"""() => {{
  const {{ stage }} = {EDITOR}, started = performance.now();
  for (let i = 0; i < 20; i++) {{
    stage.pan(3, 2);
    stage.draw();
    stage.photo.getImageData(0, 0, 1, 1);  // waits until it is drawn
  }}
  return (performance.now() - started) / 20 / 1000;
}}"""

# From the end of a stroke around a tenth of the photo until its outline is drawn; it is undone.
SELECT = f"""async () => {{
  const {{ work, stage, pointing }} = {EDITOR}, points = [];
  for (let angle = 0; angle < 6.3; angle += 0.3)
    points.push(work.photo.width * (0.7 + 0.1 * Math.cos(angle)),
      work.photo.height * (0.7 + 0.1 * Math.sin(angle)));
  const started = performance.now();
  pointing.add({{ kind: "stroke", pointing: true, erase: false, radius: 20, points }});
  await pointing.answered;
  stage.draw();
  stage.photo.getImageData(0, 0, 1, 1);
  const seconds = (performance.now() - started) / 1000;
  if (work.history.marks.length !== 1) throw new Error("no outline was found");
  work.undo();
  return seconds;
}}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a photo of 12 megapixels in the page.")
    parser.add_argument("--weights", default="places2-compact")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    server = start_server("--weights", options.weights)
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        photo = large_photo(Path(folder) / "photo.jpg")
        visitor = Visitor(browser, server)
        for _ in range(options.repeats):
            steps = visit(visitor, photo)
            print("  ".join(f"{name} {spent:.3f} s" for name, spent in steps.items()))
    stop_server(server.process)


def visit(visitor: Visitor, photo: Path) -> dict[str, float]:
    """The steps of a visit, in their order, and their seconds."""
    return {
        "open": seconds(lambda: visitor.upload(photo)),
        "frame": visitor.page.evaluate(FRAME),
        "select": visitor.page.evaluate(SELECT),
        "stroke": seconds(lambda: visitor.stroke((-0.1, -0.2), (0.1, -0.15))),
        "fill": seconds(visitor.fill),
        "save": seconds(lambda: visitor.download("#download", photo.parent)),
    }


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

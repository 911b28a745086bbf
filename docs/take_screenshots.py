"""Take the pictures of the page in this folder anew.

python docs/take_screenshots.py --weights places2-compact
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from app_server import start_server, stop_server  # noqa: E402
from browser import DESKTOP, EDITOR, Visitor, running_browser  # noqa: E402

PHOTO = ROOT / "examples" / "rocket.jpg"
RIGHT_MAST = (
    ((0.197, -0.24), (0.207, 0.05), (0.19, 0.49)),
    ((0.207, 0.05), (0.237, 0.49)),
    ((0.2, 0.3), (0.225, 0.3), (0.19, 0.45), (0.23, 0.45)),
)
QUALITY = 80  # of the JPEGs: below 150 kB each


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the page anew.")
    parser.add_argument("--weights", default="places2-compact")
    options = parser.parse_args()
    DESKTOP.update(width=1280, height=900)
    server = start_server("--weights", options.weights)
    with running_browser() as browser:
        for phone in (False, True):
            for dark in (False, True):
                visitor = Visitor(browser, server, phone=phone, dark=dark)
                take(
                    visitor, f"app-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
                )
                visitor.context.close()
    stop_server(server.process)


def take(visitor: Visitor, name: str) -> None:
    """Pictures of the empty page, of a selection, and of original and result beside a line."""
    visitor.page.wait_for_function("document.fonts.ready.then(() => true)")
    shoot(visitor, f"{name}-empty")
    visitor.upload(PHOTO)
    visitor.tool("select")
    visitor.stroke(*circle(-0.195, 0.11, 0.055, 0.36))
    visitor.page.wait_for_function(f"{EDITOR}.work.history.latest?.mark?.kind === 'object'")
    visitor.tool("brush")
    for stroke in RIGHT_MAST:
        visitor.stroke(*stroke)
    visitor.tool("select")
    rest(visitor)
    shoot(visitor, f"{name}-select")
    visitor.fill()
    visitor.tool("brush")
    visitor.page.click("#divide")
    visitor.page.evaluate(f"{EDITOR}.part('divider').blur()")
    rest(visitor)
    shoot(visitor, f"{name}-result")


def rest(visitor: Visitor) -> None:
    """Until all is drawn, with the mouse beside the photo."""
    if not visitor.phone:
        visitor.page.mouse.move(1, 1)
    visitor.settle()


def circle(x: float, y: float, across: float, along: float) -> list[tuple[float, float]]:
    """Points around (x, y), in widths and heights of the photo from its middle."""
    steps = [0.45 * number for number in range(15)]
    return [(x + across * math.cos(step), y + along * math.sin(step)) for step in steps]


def shoot(visitor: Visitor, name: str) -> None:
    path = ROOT / "docs" / f"{name}.jpg"
    visitor.page.screenshot(path=path, type="jpeg", quality=QUALITY)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

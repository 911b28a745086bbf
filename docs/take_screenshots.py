"""Take the pictures of the page in this folder anew.

python docs/take_screenshots.py --weights places2-compact
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from app_server import start_server, stop_server  # noqa: E402
from browser import DESKTOP, Visitor, running_browser  # noqa: E402

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
                name = f"app-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
                take(visitor, name)
                visitor.context.close()
    stop_server(server.process)


def take(visitor: Visitor, name: str) -> None:
    """Pictures of the empty page and of a result."""
    settle = "document.fonts.ready.then(() => true)"
    visitor.page.wait_for_function(settle)
    shoot(visitor, f"{name}-empty")
    visitor.page.click(".example[aria-label='Example rocket']")
    visitor.page.wait_for_selector("#about:text('rocket.jpg')")
    visitor.settle()
    visitor.fill()
    visitor.stroke((-0.185, -0.2), (-0.185, 0.1), (-0.19, 0.42))
    visitor.settle()
    shoot(visitor, f"{name}-result")


def shoot(visitor: Visitor, name: str) -> None:
    path = ROOT / "docs" / f"{name}.jpg"
    visitor.page.screenshot(path=path, type="jpeg", quality=QUALITY)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

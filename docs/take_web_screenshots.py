"""Take the pictures of the static page in this folder anew.

python docs/take_web_screenshots.py

Needs `npm install --prefix web --ignore-scripts --omit=optional`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser import PHONE, TWO_FRAMES, running_browser  # noqa: E402
from web_page import Page  # noqa: E402
from web_site import build_site, serving  # noqa: E402

from inpaint.checkpoints.onnx_config import OnnxConfig  # noqa: E402
from inpaint.checkpoints.onnx_export import export_onnx  # noqa: E402
from inpaint.checkpoints.weights import shipped_weights  # noqa: E402

PHOTO = ROOT / "examples" / "rocket.jpg"
STROKES = (
    ((0.315, 0.28), (0.31, 0.44), (0.3, 0.6)),
    ((0.31, 0.44), (0.285, 0.85)),
    ((0.698, 0.28), (0.703, 0.5)),
)
QUALITY = 80  # of the JPEGs


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        model = Path(folder) / "model.onnx"
        export_onnx(shipped_weights(), model, OnnxConfig(precision="float16"))
        with serving(build_site(Path(folder) / "site", model)) as address:
            desktop = Page(browser, address, viewport={"width": 1100, "height": 800})
            mark(desktop)
            desktop.fill()
            take(desktop, "web-desktop-filled")
            phone = Page(
                browser, address, viewport=PHONE, color_scheme="dark", device_scale_factor=2
            )
            mark(phone)
            take(phone, "web-phone-marked")


def mark(page: Page) -> None:
    """Opens the photo, and brushes over its masts."""
    page.open(PHOTO.read_bytes(), PHOTO.name, "image/jpeg")
    page.page.wait_for_selector(f"#about:text('{PHOTO.name}')")
    page.settle()
    page.brush(0.7)
    for stroke in STROKES:
        page.stroke(*stroke)


def take(page: Page, name: str) -> None:
    page.page.mouse.move(1, 1)
    page.page.evaluate(TWO_FRAMES)
    path = ROOT / "docs" / f"{name}.jpg"
    page.page.screenshot(path=path, type="jpeg", quality=QUALITY)
    page.close()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

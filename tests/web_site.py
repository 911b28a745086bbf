"""The static page of web/ behind a small server, for tests and measurements."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
NODE_MODULES = Path(os.environ.get("NODE_PATH", WEB / "node_modules"))
# With these, browsers let a page share memory between threads.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}

sys.path.insert(0, str(WEB))
from vendor import EDITOR, EDITOR_FILES, RUNTIME_FILES, vendor  # noqa: E402

__all__ = [
    "EDITOR",
    "EDITOR_FILES",
    "ISOLATION",
    "NODE_MODULES",
    "RUNTIME_FILES",
    "build_site",
    "has_runtime",
    "serving",
]


def has_runtime() -> bool:
    """Whether npm has installed onnxruntime-web."""
    return (NODE_MODULES / "onnxruntime-web").is_dir()


def build_site(folder: Path, model: Path | None = None) -> Path:
    """Copy the page's own files into a folder; with a model also all that it loads."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in WEB.iterdir():
        if path.suffix in {".html", ".css", ".js"}:
            shutil.copy(path, folder)
    if model is not None:
        vendor(folder / "vendor", NODE_MODULES)
        shutil.copy(model, folder / "vendor" / "model.onnx")
    return folder


class _Handler(SimpleHTTPRequestHandler):
    headers_sent: dict[str, str] = {}  # noqa: RUF012  (a subclass has its own)

    def end_headers(self) -> None:
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(folder: Path, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a server of static files, which sends further headers."""
    handler = type("Handler", (_Handler,), {"headers_sent": headers or {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()

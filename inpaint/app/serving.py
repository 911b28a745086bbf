"""Serving the page: options with safe defaults."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
import webbrowser
from dataclasses import dataclass
from functools import partial
from typing import Any

from inpaint.serving.ports import free_port
from inpaint.serving.start import set_up_process
from inpaint.utils.options import option

MEGA = 1_000_000
# Sessions of Gradio's own, 90 KB each, of which it keeps 10,000 otherwise. They hold values that a
# page sets for one visitor, of which this one has none: what has gone is made anew.
MOST_STATES = 100
# Seconds between looks at an empty queue, and for progress to send. Gradio's 1 and 10 ms take 4 %
# of a core all day.
_QUEUE_PERIOD, _PROGRESS_PERIOD = 0.02, 0.05


@dataclass(frozen=True)
class ServingOptions:
    """How the page is served. Raises ValueError."""

    host: str = option("127.0.0.1", "address to listen at; 0.0.0.0 lets other machines in")
    port: int = option(7860, "port to listen at; 0 takes a free one")
    auth: str | None = option(
        None, "NAME:PASSWORD that visitors must give; also taken from INPAINT_AUTH"
    )
    allowed_host: str = option(
        "",
        "names by which the page is reached, separated by commas, such as behind a reverse proxy; "
        "localhost and the address of --host are always allowed; * allows all",
    )
    root_path: str = option("", "path of the page behind a reverse proxy, such as /inpaint")
    max_megapixels: float = option(64.0, "largest photo, in millions of pixels")
    max_file_mb: float = option(64.0, "largest upload, in millions of bytes")
    queue_size: int = option(
        128, "visitors that may wait at once; more are told to come back later"
    )
    concurrency: int = option(1, "fills at once; each takes all cores already")
    weights: str | None = option(None, "name in the weights folder, or path of a weight file")
    segmenter: str | None = option(
        None,
        "ONNX file of a segment-anything network, or encoder,decoder, by which things are "
        "selected; without it, GrabCut",
    )
    device: str | None = option(None, "such as cpu or cuda; without it, the GPU if there is one")

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in 0 to 65535, got {self.port}")
        for name in ("max_megapixels", "max_file_mb", "queue_size", "concurrency"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.auth is not None and not all(self.auth.partition(":")[::2]):
            raise ValueError("auth must be NAME:PASSWORD")

    @property
    def login(self) -> tuple[str, str] | None:
        """(name, password), or None."""
        if self.auth is None:
            return None
        name, _, password = self.auth.partition(":")
        return name, password


def serve(options: ServingOptions, *, in_browser: bool = False, block: bool = True) -> Any:
    """Serve the page until it is stopped; without `block`, return the running page at once.

    Raises FileNotFoundError, CheckpointError or ValueError for weights and segmenter, OSError for
    a port that is taken.
    """
    port = free_port(options.host, options.port)
    set_up_process()
    # Imported when needed, in the order of their cost: what is wrong is said soon.
    _settle_environment()
    from inpaint.serving.models import Models

    models = Models(options.weights, device=options.device, concurrency=options.concurrency)
    from inpaint.app.editor import editor_routes
    from inpaint.app.examples import find_examples
    from inpaint.app.guard import PageGuard, guarded
    from inpaint.app.handlers import Limits
    from inpaint.app.page import build_page
    from inpaint.app.theme import HEAD, theme
    from inpaint.selection import select_object
    from inpaint.selection.segmenter import Segmenter
    from inpaint.serving.guard import Hosts

    limits = Limits(
        max_pixels=round(options.max_megapixels * MEGA),
        max_file_bytes=round(options.max_file_mb * MEGA),
    )
    select = Segmenter(options.segmenter) if options.segmenter else select_object
    page = build_page(models, limits, concurrency=options.concurrency, select=select)
    # With api_open, /run and /api would let fills past the queue.
    page.queue(max_size=options.queue_size, default_concurrency_limit=4, api_open=False)
    page._queue.sleep_when_free = _QUEUE_PERIOD
    page._queue.progress_update_sleep_when_free = _PROGRESS_PERIOD
    hosts = Hosts.of(options.host, options.allowed_host, options.root_path, socket.gethostname())
    guard = partial(PageGuard, hosts=hosts, most_upload_bytes=limits.max_batch_bytes)
    _, address, _ = page.launch(
        server_name=options.host,
        server_port=port,
        auth=options.login,
        root_path=options.root_path or None,
        max_file_size=limits.max_file_bytes,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        state_session_capacity=MOST_STATES,
        app_kwargs={
            "lifespan": lambda app: guarded(app, guard),
            "routes": editor_routes(find_examples()),
        },
        enable_monitoring=False,
        run_history=False,
        mcp_server=False,
        ssr_mode=False,
        footer_links=["api"],
        theme=theme(),
        head=HEAD,
    )
    print(f"Open {address} (stop with Ctrl+C)", flush=True)
    if in_browser:
        webbrowser.open(address)
    if block:
        page.block_thread()
    return page


def _settle_environment() -> None:
    """What Gradio reads from the environment, before it is used."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Statistics for a view that is off, anew after each call: over the last 10,000 calls otherwise.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(2**31)
    os.environ["HF_HUB_OFFLINE"] = "1"
    folder = os.environ.get("GRADIO_TEMP_DIR")
    if folder is None:
        # A folder of its own, which goes when the server stops: files of one visitor are never
        # found in another program's cache.
        folder = _temporary_folder(tempfile.gettempdir())
    os.environ["GRADIO_TEMP_DIR"] = _plain_path(folder)


def _temporary_folder(parent: str) -> str:
    """A new folder that is removed at the end."""
    folder = tempfile.mkdtemp(prefix="inpaint-", dir=parent)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _plain_path(folder: str) -> str:
    """A path of `folder` that tells nothing of the machine: Gradio shows it in addresses and
    answers, by which files are asked for."""
    parent = "/tmp"
    if os.name != "posix" or os.path.dirname(folder) == parent or not os.access(parent, os.W_OK):
        return folder
    link = os.path.join(_temporary_folder(parent), "files")
    os.makedirs(folder, exist_ok=True)
    os.symlink(os.path.abspath(folder), link)
    return link

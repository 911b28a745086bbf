"""Serving the API until it is stopped: one process, or several that are replaced when they die."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from typing import Any

from inpaint.api.options import ServeOptions
from inpaint.serving.ports import free_port
from inpaint.serving.start import set_up_process

OPTIONS = "INPAINT_SERVE_OPTIONS"  # where the processes of a server find them, as JSON
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # of prometheus_client
KEEP_ALIVE_SECONDS = 65  # longer than proxies keep theirs, so that the proxy ends a connection
SPARE_CONNECTIONS = 100  # beside those of the queue: of health checks, and of the refused


def serve(options: ServeOptions) -> None:
    """Serve until Ctrl+C or SIGTERM; requests in progress have the options' time to end.

    Raises:
        FileNotFoundError, CheckpointError, ValueError: Weights or a device that cannot be used.
        OSError: The port is taken.
        ModuleNotFoundError: FastAPI or what belongs to it is not installed.
    """
    options = dataclasses.replace(options, port=free_port(options.host, options.port))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    set_up_process()
    if options.workers > 1:
        _serve_processes(options)
        return
    import uvicorn

    from inpaint.api.server import create_app

    app = create_app(options)
    _tell_address(options)
    uvicorn.Server(uvicorn.Config(app, **_settings(options))).run()


def _serve_processes(options: ServeOptions) -> None:
    import uvicorn

    from inpaint.checkpoints.names import DEFAULT_WEIGHTS
    from inpaint.checkpoints.weights import find_weights, read_metadata

    read_metadata(find_weights(options.weights or DEFAULT_WEIGHTS))  # raises here, not in each
    with tempfile.TemporaryDirectory(prefix="inpaint-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        os.environ[OPTIONS] = json.dumps(dataclasses.asdict(options))
        _tell_address(options)
        factory = "inpaint.api.serving:create_from_environment"
        uvicorn.run(factory, factory=True, workers=options.workers, **_settings(options))


def create_from_environment() -> Any:
    """The application of one of several processes."""
    from inpaint.api.server import create_app

    set_up_process()
    return create_app(ServeOptions(**json.loads(os.environ[OPTIONS])))


def _settings(options: ServeOptions) -> dict[str, Any]:
    """Of uvicorn."""
    concurrency = options.concurrency or os.cpu_count() or 1
    return {
        "host": options.host,
        "port": options.port,
        "log_level": "warning",  # metrics count requests; a proxy logs them
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": options.grace_seconds,
        "limit_concurrency": 2 * (options.queue_size + concurrency) + SPARE_CONNECTIONS,
    }


def _tell_address(options: ServeOptions) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"Serving at http://{host}:{options.port} (stop with Ctrl+C)", flush=True)

"""The HTTP API on a Ray cluster, by Ray Serve: as many replicas as are asked for, on any machines.

    pip install 'pconv-inpaint[serve]' 'ray[serve]'      # on every machine
    serve run deploy.ray_serve:build replicas=8 threads=2

The arguments of `build` are those below, and fields of ServeOptions such as `token`. The queue of
each replica is its own, as behind any proxy; Ray's is kept short, so that a request that finds no
place is answered with 503 and Retry-After at once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application

from inpaint.api.options import ServeOptions
from inpaint.api.server import create_app


def build(arguments: dict[str, Any]) -> Application:
    """The application that `serve run` and `serve deploy` start.

    Args:
        arguments: replicas: how many (1). threads: fills at once in each, and processors of each
            (1). gpus: of each (0). The others are fields of ServeOptions; numbers may be texts.

    Raises:
        ValueError: An argument that is none of these.
    """
    given = dict(arguments)
    replicas, threads = int(given.pop("replicas", 1)), int(given.pop("threads", 1))
    gpus = float(given.pop("gpus", 0))
    options = _options({"allowed_host": "*", **given, "concurrency": threads})

    def create() -> FastAPI:
        return create_app(options)

    deployment = serve.deployment(
        serve.ingress(create)(),
        name="inpaint",
        num_replicas=replicas,
        max_ongoing_requests=2 * (threads + options.queue_size),
        ray_actor_options={"num_cpus": threads, "num_gpus": gpus},
        graceful_shutdown_timeout_s=options.grace_seconds,
    )
    return deployment.bind()


def _options(given: dict[str, Any]) -> ServeOptions:
    kinds = {field.name: str(field.type).split()[0] for field in dataclasses.fields(ServeOptions)}
    unknown = sorted(given.keys() - kinds.keys())
    if unknown:
        raise ValueError(f"arguments must be of {', '.join(kinds)}, got {', '.join(unknown)}")
    types = {"int": int, "float": float, "str": str}
    return ServeOptions(**{name: types[kinds[name]](value) for name, value in given.items()})

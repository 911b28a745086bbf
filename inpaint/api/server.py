"""The FastAPI application."""

from __future__ import annotations

import base64
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from inpaint.api.guard import FILL, ApiGuard
from inpaint.api.metrics import CONTENT_TYPE
from inpaint.api.options import ServeOptions
from inpaint.api.service import FillService
from inpaint.api.work import Cancelled, Files, Filled, FillOptions, Job, TooSlow, Upload
from inpaint.images import FORMATS
from inpaint.inference.style import DEFAULT_STYLE, Style
from inpaint.serving.guard import Hosts
from inpaint.utils.version import __version__

logger = logging.getLogger("inpaint")

STREAM = "text/event-stream"
STEP_SECONDS = 0.2  # between events of a stream
MOST_GROWTH = 200  # pixels
CLIENT_GONE = 499  # nginx's status for it; nobody reads it but the metrics
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The token is missing or wrong"},
    408: {"description": "The request arrived too slowly"},
    413: {"description": "A file is too large"},
    422: {"description": "The files or options cannot be used"},
    503: {"description": "All places in the queue are taken; Retry-After says when to come back"},
    504: {"description": "The fill took too long"},
}
DESCRIPTION = """Fills the parts of a photo that a mask marks.

With `Accept: text/event-stream` the answer is a stream of events: `progress` with the `share` that
is done (0 to 1) and how many requests are `ahead`, and at the end `done` with the `image` in base64
and its `type`, or `error` with a `status` and `detail`.
"""

StyleName = Annotated[
    Style, Form(description="natural: what looks real; faithful: closest on average")
]
Seed = Annotated[int, Form(ge=0, lt=2**63, description="The same gives the same fill")]
Grow = Annotated[int, Form(ge=-MOST_GROWTH, le=MOST_GROWTH, description="Grow the hole, in pixels")]
Quality = Annotated[int | None, Form(ge=1, le=100, description="For formats with loss")]
Format = Annotated[
    str | None, Form(pattern=f"^({'|'.join(FORMATS)})$", description="By default the photo's own")
]


def create_app(options: ServeOptions) -> FastAPI:
    """The API, its networks loaded.

    Raises FileNotFoundError, CheckpointError or ValueError for weights, ValueError for a device.
    """
    service = FillService(options)
    hosts = Hosts.of(options.host, options.allowed_host, options.root_path, socket.gethostname())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.warm_up()
        yield
        service.stop()

    app = FastAPI(
        title="Inpaint",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.service = service
    _add_routes(app, service)
    app.add_middleware(
        ApiGuard, hosts=hosts, options=options, queue=service.queue, metrics=service.metrics
    )
    return app


def _add_routes(app: FastAPI, service: FillService) -> None:
    @app.post(
        FILL,
        response_class=Response,
        responses={200: {"content": {"image/*": {}, STREAM: {}}}, **ERRORS},
    )
    async def fill(
        request: Request,
        image: Annotated[UploadFile, File(description="The photo")],
        mask: Annotated[UploadFile, File(description="White = fill; of the photo's aspect ratio")],
        exclude: Annotated[
            UploadFile | None, File(description="White = texture is not copied from there")
        ] = None,
        style: StyleName = DEFAULT_STYLE,
        seed: Seed = 0,
        grow: Grow = 0,
        invert: Annotated[bool, Form(description="White in the mask means keep")] = False,
        format: Format = None,
        quality: Quality = None,
    ) -> Response:
        """Fill a photo; the answer is the photo, of the same size, with its metadata."""
        files = _opened(service.options, image=image, mask=mask, exclude=exclude)
        wanted = FillOptions(style, seed, grow, invert, format, quality)
        limits = service.options
        job = Job(files, wanted, limits.max_pixels, limits.fill_seconds)
        left = partial(_left, request)
        if STREAM in request.headers.get("accept", ""):
            return StreamingResponse(_events(service, job, request, left), media_type=STREAM)
        try:
            async with aclosing(service.run(job, left)) as steps:
                async for found in steps:
                    if found is not None:
                        return _answer(found, request)
        except Exception as error:
            status, detail = _failure(error)
            raise HTTPException(status, detail) from error
        raise AssertionError("a job ends with its result or an error")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """The server answers, and its networks are loaded."""
        queue, weights = service.queue, service.models.default
        status = "full" if queue.full else "ready"
        return {"status": status, "waiting": queue.waiting, "weights": weights}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters in Prometheus's format, of all processes of this server."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)


def _opened(options: ServeOptions, **uploads: UploadFile | None) -> Files:
    """The files, called by their fields in errors. Raises HTTPException for a large one."""
    for name, upload in uploads.items():
        if upload is not None and (upload.size or 0) > options.max_file_bytes:
            raise HTTPException(413, f"{name}: the file is larger than {options.max_file_mb:g} MB")
    return Files(**{name: Upload(name, upload.file) for name, upload in uploads.items() if upload})


def _answer(filled: Filled, request: Request) -> Response:
    request.state.seconds = filled.seconds
    timing = {"server-timing": f"fill;dur={filled.seconds * 1000:.0f}"}
    return Response(filled.data, media_type=filled.media_type, headers=timing)


async def _left(request: Request) -> None:
    """Ends when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _events(
    service: FillService, job: Job, request: Request, left: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[str]:
    """The stream of a request, as server-sent events."""
    last: dict[str, Any] = {}
    try:
        async with aclosing(service.run(job, left, every=STEP_SECONDS)) as steps:
            async for found in steps:
                if found is not None:
                    request.state.seconds = found.seconds
                    image = base64.b64encode(found.data).decode()
                    yield _event("done", {"type": found.media_type, "image": image})
                    return
                now = {"share": round(job.share, 3), "ahead": request.state.place.ahead}
                if now != last:
                    yield _event("progress", now)
                last = now
    except Exception as error:
        status, detail = _failure(error)
        yield _event("error", {"status": status, "detail": detail})


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _failure(error: Exception) -> tuple[int, str]:
    """Status and text for what a job raised; what is the server's fault is logged."""
    if isinstance(error, Cancelled):
        return CLIENT_GONE, "the client has left"
    if isinstance(error, TooSlow):
        return 504, str(error)
    if isinstance(error, ValueError):
        return 422, str(error)
    if isinstance(error, MemoryError):
        return 413, "the photo is too large for the memory of the server"
    logger.error("a fill failed", exc_info=error)
    return 500, "the server failed at this; its log tells why"

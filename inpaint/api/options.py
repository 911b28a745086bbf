"""How the HTTP API is served: options with safe defaults."""

from __future__ import annotations

from dataclasses import dataclass

from inpaint.utils.options import option

LEAST_TOKEN = 16  # characters: a token may be tried as often as the network allows
POSITIVE = ("max_megapixels", "max_file_mb", "workers", "upload_seconds", "fill_seconds")


@dataclass(frozen=True)
class ServeOptions:
    """How the HTTP API is served. Raises ValueError."""

    host: str = option("127.0.0.1", "address to listen at; 0.0.0.0 lets other machines in")
    port: int = option(8000, "port to listen at; 0 takes a free one")
    token: str | None = option(
        None, "what callers must send as `Authorization: Bearer TOKEN`; also from INPAINT_TOKEN"
    )
    allowed_host: str = option(
        "",
        "names by which the server is reached, separated by commas, such as behind a proxy; "
        "localhost and the address of --host are always allowed; * allows all",
    )
    root_path: str = option("", "path of the API behind a reverse proxy, such as /inpaint")
    max_megapixels: float = option(64.0, "largest photo, in millions of pixels")
    max_file_mb: float = option(64.0, "largest file of a request, in millions of bytes")
    queue_size: int = option(32, "requests that wait in a process; more are answered with 503")
    concurrency: int | None = option(
        None, "fills at once in a process; default: one a core, or one on a GPU"
    )
    workers: int = option(1, "processes, each with networks of its own")
    upload_seconds: float = option(60.0, "time in which a request must have arrived")
    fill_seconds: float = option(600.0, "time of one fill, after which it ends")
    grace_seconds: int = option(30, "time that requests in progress have when the server stops")
    weights: str | None = option(None, "name in the weights folder, or path of a weight file")
    device: str | None = option(None, "such as cpu or cuda; without it, the GPU if there is one")

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in 0 to 65535, got {self.port}")
        for name in POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("queue_size", "grace_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError(f"concurrency must be above 0, got {self.concurrency}")
        if self.root_path and not self.root_path.strip("/") == self.root_path[1:]:
            raise ValueError(f"root_path must be like /inpaint, got {self.root_path!r}")
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii()):
            raise ValueError(f"token must have at least {LEAST_TOKEN} characters, all of ASCII")

    @property
    def max_pixels(self) -> int:
        """Pixels of the largest photo."""
        return round(self.max_megapixels * 1e6)

    @property
    def max_file_bytes(self) -> int:
        """Bytes of the largest file."""
        return round(self.max_file_mb * 1e6)

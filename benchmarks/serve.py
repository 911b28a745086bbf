"""Load on `inpaint serve`: pictures a second beside the same work without HTTP, and overload.

    python benchmarks/serve.py                       # 1, 8 and 32 clients
    python benchmarks/serve.py --turns 30 --clients 8            # whether memory grows
    python benchmarks/serve.py --overload            # 32 clients, a queue of 4, and a killed worker

The pictures are the examples at 256 px with their masks. `bare` reads, fills and writes them on as
many threads as the server has, and on one, in a process of its own. Bare and served rounds take
turns, so that a busy machine slows both; the rates are of the medians of all rounds. `core-s` is
the time of processors, which other programs change little: of the server for each picture.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from PIL import Image

ROOT = Path(__file__).parents[1]
SIDE = 256  # px
MOST_TRIES = 60
# Of a turn: each picture once, and what fills all places twice.
LEAST_FILLS, FILLS_OF_A_CLIENT = 5, 2
OVERLOAD_FILLS = 48
Files = dict[str, bytes]


@cache
def pictures() -> list[Files]:
    """The examples and their masks as PNG files."""
    found = []
    for path in sorted((ROOT / "examples/masks").glob("*.png")):
        (photo,) = (ROOT / "examples").glob(f"{path.stem}.*")
        found.append({"image": _scaled(photo, "RGB"), "mask": _scaled(path, "1")})
    return found


def _scaled(path: Path, mode: str) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert(mode).resize((SIDE, SIDE)).save(file, "PNG")
    return file.getvalue()


def bare(style: str) -> None:
    """A process without HTTP: for each line `FILLS THREADS`, the seconds and core-seconds."""
    import torch

    from inpaint.api.work import Files, FillOptions, Job, Upload
    from inpaint.serving.models import Models
    from inpaint.utils.threads import usable_cpus

    models = Models(concurrency=usable_cpus())
    options = FillOptions(style=style)  # type: ignore[arg-type]

    def run(sent: dict[str, bytes]) -> None:
        uploads = {name: Upload(name, io.BytesIO(data)) for name, data in sent.items()}
        Job(Files(**uploads), options, 10**8, 600).run(models)

    @cache
    def pool(threads: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    sent = pictures()
    for line in sys.stdin:
        fills, threads = map(int, line.split())
        start = time.perf_counter(), time.process_time()
        list(pool(threads).map(run, [sent[n % len(sent)] for n in range(fills)]))
        took = time.perf_counter() - start[0], time.process_time() - start[1]
        print(json.dumps(took), flush=True)


class Served:
    """A running `inpaint serve`."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self.process, self.address = process, address

    def usage(self) -> tuple[float, float]:
        """Core-seconds so far, and megabytes that it holds."""
        text = httpx.get(f"{self.address}/metrics", timeout=60).text
        values = dict(re.findall(r"^process_(\w+) (\S+)$", text, re.M))
        return float(values["cpu_seconds_total"]), float(values["resident_memory_bytes"]) / 1e6

    def load(self, clients: int, fills: int, style: str, *, retry: bool = True) -> dict[str, Any]:
        """Fills by clients that each send their next when the last is answered."""
        sent, numbers, lock = pictures(), iter(range(fills)), threading.Lock()
        seconds: list[float] = []
        seen: dict[str, int] = {}

        def client(http: httpx.Client) -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                start = time.perf_counter()
                self._fill(http, sent[number % len(sent)], style, seen, retry)
                seconds.append(time.perf_counter() - start)

        with ExitStack() as stack, ThreadPoolExecutor(clients) as pool:
            # Each reads the certificates of the system, 20 ms; not in the time of the fills.
            made = [stack.enter_context(httpx.Client(timeout=600)) for _ in range(clients)]
            start, own = time.perf_counter(), time.process_time()
            list(pool.map(client, made))
            took, own = time.perf_counter() - start, time.process_time() - own
        return {"seconds": took, "own": own, "latency": seconds, "answers": seen}

    def _fill(
        self, http: httpx.Client, files: Files, style: str, seen: dict[str, int], retry: bool
    ) -> None:
        """One picture until it is filled; a client comes back when it is told to."""
        for _ in range(MOST_TRIES):
            try:
                answer = http.post(f"{self.address}/v1/fill", files=files, data={"style": style})
                kind, wait = str(answer.status_code), answer.headers.get("retry-after", 0)
            except httpx.TransportError:
                kind, wait = "connection lost", 1
            seen[kind] = seen.get(kind, 0) + 1
            if kind == "200" or not retry:
                return
            time.sleep(float(wait))
        raise RuntimeError(f"a picture was not filled after {MOST_TRIES} tries")


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """A server with the shipped weights on a free port."""
    command = [sys.executable, "-m", "inpaint", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = re.match(r"Serving at (\S+)", process.stdout.readline().decode())
        assert found is not None, "the server did not start"
        for _ in range(600):
            try:
                httpx.get(f"{found[1]}/health", timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield Served(process, found[1])
    finally:
        process.terminate()
        process.wait(60)


def compare(clients: list[int], turns: int, style: str) -> None:
    """The table of rates, latencies and memory."""
    cores = len(os.sched_getaffinity(0))
    command = [sys.executable, __file__, "--bare", "--style", style]
    without = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert without.stdin is not None and without.stdout is not None

    def run_bare(threads: int, fills: int) -> tuple[float, float]:
        without.stdin.write(f"{fills} {threads}\n".encode())  # type: ignore[union-attr]
        without.stdin.flush()  # type: ignore[union-attr]
        took, used = json.loads(without.stdout.readline())  # type: ignore[union-attr]
        return took, used

    with served("--queue-size", "64") as server:
        for threads in (1, cores):  # warm up
            run_bare(threads, 4 * cores), server.load(threads, 4 * cores, style)
        print(f"{turns} turns, {cores} cores, {style} style; core-s of bare, served, clients")
        print(
            "clients  bare /s  served /s  share  bare core-s  served  clients  p50 s  p99 s     MB"
        )
        for count in clients:
            fills = max(LEAST_FILLS, FILLS_OF_A_CLIENT * count)
            plain: list[tuple[float, float]] = []
            runs: list[dict[str, Any]] = []
            for _ in range(turns):
                plain.append(run_bare(min(count, cores), fills))
                before, _ = server.usage()
                runs.append(server.load(count, fills, style))
                runs[-1]["used"] = server.usage()[0] - before
            print(_line(count, fills, plain, runs, server.usage()[1]), flush=True)
    without.stdin.close()
    without.wait(60)


def _line(
    clients: int,
    fills: int,
    plain: list[tuple[float, float]],
    runs: list[dict[str, Any]],
    megabytes: float,
) -> str:
    """A row of the table; plain: seconds and core-seconds of each bare turn."""
    share = median(took / run["seconds"] for (took, _), run in zip(plain, runs, strict=True))
    latency = [second for run in runs for second in run["latency"]]
    return (
        f"{clients:7} {fills / median(took for took, _ in plain):8.2f} "
        f"{fills / median(run['seconds'] for run in runs):10.2f} {share:6.0%} "
        f"{median(used for _, used in plain) / fills:12.3f} "
        f"{median(run['used'] for run in runs) / fills:7.3f} "
        f"{median(run['own'] for run in runs) / fills:8.3f} "
        f"{median(latency):6.2f} {quantiles(latency, n=100)[98]:6.2f} {megabytes:6.0f}"
    )


def overload(fills: int, style: str) -> None:
    """What clients see of a full queue, and of a worker that is killed."""
    with served("--queue-size", "4") as server:
        server.load(2, 4, style)
        run = server.load(32, fills, style, retry=False)
        print(f"32 clients, queue of 4, one try each: {run['answers']}")
        run = server.load(32, fills, style)
        print(f"the same, coming back as Retry-After says: {run['answers']}")
    with served("--queue-size", "64", "--workers", "2") as server:
        server.load(4, 8, style)
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        worker = next(p for p in pids if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes())
        threading.Timer(2.0, os.kill, (worker, signal.SIGKILL)).start()
        run = server.load(8, fills, style)
        print(f"8 clients, 2 workers, kill -9 of one after 2 s: {run['answers']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", default="1,8,32", help="numbers (%(default)s)")
    parser.add_argument("--turns", type=int, default=10, help="of each (%(default)s)")
    parser.add_argument("--style", default="natural", help="(%(default)s)")
    parser.add_argument("--overload", action="store_true", help="measure that instead")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.style)
    elif options.overload:
        overload(OVERLOAD_FILLS, options.style)
    else:
        clients = [int(number) for number in options.clients.split(",")]
        compare(clients, options.turns, options.style)


if __name__ == "__main__":
    main()

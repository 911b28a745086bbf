"""Networks, threads and the queue behind the API, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from inpaint.api.metrics import Metrics
from inpaint.api.options import ServeOptions
from inpaint.api.queue import Queue
from inpaint.api.work import Filled, Job
from inpaint.images import ImageData
from inpaint.serving.models import Models
from inpaint.utils.threads import usable_cpus

WARM_UP_SIZE = (160, 160, 3)
WARM_UP_HOLE = (slice(60, 100), slice(40, 110))


class FillService:
    """Runs the jobs of one process: on a CPU as many at once as there are cores, each on one core,
    which fills more photos in a second than all cores on each of them; on a GPU one."""

    def __init__(self, options: ServeOptions) -> None:
        """Loads the networks. Raises FileNotFoundError, CheckpointError or ValueError."""
        self.options = options
        cores = max(1, usable_cpus() // options.workers)
        # The pool below limits the fills, so its threads need not wait for each other in Models.
        self.models = Models(
            options.weights, device=options.device, concurrency=options.concurrency or cores
        )
        on_cpu = self.models.inpainter(self.models.default).device.type == "cpu"
        concurrency = options.concurrency or (cores if on_cpu else 1)
        self.queue = Queue(size=options.queue_size, concurrency=concurrency)
        self.metrics = Metrics()
        self._jobs: set[Job] = set()
        threads = max(1, cores // concurrency)
        self._pool = ThreadPoolExecutor(concurrency, "fill", torch.set_num_threads, (threads,))

    def warm_up(self) -> None:
        """Fills a small random photo: the first fill after an installation compiles the search for
        texture, which takes longer than a client waits, and each first fill allocates memory."""
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, WARM_UP_SIZE, dtype=np.uint8)
        hole = np.zeros(WARM_UP_SIZE[:2], bool)
        hole[WARM_UP_HOLE] = True
        self._pool.submit(self.models.fill, ImageData(pixels), hole).result()

    async def run(
        self, job: Job, left: Callable[[], Coroutine[Any, Any, None]], *, every: float | None = None
    ) -> AsyncGenerator[Filled | None, None]:
        """Yields None while a job waits or runs, and then its result.

        Args:
            job: What is to be done; it is cancelled where this is closed early.
            left: Ends when the client has left, which cancels the job, too. It is waited for, not
                asked now and then: with 32 clients that took a seventh of the time of the fills.
            every: Seconds after which None comes, again and again; None = when the client leaves.

        Raises:
            ValueError, Cancelled, TooSlow, MemoryError: As Job.run does.
        """
        self._jobs.add(job)
        future = asyncio.get_running_loop().run_in_executor(self._pool, job.run, self.models)
        leaving = asyncio.ensure_future(left())
        try:
            while not future.done():
                pending = {one for one in (future, leaving) if not one.done()}
                await asyncio.wait(pending, timeout=every, return_when=asyncio.FIRST_COMPLETED)
                job.cancelled = leaving.done()
                if not future.done():
                    yield None
            filled = future.result()
            self.metrics.seconds.observe(filled.seconds)
            self.metrics.pixels.inc(filled.pixels)
            yield filled
        finally:
            leaving.cancel()
            job.cancelled = True
            self._jobs.discard(job)
            if not (future.done() or future.cancel()):
                await asyncio.wait({future})  # it reads the request's files, which close next

    def stop(self) -> None:
        """Ends what is still running, and the threads."""
        for job in self._jobs:
            job.cancelled = True
        self._pool.shutdown(cancel_futures=True)

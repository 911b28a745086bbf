"""Which image is trained on when: an endless stream that can be entered at any step.

Samples carry global numbers. Sample n belongs to step n // batch_size, and everything about it
follows from the seed and n. So a stream entered at step k goes on as if it had never stopped,
with any number of worker processes, and several ranks share it by taking slices of each batch.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from inpaint.utils.threads import usable_cpus

# First word of each generator's seed, so that no two uses share random numbers.
EPOCH_STREAM, SAMPLE_STREAM, REPLACEMENT_STREAM = range(3)


class ImageOrder:
    """The order of images: each epoch has its own permutation, set by (seed, epoch) alone."""

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self._epoch = -1
        self._permutation = np.empty(0, dtype=np.int64)

    def image(self, n: int) -> int:
        """The image of sample n. Only the last epoch asked for is kept in memory."""
        epoch, position = divmod(n, self.length)
        if epoch != self._epoch:
            rng = np.random.default_rng([EPOCH_STREAM, self.seed, epoch])
            self._permutation = rng.permutation(self.length)
            self._epoch = epoch
        return int(self._permutation[position])


class SampleStream(Sampler[list[int]]):
    """A batch sampler over global sample numbers, the same for every rank but for its slice.

    Args:
        batch_size: samples in a step, over all ranks.
        start_step: the first step to give.
        steps: how many steps to give; None never ends.
        rank: this process, from 0.
        num_processes: how many processes share each batch; must divide `batch_size`.
    """

    def __init__(
        self,
        batch_size: int,
        *,
        start_step: int = 0,
        steps: int | None = None,
        rank: int = 0,
        num_processes: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % num_processes:
            raise ValueError(
                f"batch_size {batch_size} must be a positive multiple of the number of "
                f"processes, {num_processes}"
            )
        if not 0 <= rank < num_processes:
            raise ValueError(f"rank must be from 0 to {num_processes - 1}, got {rank}")
        self.batch_size = batch_size
        self.start_step = start_step
        self.steps = steps
        self.share = batch_size // num_processes
        self.offset = rank * self.share

    def __iter__(self) -> Iterator[list[int]]:
        step = self.start_step
        while self.steps is None or step < self.start_step + self.steps:
            first = step * self.batch_size + self.offset
            yield list(range(first, first + self.share))
            step += 1

    def __len__(self) -> int:
        if self.steps is None:
            raise TypeError("a stream without an end has no length")
        return self.steps


def stream_loader(
    samples: Dataset[dict[str, Any]],
    stream: SampleStream,
    *,
    workers: int = 0,
    pin_memory: bool = False,
    prefetch: int = 4,
    forked: bool = False,
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
) -> "DataLoader[dict[str, Any]]":
    """Batches of `samples` in the order of `stream`, each a dict of stacked tensors.

    The stream deals out the ranks already: do not hand this loader to Accelerate's `prepare`.

    Args:
        workers: processes that prepare samples; 0 prepares them in this one.
        pin_memory: page-locked tensors, for copies to a GPU that do not wait.
        prefetch: batches that each worker prepares ahead.
        forked: start workers by forks where the system has them, so that they share the memory
            of this process; for samples that never touch a GPU.
        collate: makes a batch of samples; by default their tensors are stacked.
    """
    fork = forked and workers > 0 and "fork" in multiprocessing.get_all_start_methods()
    return DataLoader(
        samples,
        batch_sampler=stream,
        num_workers=workers,
        pin_memory=pin_memory,
        worker_init_fn=init_worker,
        prefetch_factor=prefetch if workers else None,
        collate_fn=collate,
        multiprocessing_context="fork" if fork else None,
        # Starting a loader draws a number; not from the global generator, so that a resumed
        # run finds that one as it was.
        generator=torch.Generator(),
    )


def default_workers(device: str, processes: int = 1) -> int:
    """How many worker processes load samples for one process that trains.

    Args:
        device: Type of the device. On "cpu" two workers keep up with the network, which needs the
            processors. Beside a GPU all processors but the trainer's own load, up to sixteen.
        processes: How many train on this machine.
    """
    if device == "cpu":
        return 2
    return max(2, min(16, usable_cpus() // processes - 1))


def init_worker(worker: int) -> None:
    """Keep OpenCV to one thread: there is a worker process for each core already.

    The terminal sends Ctrl-C to its whole group of processes. A worker leaves the group, or it
    would be gone before the trainer has finished its step and saved.
    """
    cv2.setNumThreads(0)
    if hasattr(os, "setpgrp"):
        os.setpgrp()

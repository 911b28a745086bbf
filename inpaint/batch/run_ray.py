"""The Ray engine: the same work, by the machines of a Ray cluster."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import ray
import ray.data
import torch
from ray.exceptions import RayError

from inpaint.batch import files
from inpaint.batch.cluster import check_reachable
from inpaint.batch.records import Record, Settings, Task
from inpaint.batch.run import run_local
from inpaint.checkpoints.onnx import OnnxNetwork
from inpaint.inference.inpainter import Inpainter
from inpaint.utils.devices import parse_device

TASKS_PER_BLOCK = 16  # done again when an actor dies, and reported together
MOST_BLOCKS = 10_000  # the driver keeps track of each; above, blocks get larger
RETRIES = 3  # of a block, so that an image that kills its actor does not do so for ever
LOST = "the worker failed or died each time it had this picture in its hands; see Ray's logs"


def run_ray(
    tasks: list[Task],
    inpainter: Inpainter,
    settings: Settings,
    *,
    address: str | None = None,
    actors: int | None = None,
    device: str | None = None,
) -> Iterator[Record]:
    """Records of all tasks as their blocks get ready; what `run_local` does, on a cluster.

    Rows of paths are streamed to actors that hold the network; images never pass through the
    driver, so every machine must reach the paths (a shared disk, or s3:// and the like). What an
    actor that dies had in its hands is done again. An inpainter on a CPU takes one actor a core,
    one on a GPU takes one a GPU. `address`: of the cluster; None starts one on this machine.
    `device`: of the workers, which may have a GPU where the driver has none; None is the
    inpainter's.

    Raises RuntimeError if the cluster fails or lacks such devices, ConnectionError if there is none
    at `address`, and ValueError for another device than a network can be computed on.
    """
    place = inpainter.device if device is None else parse_device(device)
    if isinstance(inpainter.network, OnnxNetwork) and place.type != "cpu":
        raise ValueError(f"ONNX runs on the CPU here, got device {device!r}")
    if not ray.is_initialized():
        check_reachable(address)
    return _run(tasks, inpainter, settings, place, address=address, actors=actors)


def _run(
    tasks: list[Task],
    inpainter: Inpainter,
    settings: Settings,
    place: torch.device,
    *,
    address: str | None,
    actors: int | None,
) -> Iterator[Record]:
    with _cluster(address):
        gpu = place.type == "cuda"
        resource = "GPU" if gpu else "CPU"
        if actors is None:
            actors = int(ray.cluster_resources().get(resource, 0))
        if actors < 1:
            raise RuntimeError(f"the cluster has no {resource}")
        rows = _dataset(tasks).map_batches(
            Worker,
            batch_size=None,
            fn_constructor_args=(ray.put(inpainter.on("cpu")), str(place), settings),
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_gpus=1 if gpu else 0,
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=RETRIES,
        )
        try:
            yield from _records(rows, tasks)
        except RayError as error:
            raise RuntimeError(f"the Ray cluster failed: {error}") from error


class Worker:
    """An actor: its network, and threads that read and write while it is busy."""

    def __init__(self, inpainter: Any, device: str, settings: Settings) -> None:
        on_cpu: Inpainter = ray.get(inpainter)
        torch.set_num_threads(1)  # an actor has one core
        self.inpainter = on_cpu.on(device)
        self.settings = settings

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """The numbers and records of a block's tasks; both are columns of a table."""
        numbers = {}
        for number, text in zip(batch["number"], batch["task"], strict=True):
            numbers[Task(**json.loads(text))] = int(number)
        records = list(run_local(list(numbers), self.inpainter, self.settings, slots=1))
        by_output = {task.output: number for task, number in numbers.items()}
        return {
            "number": [by_output[str(record.output)] for record in records],
            "record": [json.dumps(asdict(record)) for record in records],
        }


def _dataset(tasks: list[Task]) -> Any:
    """Numbers and tasks as rows. JSON: Arrow's text cannot hold names that are not UTF-8."""
    texts = (json.dumps(asdict(_from_anywhere(task))) for task in tasks)
    table = pa.table({"number": range(len(tasks)), "task": pa.array(texts, pa.string())})
    blocks = min(MOST_BLOCKS, math.ceil(len(tasks) / TASKS_PER_BLOCK))
    data = ray.data.from_arrow(table, override_num_blocks=blocks)
    data.context.enable_progress_bars = False
    data.context.max_errored_blocks = -1  # their images are reported as lost
    return data


def _records(rows: Any, tasks: list[Task]) -> Iterator[Record]:
    missing = set(range(len(tasks)))
    for row in rows.iter_rows():
        number, values = int(row["number"]), json.loads(row["record"])
        missing.discard(number)
        task = tasks[number]
        paths = {"image": task.image, "mask": task.mask, "output": task.output}
        yield Record(**{**values, **paths, "notes": tuple(values["notes"])})
    for number in sorted(missing):
        task = tasks[number]
        yield Record(task.image, "failed", task.mask, task.output, message=LOST)


def _from_anywhere(task: Task) -> Task:
    """The task with paths that do not depend on the working folder."""
    names = ("image", "mask", "output", "exclude", "mask_output", "root", "mask_root")
    paths = {name: getattr(task, name) for name in names}
    return replace(task, **{name: path and files.absolute(path) for name, path in paths.items()})


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Ray, started or joined unless the caller has done so."""
    if ray.is_initialized():
        yield
        return
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except SystemExit as error:  # something listens there, and it is no Ray
        raise ConnectionError(f"no Ray cluster answers at {address}") from error
    try:
        yield
    finally:
        ray.shutdown()

"""What `inpaint fill` does with its options."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from tqdm import tqdm

from inpaint.batch import files
from inpaint.batch.plan import Plan, make_plan
from inpaint.batch.records import DETECTED, Record, Settings, Task
from inpaint.batch.report import printable
from inpaint.batch.request import Request, Shard
from inpaint.batch.run import run_local, run_single
from inpaint.checkpoints.weights import find_weights, load_detector
from inpaint.cli.bars import Bar, verbosity_of
from inpaint.cli.detection import classes_of
from inpaint.cli.runs import follow, image_memory, max_pixels, report_path
from inpaint.cli.streams import Streams, streamed
from inpaint.detect.settings import DEFAULT_GROW, DetectSettings
from inpaint.inference.inpainter import Inpainter
from inpaint.inference.style import Style, style_of_detail
from inpaint.utils.extras import install


def run_fill(arguments: argparse.Namespace) -> int:
    """Plan, fill, report; returns the exit code 0 or 1. Raises for bad usage before writing."""
    with streamed(arguments) as streams:
        return _run(arguments, streams)


def _run(arguments: argparse.Namespace, streams: Streams) -> int:
    mask, detect = _mask(arguments)
    request = Request(
        inputs=tuple(arguments.inputs),
        mask=mask,
        output=arguments.output,
        mask_suffix=arguments.mask_suffix,
        format=None if arguments.format == "keep" else arguments.format,
        skip_existing=arguments.skip_existing,
        overwrite=arguments.overwrite,
        skip_unmasked=arguments.skip_unmasked,
        limit=arguments.limit,
        exclude=arguments.exclude,
        keep_masks=arguments.keep_masks,
        allow_outside=arguments.allow_outside,
        suffix=arguments.suffix,
        shard=None if arguments.shard is None else Shard.of(arguments.shard),
    )
    report = report_path(arguments.report, request)
    settings = Settings(
        invert=arguments.invert,
        grow=arguments.grow or 0,
        quality=arguments.quality,
        all_frames=arguments.frames == "all",
        strict=arguments.strict,
        max_pixels=max_pixels(arguments.max_megapixels),
        detect=detect,
    )
    plan = make_plan(request)
    if arguments.dry_run:
        _print_manifest(plan)
        return 0
    verbosity = verbosity_of(arguments)
    bar = None if request.single else Bar(len(plan.tasks), quiet=verbosity == "quiet")
    records = _start(plan.tasks, settings, arguments, bar)
    if streams.names:
        records = map(streams.named, records)
    return follow(records, plan, request, report, bar=bar, verbosity=verbosity)


def _mask(arguments: argparse.Namespace) -> tuple[str | None, DetectSettings]:
    """What the masks are, and how damage is found. Raises ValueError."""
    settings = DetectSettings(
        sensitivity=arguments.sensitivity,
        limit=arguments.limit_share,
        weights=arguments.detector,
        grow=DEFAULT_GROW if arguments.grow is None else max(0, arguments.grow),
    )
    if arguments.keep_masks is not None and arguments.frames == "all":
        raise ValueError("choose one of --keep-masks and --frames all")
    if arguments.detect is None:
        if arguments.keep_masks is not None:
            raise ValueError("--keep-masks needs --detect")
        return arguments.mask, settings
    if arguments.mask is not None:
        raise ValueError("choose one of --mask and --detect")
    return DETECTED, replace(settings, classes=classes_of(arguments.detect))


def _print_manifest(plan: Plan) -> None:
    for task in plan.tasks:
        paths = {"image": task.image, "mask": task.mask, "output": task.output}
        if task.exclude is not None:
            paths["exclude"] = task.exclude
        row = {key: files.absolute(path) for key, path in paths.items()}
        print(json.dumps(row))
    for record in plan.settled:
        print(f"{record.status}: {printable(record.image)}: {record.message}", file=sys.stderr)


def _start(
    tasks: list[Task], settings: Settings, arguments: argparse.Namespace, bar: Bar | None
) -> Iterator[Record]:
    """The engine at work, its network loaded. Raises ValueError or FileNotFoundError.

    bar: Of many pictures; None = there is one, with a bar of its own.
    """
    if arguments.workers is not None and arguments.workers < 1:
        raise ValueError(f"--workers must be 1 or more, got {arguments.workers}")
    max_memory = image_memory(arguments.max_memory)
    if max_memory is not None and arguments.engine == "ray":
        raise ValueError("--max-memory is of this machine; with Ray, --workers limits the memory")
    if not tasks:
        return iter(())
    if any(task.mask == DETECTED for task in tasks):
        load_detector(find_weights(settings.detect.weights))  # raises here, not for each image
    ray = arguments.engine == "ray"
    inpainter = Inpainter.load(
        arguments.weights,
        # Ray's workers may have the GPU that this machine has not.
        device="cpu" if ray and arguments.device else arguments.device,
        style=_style(arguments),
        seed=arguments.seed,
    )
    if ray:
        return _ray_engine()(
            tasks,
            inpainter,
            settings,
            address=arguments.address,
            actors=arguments.workers,
            device=arguments.device,
        )
    if bar is None:
        return _follow_one(tasks[0], inpainter, settings, max_memory, quiet=arguments.quiet)
    return run_local(
        tasks,
        inpainter,
        settings,
        workers=arguments.workers,
        max_memory=max_memory,
        on_progress=bar.move,
    )


def _style(arguments: argparse.Namespace) -> Style:
    style: Style = arguments.style
    if arguments.detail is None:
        return style
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        style = style_of_detail(arguments.detail)
    for warning in caught:
        print(f"inpaint fill: {warning.message}", file=sys.stderr)
    return style


def _follow_one(
    task: Task,
    inpainter: Inpainter,
    settings: Settings,
    max_memory: int | None,
    *,
    quiet: bool,
) -> Iterator[Record]:
    """The engine for one image, with a bar on a terminal if it takes longer than a second."""
    show = sys.stderr.isatty() and not quiet
    form = "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, delay=1.0, leave=False, disable=not show, bar_format=form) as bar:
        yield from run_single(
            task,
            inpainter,
            settings,
            on_progress=lambda share: bar.update(share - bar.n),
            max_memory=max_memory,
        )


def _ray_engine() -> Callable[..., Iterator[Record]]:
    """Imported only when asked for: Ray is an extra, and takes seconds to import."""
    try:
        from inpaint.batch.run_ray import run_ray
    except ImportError as error:
        raise ValueError(f"--engine ray needs {install('ray')} ({error})") from error
    return run_ray

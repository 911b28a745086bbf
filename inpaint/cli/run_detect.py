"""What `inpaint detect` does with its options."""

from __future__ import annotations

import argparse
import sys

import cv2
import numpy as np

from inpaint.batch import files
from inpaint.batch.detection import write_mask
from inpaint.batch.find import Found, find_images
from inpaint.batch.plan import make_plan
from inpaint.batch.records import DETECTED
from inpaint.batch.request import Request, Shard
from inpaint.batch.run import run_marker
from inpaint.cli.bars import Bar, verbosity_of
from inpaint.cli.detection import classes_of
from inpaint.cli.runs import follow, max_pixels, report_path
from inpaint.cli.streams import STREAM, Streams, streamed
from inpaint.detect.detector import DamageDetector
from inpaint.detect.repeated import corner_overlays, placed, repeated_overlay
from inpaint.detect.settings import DetectSettings
from inpaint.images import read_image
from inpaint.masks.read import grow_hole

MOST_SEEN = 60  # images from which an overlay is found
MOST_PIXELS = 400_000_000  # of all of them, 0.4 GB; fewer images of large ones are looked at


def run_detect(arguments: argparse.Namespace) -> int:
    """Write a mask for every picture, and the report; returns the exit code 0 or 1."""
    with streamed(arguments) as streams:
        return _run(arguments, streams)


def _run(arguments: argparse.Namespace, streams: Streams) -> int:
    settings = DetectSettings(
        classes=classes_of(arguments.classes),
        sensitivity=arguments.sensitivity,
        grow=arguments.grow,
        limit=arguments.limit_share,
        weights=arguments.detector,
    )
    request = _request(arguments)
    report = report_path(arguments.report, request)
    limit = max_pixels(arguments.max_megapixels)
    plan = make_plan(request)
    detector = DamageDetector.load(settings.weights, device=arguments.device)
    verbosity = verbosity_of(arguments)
    bar = None if request.single else Bar(len(plan.tasks), quiet=verbosity == "quiet")
    records = run_marker(plan.tasks, detector, settings, max_pixels=limit, strict=arguments.strict)
    if streams.names:
        records = map(streams.named, records)
    return follow(records, plan, request, report, bar=bar, verbosity=verbosity)


def run_repeated(arguments: argparse.Namespace) -> int:
    """Write the mask of what repeats: one for all, or one for each picture into a folder."""
    if STREAM in (*arguments.inputs, arguments.output):
        raise ValueError(f"--repeated takes paths of pictures and masks, not {STREAM}")
    if arguments.output.lower().endswith(".png"):
        return _repeated_in_one_size(arguments)
    plan = make_plan(_request(arguments))
    if not plan.tasks:
        print("no picture is left to look at", file=sys.stderr)
        return 0
    limit = max_pixels(arguments.max_megapixels)
    images = _sampled([task.image for task in plan.tasks], limit)
    corners, mask = {}, np.zeros(images[0].shape, bool)
    if len({image.shape for image in images}) == 1:
        mask = repeated_overlay(images)
    else:
        corners = corner_overlays(images)
        mask = placed(corners, images[0].shape)
    print(_found(mask), file=sys.stderr)
    for task in plan.tasks:
        size = _size(task.image, limit)
        here = mask if size == mask.shape else placed(corners, size)
        write_mask(grow_hole(here, arguments.grow), task.output, root=task.root)
    return 0


def _repeated_in_one_size(arguments: argparse.Namespace) -> int:
    """Write one mask for all. Raises ValueError for pictures of several sizes."""
    found = [item.image for item in find_images(arguments.inputs) if isinstance(item, Found)]
    images = _sampled(found[: arguments.limit], max_pixels(arguments.max_megapixels))
    sizes = {image.shape for image in images}
    if len(sizes) > 1:
        raise ValueError(
            f"the pictures have {len(sizes)} sizes, which one mask cannot fit; give a folder"
        )
    if files.exists(arguments.output) and not arguments.overwrite:
        raise ValueError(f"{arguments.output} exists; choose --overwrite")
    mask = repeated_overlay(images)
    print(_found(mask), file=sys.stderr)
    write_mask(grow_hole(mask, arguments.grow), arguments.output)
    return 0


def _request(arguments: argparse.Namespace) -> Request:
    return Request(
        inputs=tuple(arguments.inputs),
        mask=DETECTED,
        output=arguments.output,
        format="png",
        skip_existing=arguments.skip_existing,
        overwrite=arguments.overwrite,
        limit=arguments.limit,
        allow_outside=arguments.allow_outside,
        shard=None if arguments.shard is None else Shard.of(arguments.shard),
    )


def _sampled(paths: list[str], max_pixels: int) -> list[np.ndarray]:
    """Gray images, (H, W) uint8, at even distances through the list."""
    images: list[np.ndarray] = []
    pixels = 0
    count = min(MOST_SEEN, len(paths))
    for number in range(count):
        with files.fetched(paths[number * len(paths) // count]) as local:
            data = read_image(local, max_pixels=max_pixels).pixels
        if data.dtype == np.uint16:
            data = (data >> 8).astype(np.uint8)
        images.append(data if data.ndim == 2 else cv2.cvtColor(data, cv2.COLOR_RGB2GRAY))
        pixels += images[-1].size
        if pixels > MOST_PIXELS:
            break
    return images


def _size(path: str, max_pixels: int) -> tuple[int, int]:
    with files.fetched(path) as local:
        return read_image(local, max_pixels=max_pixels).size


def _found(mask: np.ndarray) -> str:
    if not mask.any():
        return "nothing repeats in these pictures"
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        f"what repeats: {100 * mask.mean():.2g} % of the picture, rows {rows[0]} to {rows[-1]}, "
        f"columns {columns[0]} to {columns[-1]}"
    )

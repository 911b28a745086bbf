"""The tab for many photos."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from inpaint.app.batch import BatchOptions, fill_batch
from inpaint.app.handlers import Limits
from inpaint.app.previews import written_formats
from inpaint.app.requests import CancelRequest, read_request
from inpaint.app.uploads import UploadedFile, telling
from inpaint.app.visitors import Visitors
from inpaint.inference.style import Style
from inpaint.serving.models import Models

EXPLANATION = """
Drop photos, or a zip of them. As the mask, drop one for all photos, or one for each of the same
name (`beach.jpg`, `beach.png`). A zip may hold both, with the masks in a folder `masks`.
White in a mask means fill.
"""
LEAST_SHARE = 0.02  # of a batch that is done before the time left is estimated
IMAGES_AND_ZIPS = ["image", ".zip"]


def add_batch_tab(models: Models, limits: Limits, visitors: Visitors) -> None:
    """Adds the parts of the tab that is being built, and what its buttons do.

    visitors: tell when a page was closed or a batch cancelled, which ends the batch.
    """
    gr.Markdown(EXPLANATION, elem_id="explanation")
    with gr.Row():
        files = [_files(label, height=220) for label in ("Photos", "Masks")]
    options = _add_options()
    with gr.Row():
        button = gr.Button("Fill all", variant="primary", size="lg", elem_id="fill_all_files")
        cancel = gr.Button("Cancel", size="lg", visible=False, elem_id="cancel_all_files")
    status = gr.Markdown(visible=False, min_height=100, elem_id="batch_status")
    job = gr.Textbox(visible=False)
    results = _add_results()

    def running(now: bool) -> Callable[[], tuple[Any, ...]]:
        """A handler that names the next job, and shows what a batch needs while it runs."""
        start, rest = gr.update(interactive=not now), gr.update(visible=now)
        return lambda: (secrets.token_hex(16), start, rest, rest)

    def stop(job: str) -> None:
        visitors.cancel(read_request(CancelRequest, {"job": job}).job)

    shown = [job, button, cancel, status]
    private: dict[str, Any] = {"api_visibility": "private"}
    quiet: dict[str, Any] = {**private, "show_progress": "hidden"}
    begun = button.click(running(True), None, shown, **quiet)
    ended = begun.then(
        telling(_runner(models, limits, visitors)),
        [*files, *options, job],
        results,
        concurrency_limit=1,
        concurrency_id="batch",
        show_progress_on=[status],
        **private,
    )
    for after in (ended.success, ended.failure):  # `then` does not follow an error
        after(running(False), None, shown, **quiet)
    cancel.click(telling(stop), job, **quiet)


def _add_options() -> list[Component]:
    """The options, in the order in which `_runner` takes them."""
    with gr.Accordion("Options", open=False, elem_id="batch_options"):
        with gr.Row():
            style = gr.Radio(["natural", "faithful", "plain"], value="natural", label="Style")
            grow = gr.Slider(-50, 50, 0, step=1, label="Grow", info="Pixels; below 0 shrinks")
            seed = gr.Number(0, minimum=0, maximum=2**31, precision=0, label="Seed")
        with gr.Row():
            format = gr.Dropdown(
                [("as the photo", ""), *((name, name) for name in written_formats())],
                value="",
                label="Format",
            )
            quality = gr.Slider(0, 100, 0, step=1, label="Quality", info="0: as the photo")
            with gr.Column():
                invert = gr.Checkbox(label="White in a mask means keep")
                skip = gr.Checkbox(label="Leave out photos without a mask")
        exclude = _files("Do not copy from", height=140)
    return [exclude, style, grow, seed, format, quality, invert, skip]


def _add_results() -> list[Block]:
    """What shows a batch, in the order in which `_runner` gives it; hidden at first."""
    with gr.Column(visible=False, elem_id="batch_result") as result:
        sums = gr.Markdown()
        download = gr.DownloadButton("Download all", elem_id="batch_download")
        pictures = gr.Gallery(
            label="Results",
            columns=5,
            height=300,
            object_fit="contain",
            interactive=False,
            elem_id="batch_pictures",
        )
        table = gr.Dataframe(
            headers=["Photo", "Result", "Remarks"],
            column_widths=["35%", "15%", "50%"],
            interactive=False,
            wrap=True,
            show_label=False,
            elem_id="batch_report",
        )
    return [result, sums, download, pictures, table]


def _runner(models: Models, limits: Limits, visitors: Visitors) -> Callable[..., tuple[Any, ...]]:
    """The handler that fills a batch."""

    def run(
        photos: list[str] | None,
        masks: list[str] | None,
        exclude: list[str] | None,
        style: Style,
        grow: float,
        seed: float,
        format: str,
        quality: float,
        invert: bool,
        skip: bool,
        job: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        options = BatchOptions(
            grow=round(grow),
            invert=invert,
            skip_unmasked=skip,
            style=style,
            seed=round(seed),
            format=format,
            quality=round(quality),
        )
        filled = fill_batch(
            photos or [],
            masks or [],
            models,
            limits,
            exclude=exclude or [],
            options=options,
            report=_reporting(visitors, (request.session_hash or "", job), progress),
        )
        small = [(str(path), name) for path, name in filled.pictures]
        archive = gr.update(value=str(filled.archive))
        return gr.update(visible=True), filled.text, archive, small, filled.rows

    return run


def _reporting(
    visitors: Visitors, names: tuple[str, ...], progress: gr.Progress
) -> Callable[[float, int], None]:
    """A report of how many photos are done that ends the batch as Visitors.watching does."""
    watch, started = visitors.watching(names, lambda share: None), time.monotonic()

    def report(done: float, total: int) -> None:
        share = done / max(1, total)
        watch(share)
        left = time_left(time.monotonic() - started, share)
        progress(share, desc=f"Photo {min(int(done) + 1, total)} of {total}{left}")

    return report


def time_left(spent: float, share: float) -> str:
    """The end of a progress line: the time left, rounded up; "" while too little is done.

    Args:
        spent: Since the start, seconds.
        share: That is done, 0 to 1.
    """
    if share < LEAST_SHARE:
        return ""
    seconds = math.ceil(spent * (1 - share) / share)
    left = f"{seconds} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"
    return f", about {left} left"


def _files(label: str, *, height: int) -> UploadedFile:
    name = label.lower().replace(" ", "_")
    return UploadedFile(
        label=label,
        file_count="multiple",
        file_types=IMAGES_AND_ZIPS,
        height=height,
        elem_id=f"batch_{name}",
    )

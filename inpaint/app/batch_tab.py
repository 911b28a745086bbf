"""The tab for many photos."""

from __future__ import annotations

from typing import Any

import gradio as gr

from inpaint.app.batch import fill_batch
from inpaint.app.handlers import Limits
from inpaint.app.models import Models
from inpaint.app.uploads import UploadedFile, telling

EXPLANATION = """
Drop photos, or a zip of them. As the mask, drop one for all photos, or one for each of the same
name (`beach.jpg`, `beach.png`). A zip may hold both, with the masks in a folder `masks`.
White in a mask means fill.
"""
IMAGES_AND_ZIPS = ["image", ".zip"]


def add_batch_tab(models: Models, limits: Limits) -> None:
    """Adds the parts of the tab that is being built, and what its button does."""
    gr.Markdown(EXPLANATION, elem_id="explanation")
    with gr.Row():
        photos, masks = (
            UploadedFile(
                label=label,
                file_count="multiple",
                file_types=IMAGES_AND_ZIPS,
                height=220,
                elem_id=f"batch_{label.lower()}",
            )
            for label in ("Photos", "Masks")
        )
    grow = gr.Slider(-50, 50, 0, step=1, label="Grow", info="Pixels; below 0 shrinks")
    button = gr.Button("Fill all", variant="primary", size="lg", elem_id="fill_all")
    with gr.Column(visible=False, elem_id="batch_result") as result:
        sums = gr.Markdown()
        download = gr.DownloadButton("Download all", elem_id="batch_download")
        table = gr.Dataframe(
            headers=["Photo", "Result", "Remarks"],
            column_widths=["35%", "15%", "50%"],
            interactive=False,
            wrap=True,
            show_label=False,
            elem_id="batch_report",
        )

    @telling
    def run(
        photos: list[str] | None,
        masks: list[str] | None,
        grow: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        filled = fill_batch(
            photos or [],
            masks or [],
            models,
            limits,
            grow=round(grow),
            report=lambda done, total: progress((done, total), desc="Filling", unit="photos"),
        )
        shown = gr.update(visible=True)
        return shown, filled.text, gr.update(value=str(filled.archive)), filled.rows

    button.click(
        run,
        [photos, masks, grow],
        [result, sums, download, table],
        concurrency_limit=1,
        concurrency_id="batch",
        show_progress_on=[grow],
        api_visibility="private",
    )

"""The page: the editor for one photo, the tab for many, and the endpoint for programs."""

from __future__ import annotations

import gradio as gr

from inpaint.app.batch_tab import add_batch_tab
from inpaint.app.calls import add_calls
from inpaint.app.editor import editor_html
from inpaint.app.endpoint import PageWithDefaults, add_endpoint
from inpaint.app.examples import find_examples
from inpaint.app.handlers import Handlers, Limits, Selector
from inpaint.selection import select_object
from inpaint.serving.models import Models

CACHE_SECONDS = (1800, 6 * 3600)  # how often old files are looked for, and when a file is old


def build_page(
    models: Models, limits: Limits, *, concurrency: int = 1, select: Selector = select_object
) -> gr.Blocks:
    """The whole page. concurrency: fills at once, over all visitors. select: finds outlines."""
    handlers = Handlers(models, limits, find_examples(), select_object=select)
    with PageWithDefaults(
        title="Inpaint", analytics_enabled=False, delete_cache=CACHE_SECONDS, fill_width=True
    ) as page:
        gr.Markdown("# Inpaint", elem_id="title")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("One photo"):
                gr.HTML(
                    editor_html(models, limits, handlers.examples),
                    js_on_load=None,
                    apply_default_css=False,
                    elem_id="editor",
                )
            with gr.Tab("Many photos"), gr.Column(elem_id="batch"):
                add_batch_tab(models, limits, handlers.visitors)
        add_calls(handlers, concurrency=concurrency)
        add_endpoint(models, limits, concurrency=concurrency)
        page.unload(handlers.visitors.leave)
    return page

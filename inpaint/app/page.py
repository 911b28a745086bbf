"""The page: its parts, and which button calls what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from inpaint.app.batch_tab import add_batch_tab
from inpaint.app.endpoint import PageWithDefaults, add_endpoint
from inpaint.app.examples import find_examples
from inpaint.app.handlers import BRUSH_COLOUR, BRUSH_OPACITY, Answer, Handlers, Limits
from inpaint.app.models import Models
from inpaint.app.theme import SAVE_FILE, SHOW_RESULT
from inpaint.app.uploads import HoleEditor, UploadedByButton, UploadedFile, telling
from inpaint.app.visitors import Visitors
from inpaint.inference.style import DEFAULT_STYLE

CACHE_SECONDS = (1800, 6 * 3600)  # how often old files are looked for, and when a file is old
SESSION_SECONDS = 6 * 3600

Parts = dict[str, Any]

# Reading a large photo takes a second and 0.2 GB, so what does that has a queue of its own.
WITHOUT_FILL = {"api_visibility": "private", "concurrency_id": "photo", "concurrency_limit": 2}


def build_page(models: Models, limits: Limits, *, concurrency: int = 1) -> gr.Blocks:
    """The whole page. concurrency: fills at once, over all visitors."""
    handlers, visitors = Handlers(models, limits), Visitors()
    with PageWithDefaults(
        title="Inpaint", analytics_enabled=False, delete_cache=CACHE_SECONDS
    ) as page:
        gr.Markdown(
            "# Inpaint\nBrush over what should go. All else stays exactly as it is.",
            elem_id="title",
        )
        with gr.Tabs():
            with gr.Tab("One photo"):
                parts = _photo_parts(models)
                _wire(parts, handlers, concurrency, visitors)
            with gr.Tab("Many photos"):
                add_batch_tab(models, limits)
        add_endpoint(models, limits, concurrency=concurrency)
        page.unload(visitors.leave)
    return page


def _photo_parts(models: Models) -> Parts:
    parts: Parts = {"session": gr.State(None, time_to_live=SESSION_SECONDS)}
    with gr.Column() as parts["start"]:
        parts["photo"] = UploadedFile(
            label="Photo", file_types=["image"], elem_id="photo", height="min(46vh, 380px)"
        )
        examples = find_examples()
        if examples:
            parts["examples"] = gr.Dataset(
                components=[gr.Image(visible=False)],
                samples=[[str(photo)] for photo, _ in examples],
                label="Or try one of these",
                type="index",
                elem_id="examples",
            )
    with gr.Column(visible=False) as parts["work"], gr.Row(elem_id="work_row"):
        with gr.Column(min_width=300):
            _editor_parts(parts, models)
        with gr.Column(min_width=300):
            _result_parts(parts)
    return parts


def _editor_parts(parts: Parts, models: Models) -> None:
    parts["about"] = gr.Markdown(elem_id="about")
    colour = f"rgb{BRUSH_COLOUR}"
    parts["editor"] = HoleEditor(
        sources=(),
        format="png",
        transforms=(),
        layers=False,
        brush=gr.Brush(
            colors=[(colour, BRUSH_OPACITY)],
            default_color=(colour, BRUSH_OPACITY),
            color_mode="fixed",
        ),
        show_label=False,
        buttons=[],
        elem_id="editor",
    )
    parts["fill"] = gr.Button("Fill", variant="primary", size="lg", elem_id="fill")
    with gr.Row():
        parts["clear"] = gr.Button("Clear", elem_id="clear", size="md", min_width=80)
        parts["back"] = gr.Button(
            "Step back", elem_id="back", interactive=False, size="md", min_width=80
        )
        parts["close"] = gr.Button("New photo", elem_id="close", size="md", min_width=80)
    parts["style"] = gr.Radio(
        [("Natural", "natural"), ("Faithful", "faithful")],
        value=DEFAULT_STYLE,
        label="Style",
        info="Natural looks real; faithful invents nothing, and is softer",
        elem_id="style",
    )
    with gr.Accordion("Mask and edges", open=False, elem_id="more"):
        parts["grow"] = gr.Slider(
            -50, 50, 0, step=1, label="Grow", info="Pixels; below 0 shrinks", elem_id="grow"
        )
        parts["soft"] = gr.Slider(
            0, 50, 0, step=1, label="Soft edge", info="Pixels, inside the mark", elem_id="soft"
        )
        with gr.Row():
            parts["mask_file"] = UploadedByButton(
                "Open mask", file_types=["image"], elem_id="mask_file", size="md", min_width=80
            )
            parts["save_mask"] = gr.Button(
                "Save mask", elem_id="save_mask", size="md", min_width=80
            )
            parts["invert"] = gr.Button("Invert", elem_id="invert", size="md", min_width=80)
        parts["mask_png"] = gr.DownloadButton(elem_id="mask_png")
        parts["weights"] = gr.Dropdown(
            models.names,
            value=models.default,
            label="Network",
            visible=len(models.names) > 1,
            elem_id="weights",
        )


def _result_parts(parts: Parts) -> None:
    parts["hint"] = gr.Markdown(
        "Brush over what should go, then press **Fill**.<br>The result appears here.",
        elem_id="hint",
    )
    with gr.Column(visible=False, elem_id="result") as parts["result"]:
        gr.Markdown("Before and after", elem_id="compare")
        parts["slider"] = gr.ImageSlider(
            type="filepath",
            show_label=False,
            interactive=False,
            buttons=["fullscreen"],
            elem_id="slider",
        )
        parts["download"] = gr.DownloadButton("Download", elem_id="download")
        parts["go_on"] = gr.Button("Go on from this result", elem_id="go_on")


# The parts that change: when an image is opened, when its marks are set, when it is filled. The
# editor sends all it holds each time it is named as changing, so it is named where needed only.
OPENED = ("session", "photo", "editor", "about", "start", "work", "back", "hint", "result")
MARKED = ("session", "editor")
FILLED = ("session", "slider", "download", "hint", "result")


def _wire(parts: Parts, handlers: Handlers, concurrency: int, visitors: Visitors) -> None:
    session, editor = parts["session"], parts["editor"]
    on = _Wiring(parts)
    opening = on(
        parts["photo"].upload, handlers.open_photo, [parts["photo"]], OPENED, show_progress="full"
    )
    # A file that is no photo does not stay in the way of the next one.
    opening.failure(lambda: None, None, parts["photo"], api_visibility="private")
    on(parts["close"].click, handlers.close, [], OPENED)
    on(parts["mask_file"].upload, handlers.use_mask, [session, parts["mask_file"]], MARKED)
    on(parts["invert"].click, handlers.invert, [session, editor], MARKED)
    on(parts["clear"].click, handlers.clear, [session], MARKED)
    on(parts["go_on"].click, handlers.go_on, [session], OPENED)
    on(parts["back"].click, handlers.step_back, [session], OPENED)
    examples = find_examples()
    if examples:
        show = [parts["examples"]]
        on(parts["examples"].click, lambda i: handlers.open_example(*examples[i]), show, OPENED)
    _wire_fill(on, parts, handlers, concurrency, visitors)
    parts["save_mask"].click(
        telling(lambda *inputs: str(handlers.save_mask(*inputs))),
        [session, editor, parts["grow"]],
        parts["mask_png"],
        **WITHOUT_FILL,
    ).success(None, parts["mask_png"], js=SAVE_FILE, api_visibility="private")


def _wire_fill(
    on: _Wiring, parts: Parts, handlers: Handlers, concurrency: int, visitors: Visitors
) -> None:
    def fill(*inputs: Any, progress: gr.Progress, request: gr.Request) -> Answer:
        report = visitors.watching(request, lambda share: progress(share, desc="Filling"))
        return handlers.fill(*inputs, report=report)

    on(
        parts["fill"].click,
        fill,
        [parts[name] for name in ("session", "editor", "grow", "soft", "style", "weights")],
        FILLED,
        with_progress=True,
        concurrency_limit=concurrency,
        concurrency_id="fill",
        show_progress="full",
        show_progress_on=[parts["hint"], parts["slider"]],
    ).success(None, js=SHOW_RESULT, api_visibility="private")


class _Wiring:
    """Connects events to functions that answer with new values of parts by name."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(
        self,
        event: Callable[..., Any],
        function: Callable[..., Answer],
        inputs: list[Any],
        changes: tuple[str, ...],
        *,
        with_progress: bool = False,
        **options: Any,
    ) -> Any:
        def handler(*values: Any) -> dict[Any, Any]:
            return {self._parts[name]: value for name, value in function(*values).items()}

        def reporting(
            request: gr.Request,
            *values: Any,
            progress: gr.Progress = gr.Progress(),  # noqa: B008
        ) -> dict[Any, Any]:
            answer = function(*values, progress=progress, request=request)
            return {self._parts[name]: value for name, value in answer.items()}

        options = WITHOUT_FILL | {"show_progress": "hidden"} | options
        outputs = [self._parts[name] for name in changes]
        return event(telling(reporting if with_progress else handler), inputs, outputs, **options)

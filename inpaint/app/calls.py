"""The functions that the page's own script calls, by Gradio's queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from inpaint.app.handlers import Answer, Handlers
from inpaint.app.requests import (
    CancelRequest,
    ChoiceRequest,
    DamageRequest,
    ExampleRequest,
    FillRequest,
    MaskRequest,
    SelectRequest,
    StepRequest,
    StepsRequest,
    TokenRequest,
    read_request,
)
from inpaint.app.sessions import SessionGone
from inpaint.app.uploads import UploadedFile, telling

PREFIX = "editor_"
MOST_LIGHT_CALLS = 8  # at once, of those that take no time
MOST_PHOTO_CALLS = 2  # at once, of those that read a large photo: a second and 0.2 GB each

Files = Sequence[Path]
Call = Callable[[Any, Files], Answer]


def add_calls(handlers: Handlers, *, concurrency: int) -> None:
    """Adds the calls to the page that is being built. concurrency: fills at once."""
    with gr.Row(visible=False):
        inputs = [gr.JSON(label="request"), UploadedFile(label="files", file_count="multiple")]
        outputs = [gr.JSON(label="values"), gr.File(label="files", file_count="multiple")]

    def add(name: str, function: Callable[..., Any], group: str, limit: int) -> None:
        gr.Button(visible=False).click(
            function,
            inputs,
            outputs,
            api_name=PREFIX + name,
            api_visibility="private",
            concurrency_id=group,
            concurrency_limit=limit,
        )

    for name, call in _photo_calls(handlers).items():
        add(name, telling(_answering(call)), "photo", MOST_PHOTO_CALLS)
    for name, call in _light_calls(handlers).items():
        add(name, telling(_answering(call)), "light", MOST_LIGHT_CALLS)
    for name, call in _network_calls(handlers).items():
        add(name, telling(_answering(call)), "fill", concurrency)
    add("fill", telling(_filling(handlers)), "fill", concurrency)


def _photo_calls(handlers: Handlers) -> dict[str, Call]:
    return {
        "open": lambda data, files: handlers.open(_first(files)),
        "open_example": lambda data, files: handlers.open_example(
            read_request(ExampleRequest, data)
        ),
        "resume": lambda data, files: handlers.resume(read_request(TokenRequest, data)),
        "read_mask": lambda data, files: handlers.read_mask(
            read_request(TokenRequest, data), _first(files)
        ),
        "select": lambda data, files: handlers.select(read_request(SelectRequest, data)),
        "mark_damage": lambda data, files: handlers.mark_damage(read_request(DamageRequest, data)),
        "save_mask": lambda data, files: handlers.save_mask(
            read_request(MaskRequest, data), _first(files)
        ),
        "save": lambda data, files: handlers.save(read_request(StepRequest, data)),
        "save_all": lambda data, files: handlers.save_all(read_request(StepsRequest, data)),
    }


def _network_calls(handlers: Handlers) -> dict[str, Call]:
    return {
        "find_damage": lambda data, files: handlers.find_damage(read_request(DamageRequest, data)),
    }


def _light_calls(handlers: Handlers) -> dict[str, Call]:
    return {
        "close": lambda data, files: handlers.close(read_request(TokenRequest, data)),
        "choose": lambda data, files: handlers.choose(read_request(ChoiceRequest, data)),
        "cancel": lambda data, files: handlers.cancel(read_request(CancelRequest, data)),
    }


def _answering(call: Call) -> Callable[..., Any]:
    def answer(data: Any, files: list[str] | None) -> tuple[dict[str, Any], list[str]]:
        try:
            found = call(data, [Path(file) for file in files or ()])
        except SessionGone:
            found = Answer({"gone": True})
        return found.values, [str(path) for path in found.files]

    return answer


def _filling(handlers: Handlers) -> Callable[..., Any]:
    def fill(
        data: Any,
        files: list[str] | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[dict[str, Any], list[str]]:
        def report(share: float) -> None:
            progress(share, desc="Filling")

        request = read_request(FillRequest, data)
        return _answering(lambda _, paths: handlers.fill(request, paths, report))(data, files)

    return fill


def _first(files: Files) -> Path | None:
    return files[0] if files else None

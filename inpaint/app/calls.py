"""The functions that the page's own script calls, by Gradio's queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from inpaint.app.handlers import Answer, Handlers, Report
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
_LARGE = "_large"  # ends the names of calls that keep no smaller photo waiting
MOST_LIGHT_CALLS = 8  # at once, of those that take no time
MOST_PHOTO_CALLS = 2  # at once, of those that read a large photo: a second and 0.2 GB each

T = TypeVar("T")

Files = Sequence[Path]
Call = Callable[[Any, Files], Answer]


def add_calls(handlers: Handlers, *, concurrency: int) -> None:
    """Adds the calls to the page that is being built.

    concurrency: fills at once, of large photos and as many of others, see `Models`.
    """
    with gr.Row(visible=False):
        inputs = [gr.JSON(label="request"), UploadedFile(label="files", file_count="multiple")]
        outputs = [gr.JSON(label="values"), gr.File(label="files", file_count="multiple")]

    def add(name: str, function: Callable[..., Any], group: str, limit: int) -> None:
        gr.Button(visible=False).click(
            telling(function),
            inputs,
            outputs,
            api_name=PREFIX + name,
            api_visibility="private",
            concurrency_id=group,
            concurrency_limit=limit,
        )

    groups = (
        (_photo_calls(handlers), "photo", MOST_PHOTO_CALLS),
        (_light_calls(handlers), "light", MOST_LIGHT_CALLS),
    )
    for calls, group, limit in groups:
        for name, call in calls.items():
            add(name, _answering(call), group, limit)
    find_damage = _ignoring_files(handlers.find_damage)
    for end in ("", _LARGE):  # the script takes the second for a photo that is large
        add("fill" + end, _reporting(FillRequest, handlers.fill), "fill" + end, concurrency)
        add("find_damage" + end, _reporting(DamageRequest, find_damage), "fill" + end, concurrency)
    save_all = _reporting(StepsRequest, _ignoring_files(handlers.save_all))
    add("save_all", save_all, "photo", MOST_PHOTO_CALLS)


def _photo_calls(handlers: Handlers) -> dict[str, Call]:
    return {
        "open": lambda data, files: handlers.open(_first(files)),
        "open_example": _without_files(ExampleRequest, handlers.open_example),
        "resume": _without_files(TokenRequest, handlers.resume),
        "read_mask": _with_file(TokenRequest, handlers.read_mask),
        "select": _without_files(SelectRequest, handlers.select),
        "mark_damage": _without_files(DamageRequest, handlers.mark_damage),
        "save_mask": _with_file(MaskRequest, handlers.save_mask),
        "save": _without_files(StepRequest, handlers.save),
    }


def _light_calls(handlers: Handlers) -> dict[str, Call]:
    return {
        "close": _without_files(TokenRequest, handlers.close),
        "choose": _without_files(ChoiceRequest, handlers.choose),
        "cancel": _without_files(CancelRequest, handlers.cancel),
    }


def _without_files(kind: type[T], handler: Callable[[T], Answer]) -> Call:
    """The call of a handler that takes a request of one kind."""
    return lambda data, files: handler(read_request(kind, data))


def _with_file(kind: type[T], handler: Callable[[T, Path | None], Answer]) -> Call:
    """The call of a handler that takes a request of one kind and a file."""
    return lambda data, files: handler(read_request(kind, data), _first(files))


def _answering(call: Call) -> Callable[..., Any]:
    def answer(data: Any, files: list[str] | None) -> tuple[dict[str, Any], list[str]]:
        try:
            found = call(data, [Path(file) for file in files or ()])
        except SessionGone:
            found = Answer({"gone": True})
        return found.values, [str(path) for path in found.files]

    return answer


def _ignoring_files(
    handler: Callable[[T, Report], Answer],
) -> Callable[[T, Files, Report], Answer]:
    return lambda request, files, report: handler(request, report)


def _reporting(kind: type[T], handler: Callable[[T, Files, Report], Answer]) -> Callable[..., Any]:
    """The call of a handler that takes time, and reports the share that is done."""

    def run(
        data: Any,
        files: list[str] | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[dict[str, Any], list[str]]:
        request = read_request(kind, data)
        return _answering(lambda _, paths: handler(request, paths, progress))(data, files)

    return run


def _first(files: Files) -> Path | None:
    return files[0] if files else None

"""The endpoint for programs: an image and its mask in, the filled image out."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from inpaint.app.handlers import Limits
from inpaint.app.previews import write_result
from inpaint.app.uploads import UploadedFile, telling
from inpaint.inference.style import DEFAULT_STYLE, Style, check_style, style_of_detail
from inpaint.serving.models import Models
from inpaint.serving.uploads import read_mask, read_photo

API_NAME = "inpaint"
FILES_WANTED = (
    "Each file must be uploaded first and sent as "
    '{"path": "what /upload answered", "meta": {"_type": "gradio.FileData"}}'
)


class PageWithDefaults(gr.Blocks):
    """A page whose endpoint takes calls that leave out its last inputs, as old programs do, and
    says what is wrong with the others."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *rest: Any, **options: Any
    ) -> Any:
        """As gr.Blocks.preprocess_data, with the defaults of inputs that are left out."""
        if block_fn.api_name == API_NAME:
            if len(inputs) > len(block_fn.inputs):
                names = ", ".join(block.label for block in block_fn.inputs)
                raise gr.Error(f"data must hold {names}, got {len(inputs)} values")
            missing = block_fn.inputs[len(inputs) :]
            inputs = [*map(_with_meta, inputs), *(block.value for block in missing)]
        try:
            return await super().preprocess_data(block_fn, inputs, *rest, **options)
        except gr.Error:
            raise
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            # Gradio's own messages hold paths, and reach no caller.
            raise gr.Error(FILES_WANTED, print_exception=False) from error


def _with_meta(value: Any) -> Any:
    """An input with the mark by which Gradio knows a file, which programs forget."""
    if isinstance(value, dict) and "path" in value:
        return {**value, "meta": value.get("meta") or {"_type": "gradio.FileData"}}
    return value


def _style(word: str) -> Style:
    """The style of a call; programs written before there was one send words of `detail`."""
    if word in get_args(Style):
        return check_style(word)
    with suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return style_of_detail(word)
    return check_style(word)


def add_endpoint(models: Models, limits: Limits, *, concurrency: int) -> None:
    """Adds `/inpaint` to the page that is being built."""

    @telling
    def inpaint(image: str | None, mask: str | None, style: str = DEFAULT_STYLE) -> str:
        """Fill the part of an image that a mask marks.

        The answer has the image's own format, size and metadata; pixels that are not marked
        are those of the image.

        Args:
            image: The image: JPEG, PNG, WebP, TIFF, BMP, GIF.
            mask: An image of the same aspect ratio in which white means fill.
            style: natural (what looks real), faithful (closest on average) or plain.

        Returns:
            The filled image.
        """
        if image is None or mask is None:
            raise ValueError("Both files are needed: the picture, and its mask")
        image_data = read_photo(image, max_pixels=limits.max_pixels)
        hole = read_mask(mask, size=image_data.size, max_pixels=limits.max_pixels)
        if hole.all():
            raise ValueError("The mask is all white, so nothing is left to fill from")
        if not hole.any():
            raise ValueError("The mask is all black, so it marks nothing; white means fill")
        filled = models.fill(image_data, hole, style=_style(style))
        path, _ = write_result(filled, Path(image).name)
        return str(path)

    with gr.Row(visible=False):
        image = UploadedFile(label="image")
        mask = UploadedFile(label="mask")
        style = gr.Textbox(value=DEFAULT_STYLE, label="style")
        answer = gr.File(label="filled")
        button = gr.Button()
    button.click(
        inpaint,
        [image, mask, style],
        answer,
        api_name=API_NAME,
        concurrency_limit=concurrency,
        concurrency_id="program",  # which keeps no visitor waiting in Gradio's queue
    )

"""The endpoint for programs: an image and its mask in, the filled image out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import gradio as gr

from inpaint.app.handlers import Limits
from inpaint.app.models import Models
from inpaint.app.previews import write_result
from inpaint.app.uploads import UploadedFile, read_mask, read_photo, telling
from inpaint.inference.pipeline import Detail

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
        if block_fn.api_name != API_NAME:
            return await super().preprocess_data(block_fn, inputs, *rest, **options)
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


def add_endpoint(models: Models, limits: Limits, *, concurrency: int) -> None:
    """Adds `/inpaint` to the page that is being built."""

    @telling
    def inpaint(image: str | None, mask: str | None, detail: Detail = "auto") -> str:
        """Fill the part of an image that a mask marks.

        The answer has the image's own format, size and metadata; pixels that are not marked
        are those of the image.

        Args:
            image: The image: JPEG, PNG, WebP, TIFF, BMP, GIF.
            mask: An image of the same aspect ratio in which white means fill.
            detail: Texture from the known part of the image: auto, soft, sharp or off.

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
        path, _ = write_result(models.fill(image_data, hole, detail=detail), Path(image).name)
        return str(path)

    with gr.Row(visible=False):
        image = UploadedFile(label="image")
        mask = UploadedFile(label="mask")
        detail = gr.Dropdown(list(get_args(Detail)), value="auto", label="detail")
        answer = gr.File(label="filled")
        button = gr.Button()
    button.click(
        inpaint,
        [image, mask, detail],
        answer,
        api_name=API_NAME,
        concurrency_limit=concurrency,
        concurrency_id="fill",
    )

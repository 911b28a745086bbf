"""Images read and written without losing anything the file format can hold."""

from inpaint.images.decode import decode_rgb
from inpaint.images.image_data import (
    FORMATS,
    ImageData,
    ImageError,
    JpegCoding,
    format_of,
    is_image_name,
    with_pixels,
)
from inpaint.images.pil import from_pil, to_pil
from inpaint.images.read import DEFAULT_MAX_PIXELS, read_image
from inpaint.images.write import write_image

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "ImageData",
    "ImageError",
    "JpegCoding",
    "decode_rgb",
    "format_of",
    "from_pil",
    "is_image_name",
    "read_image",
    "to_pil",
    "with_pixels",
    "write_image",
]

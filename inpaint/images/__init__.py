"""Pictures read and written without losing anything the file format can hold."""

from inpaint.images.decode import decode_rgb
from inpaint.images.picture import (
    FORMATS,
    JpegCoding,
    Picture,
    PictureError,
    format_of,
    is_image_name,
    with_pixels,
)
from inpaint.images.pil import from_pil, to_pil
from inpaint.images.read import DEFAULT_MAX_PIXELS, read_picture
from inpaint.images.write import write_picture

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "JpegCoding",
    "Picture",
    "PictureError",
    "decode_rgb",
    "format_of",
    "from_pil",
    "is_image_name",
    "read_picture",
    "to_pil",
    "with_pixels",
    "write_picture",
]

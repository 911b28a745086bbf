"""Images read and written without losing anything the file format can hold."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.images.decode import decode_rgb
    from inpaint.images.formats import (
        DEFAULT_MAX_PIXELS,
        FORMATS,
        format_of,
        is_image_name,
        unread_format_of,
    )
    from inpaint.images.image_data import ImageData, ImageError, JpegCoding, with_pixels
    from inpaint.images.pil import from_pil, to_pil
    from inpaint.images.read import read_image
    from inpaint.images.write import check_format, check_writable, encode_image, write_image

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "ImageData",
    "ImageError",
    "JpegCoding",
    "check_format",
    "check_writable",
    "decode_rgb",
    "encode_image",
    "format_of",
    "from_pil",
    "is_image_name",
    "read_image",
    "to_pil",
    "unread_format_of",
    "with_pixels",
    "write_image",
]

_MODULES = {
    "DEFAULT_MAX_PIXELS": "inpaint.images.formats",
    "FORMATS": "inpaint.images.formats",
    "ImageData": "inpaint.images.image_data",
    "ImageError": "inpaint.images.image_data",
    "JpegCoding": "inpaint.images.image_data",
    "check_format": "inpaint.images.write",
    "check_writable": "inpaint.images.write",
    "decode_rgb": "inpaint.images.decode",
    "encode_image": "inpaint.images.write",
    "format_of": "inpaint.images.formats",
    "from_pil": "inpaint.images.pil",
    "is_image_name": "inpaint.images.formats",
    "read_image": "inpaint.images.read",
    "to_pil": "inpaint.images.pil",
    "unread_format_of": "inpaint.images.formats",
    "with_pixels": "inpaint.images.image_data",
    "write_image": "inpaint.images.write",
}

__getattr__ = lazy_names(__name__, _MODULES)

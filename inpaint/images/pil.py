"""Between Pillow's images and `ImageData`: modes, orientation and metadata."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile

from inpaint.images import tiff
from inpaint.images.exif import (
    EXIF_PREFIX,
    ORIENTATION,
    settle_exif,
    settle_xmp,
    turn_upright,
)
from inpaint.images.image_data import FORMATS, ImageData, ImageError, JpegCoding

IPTC_RESOURCE = 0x0404
_BAND = 2**20  # pixels that are copied together
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


def to_pil(image_data: ImageData) -> Image.Image:
    """The image as a Pillow image in mode L, LA, RGB, RGBA or I;16, with its metadata in `info`.

    Raises ImageError for 16-bit colour or 16-bit alpha, which Pillow has no mode for.
    """
    if image_data.deep and not (image_data.gray and image_data.alpha is None):
        raise ImageError("Pillow cannot hold 16-bit colour or alpha; work on the arrays instead")
    if image_data.alpha is None:
        image = Image.fromarray(image_data.pixels)
    else:
        image = Image.fromarray(np.dstack([image_data.pixels, image_data.alpha]))
    known = {"exif": image_data.exif, "icc_profile": image_data.icc, "dpi": image_data.dpi}
    image.info.update({key: value for key, value in known.items() if value})
    return image


def from_pil(image: Image.Image) -> ImageData:
    """A Pillow image as an image, the right way up; `image` is left as it was.

    Palette images become RGB or RGBA, mode 1 becomes gray, CMYK becomes RGB with a note.
    Of 16-bit colour Pillow has kept 8 bits already: read such files by `read_image`.
    Raises ImageError for modes without a meaning in RGB or gray (F, LAB, ...).
    """
    return image_data_of(image)


def image_data_of(
    image: Image.Image, deep: tuple[np.ndarray, np.ndarray | None] | None = None
) -> ImageData:
    """`from_pil` with pixels and alpha, as stored in the file, that Pillow cannot hold itself."""
    notes = _frame_notes(image)
    name = format_name(image.format)
    orientation, turned_by_pillow, exif, xmp = _load(image)
    pixels, alpha, more_notes = (*deep, []) if deep else _arrays(image)
    if not turned_by_pillow:
        pixels = turn_upright(pixels, orientation)
        alpha = None if alpha is None else turn_upright(alpha, orientation)
    cmyk = image.mode == "CMYK"
    return ImageData(
        pixels=pixels,
        alpha=alpha,
        format=name,
        mode=image.mode,
        exif=exif,
        icc=None if cmyk else image.info.get("icc_profile") or None,
        xmp=xmp,
        iptc=_iptc(image),
        comment=_comment(image),
        dpi=_dpi(image, turned=orientation >= 5),
        palette=_palette(image),
        jpeg=None if cmyk else _jpeg_coding(image),
        lossless=name not in ("jpg", "avif", "heic"),
        compressed=image.info.get("compression") != "raw",
        frames=getattr(image, "n_frames", 1),
        notes=tuple(notes + more_notes),
    )


def _load(image: Image.Image) -> tuple[int, bool, bytes | None, bytes | None]:
    """Decode, and return the orientation, whether Pillow applied it, and settled EXIF and XMP."""
    if isinstance(image, TiffImageFile):
        orientation = int(image.tag_v2.get(ORIENTATION, 1))
        exif = tiff.descriptive_exif(image)
        image.load()
        xmp = _xmp(image)
        # Recent versions turn TIFFs, and only TIFFs, while loading, and then drop the tag.
        turned = ORIENTATION not in image.getexif()
        return orientation, turned, exif, settle_xmp(xmp)[0] if xmp else None
    image.load()
    exif, xmp = _exif(image), _xmp(image)
    by_exif = by_xmp = None
    if exif:
        exif, by_exif = settle_exif(exif)
    if xmp:
        xmp, by_xmp = settle_xmp(xmp)
    return by_exif or by_xmp or 1, False, exif, xmp


def format_name(pillow_name: str | None) -> str:
    """The key of FORMATS for Pillow's name of a format; png for what is none."""
    if pillow_name == "MPO":  # a JPEG with further images behind it
        return "jpg"
    return next((name for name, (pillow, _) in FORMATS.items() if pillow == pillow_name), "png")


def _frame_notes(image: Image.Image) -> list[str]:
    frames = getattr(image, "n_frames", 1)
    return [f"first frame of {frames} used"] if frames > 1 else []


def _arrays(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Pixels, alpha and notes of a loaded image, not turned yet."""
    mode, transparent = image.mode, image.info.get("transparency")
    if mode in ("P", "PA"):
        return (*_from_palette(image), [])
    if mode in SIXTEEN_BIT:
        pixels = np.array(image).astype(np.uint16)
        if _white_is_zero(image):
            pixels = 65535 - pixels
        return pixels, key_alpha(pixels, transparent), []
    if mode == "I":
        return _from_int32(image), None, []
    notes = []
    if mode == "CMYK":
        image, notes = _cmyk_to_rgb(image), ["CMYK converted to RGB"]
    elif image.format == "GIF" and mode == "L":  # a palette that happens to be gray
        image = image.convert("RGB" if transparent is None else "RGBA")
    elif mode in ("1", "L"):
        image = _converted(image, "L" if transparent is None else "LA")
    elif mode in ("La", "RGBa"):
        image, notes = image.convert(mode.upper()), ["premultiplied alpha converted to straight"]
    elif mode in ("RGB", "RGBX", "YCbCr", "HSV"):
        image = _converted(image, "RGB" if transparent is None else "RGBA")
    elif mode not in ("LA", "RGBA"):
        raise ImageError(f"pictures of mode {mode} are not supported; convert it to RGB or gray")
    samples = _samples(image)
    if image.mode in ("LA", "RGBA"):
        pixels = samples[..., 0] if image.mode == "LA" else samples[..., :3]
        return np.ascontiguousarray(pixels), np.ascontiguousarray(samples[..., -1]), notes
    return samples, None, notes


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """The image in a mode: itself, where Pillow would make a copy of one that has it."""
    return image if image.mode == mode else image.convert(mode)


def _samples(image: Image.Image) -> np.ndarray:
    """np.array(image), (H, W) or (H, W, C), band by band: at once it takes three copies.

    Not by crop, which applies Pillow's own limit on pixels, a global of the process.
    """
    width, height = image.size
    rows = max(1, _BAND // width)
    samples: np.ndarray | None = None
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        part = np.asarray(image.resize((width, box[3] - top), Image.Resampling.NEAREST, box=box))
        if samples is None:
            samples = np.empty((height, *part.shape[1:]), part.dtype)
        samples[top : top + rows] = part
    assert samples is not None
    return samples


def key_alpha(pixels: np.ndarray, colour: int | tuple[int, ...] | None) -> np.ndarray | None:
    """(H, W) alpha that is 0 where `pixels` have the one transparent colour of the file."""
    if colour is None:
        return None
    same = pixels == np.asarray(colour, pixels.dtype)
    same = same if pixels.ndim == 2 else same.all(-1)
    return np.where(same, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def _white_is_zero(image: Image.Image) -> bool:
    """Whether 16-bit gray is stored inverted; Pillow turns round only the 8-bit kind."""
    return isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0


def _from_int32(image: Image.Image) -> np.ndarray:
    values = np.array(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("32-bit pictures are not supported; convert it to 16 or 8 bits")
    return values.astype(np.uint16)


def _palette(image: Image.Image) -> np.ndarray | None:
    """(N, 4) uint8 RGBA, as far as the loaded image uses it; None without a palette."""
    gray = image.format == "GIF" and image.mode == "L"  # what Pillow makes of a gray palette
    if image.mode != "P" and not gray:
        return None
    table = np.zeros((256, 4), np.uint8)
    if gray:
        table[:] = [(level, level, level, 255) for level in range(256)]
    entries = np.array(image.getpalette("RGBA") or [], np.uint8).reshape(-1, 4)
    table[: len(entries)] = entries
    transparent = image.info.get("transparency")
    if isinstance(transparent, bytes):
        table[: len(transparent), 3] = list(transparent)
    elif transparent is not None:
        table[transparent, 3] = 0
    return table[: int(np.asarray(image).max()) + 1]


def _from_palette(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    if image.mode == "PA":
        samples = np.array(image.convert("RGBA"))
        return samples[..., :3].copy(), samples[..., 3].copy()
    palette = _palette(image)
    assert palette is not None
    samples = palette[np.array(image)]  # (H, W, 4)
    opaque = bool((samples[..., 3] == 255).all()) and "transparency" not in image.info
    return samples[..., :3].copy(), None if opaque else samples[..., 3].copy()


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):  # a damaged profile, or one of another kind
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _exif(image: Image.Image) -> bytes | None:
    exif = image.info.get("exif")
    if not exif and image.format is None:  # set by `image.getexif()` on an image made in memory
        exif = image.getexif().tobytes() if len(image.getexif()) else None
    return exif if exif and exif != EXIF_PREFIX else None


def _xmp(image: Image.Image) -> bytes | None:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    xmp = xmp[0] if isinstance(xmp, tuple) else xmp
    return xmp.encode() if isinstance(xmp, str) else xmp or None


def _iptc(image: Image.Image) -> bytes | None:
    resources = image.info.get("photoshop")
    iptc = resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else None
    return iptc if isinstance(iptc, bytes) else None


def _comment(image: Image.Image) -> bytes | None:
    comment = image.info.get("comment")
    return comment.encode() if isinstance(comment, str) else comment or None


def _dpi(image: Image.Image, *, turned: bool) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    if not dpi or not all(0 < float(d) < 1e6 for d in dpi):
        return None
    x, y = (float(d) for d in dpi)
    return (y, x) if turned else (x, y)


def _jpeg_coding(image: Image.Image) -> JpegCoding | None:
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.quantization:
        return None
    subsampling = JpegImagePlugin.get_sampling(image)
    return JpegCoding(
        qtables=tuple(tuple(table) for _, table in sorted(image.quantization.items())),
        subsampling=subsampling if subsampling >= 0 else 1,  # no name: between the extremes
        progressive=bool(image.info.get("progressive")),
        rgb=image.mode == "RGB" and image.info.get("adobe_transform") == 0,
    )

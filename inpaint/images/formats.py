"""The image formats, how their files are called, and the bounds of what is asked of them."""

from __future__ import annotations

from pathlib import PurePath

DEFAULT_MAX_PIXELS = 250_000_000  # of an image that is read; 0.75 GB as RGB

# Name used by this package: (Pillow's name, suffixes; the first is the usual one).
FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "jpg": ("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif")),
    "png": ("PNG", (".png", ".apng")),
    "webp": ("WEBP", (".webp",)),
    "tiff": ("TIFF", (".tif", ".tiff")),
    "bmp": ("BMP", (".bmp", ".dib")),
    "gif": ("GIF", (".gif",)),
    "avif": ("AVIF", (".avif",)),
    "heic": ("HEIF", (".heic", ".heif")),
}

# Formats that are not read, but are pictures to people: what a run passes over, it counts.
UNREAD: dict[str, tuple[str, ...]] = {
    "JPEG 2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm"),
    "JPEG XL": (".jxl",),
    "camera raw": (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".mef", ".mrw", ".nef"),
        *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    ),
    "Photoshop": (".psd", ".psb"),
    "PDF": (".pdf",),
    "DjVu": (".djvu", ".djv"),
    "OpenEXR": (".exr",),
    "Radiance HDR": (".hdr",),
    "Targa": (".tga",),
    "Netpbm": (".pbm", ".pgm", ".ppm", ".pnm", ".pam"),
    "PCX": (".pcx",),
}


def check_quality(quality: int | None) -> None:
    """Raises ValueError for a quality that is neither 1 to 100 nor None, which leaves it open."""
    if quality is not None and not 1 <= quality <= 100:
        raise ValueError(f"quality must lie in 1 to 100, got {quality}")


def is_image_name(name: str) -> bool:
    """Whether a file name is one of an image; hidden files (`._a.jpg` from macOS) are none."""
    return format_of(name) is not None and not PurePath(name).name.startswith(".")


def format_of(path: str | PurePath) -> str | None:
    """The name in FORMATS that the suffix of `path` stands for, or None."""
    suffix = PurePath(path).suffix.lower()
    return next((name for name, (_, suffixes) in FORMATS.items() if suffix in suffixes), None)


def usual_suffix(format: str) -> str:
    """The usual ending of files of a format in FORMATS, with its dot."""
    return FORMATS[format][1][0]


def unread_format_of(path: str | PurePath) -> str | None:
    """The name in UNREAD that the suffix of `path` stands for, or None."""
    suffix = PurePath(path).suffix.lower()
    return next((name for name, suffixes in UNREAD.items() if suffix in suffixes), None)

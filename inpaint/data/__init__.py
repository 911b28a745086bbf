"""ImageData collections, and the streams of training and validation samples made of them."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_dir, lazy_names

if TYPE_CHECKING:
    from inpaint.data.layouts import open_source
    from inpaint.data.names import DATA_NAMES
    from inpaint.data.samples import FixedSamples, SkipCounter, TrainingSamples
    from inpaint.data.shards import TarSource
    from inpaint.data.sources import ConcatSource, FolderSource, ImageSource, SubsetSource, hold_out
    from inpaint.data.stream import SampleStream, default_workers, init_worker, stream_loader

__all__ = [
    "DATA_NAMES",
    "ConcatSource",
    "FixedSamples",
    "FolderSource",
    "ImageSource",
    "SampleStream",
    "SkipCounter",
    "SubsetSource",
    "TarSource",
    "TrainingSamples",
    "default_workers",
    "hold_out",
    "init_worker",
    "open_source",
    "stream_loader",
]

# Imported on first use: they bring torch and OpenCV.
_MODULES = {
    "open_source": "inpaint.data.layouts",
    "DATA_NAMES": "inpaint.data.names",
    **dict.fromkeys(("FixedSamples", "SkipCounter", "TrainingSamples"), "inpaint.data.samples"),
    "TarSource": "inpaint.data.shards",
    **dict.fromkeys(
        ("ConcatSource", "FolderSource", "ImageSource", "SubsetSource", "hold_out"),
        "inpaint.data.sources",
    ),
    **dict.fromkeys(
        ("SampleStream", "default_workers", "init_worker", "stream_loader"), "inpaint.data.stream"
    ),
}

__getattr__ = lazy_names(__name__, _MODULES)
__dir__ = lazy_dir(__name__)

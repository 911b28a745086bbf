"""ImageData collections, and the streams of training and validation samples made of them."""

from inpaint.data.layouts import DATA_NAMES, open_source
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

"""The networks a server offers: each loaded once, and shared by all who ask."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.checkpoints.torch_file import CheckpointError
from inpaint.checkpoints.weights import (
    DEFAULT_WEIGHTS,
    find_weights,
    read_metadata,
    weights_folder,
)
from inpaint.detect.detector import DamageDetector
from inpaint.detect.settings import DEFAULT_DETECTOR
from inpaint.images import ImageData
from inpaint.inference.inpainter import Inpainter, check_seed
from inpaint.inference.progress import OnProgress
from inpaint.inference.style import DEFAULT_STYLE, Style, check_style
from inpaint.models.registry import architecture
from inpaint.serving.memory import release_memory, settle

LARGE = 4_000_000  # px, of an image that keeps no smaller one waiting


class Models:
    """Weight files by the name people choose them by, and the inpainters made from them.

    Only names go in: no text from a visitor is ever used as a path.
    """

    def __init__(
        self, weights: str | None = None, *, device: str | None = None, concurrency: int = 1
    ) -> None:
        """weights: name of shipped weights, or a path; the first choice. Loads them at once.
        concurrency: fills at once in this process, whoever asks for them: so many of large
            images, and as many of others, which need not wait for them.

        Raises FileNotFoundError or CheckpointError.
        """
        first = find_weights(DEFAULT_WEIGHTS if weights is None else weights)
        self.default = first.stem
        self._paths = {self.default: first} | {
            path.stem: path for path in _usable_weights() if path.stem != self.default
        }
        self._device = device
        self._turns = {large: threading.BoundedSemaphore(concurrency) for large in (False, True)}
        self._loading = threading.Lock()
        self._loaded: dict[str, Inpainter] = {}
        self._detector: DamageDetector | None = None
        self.inpainter(self.default)
        settle()

    @property
    def names(self) -> list[str]:
        """Weights that visitors can choose, the default first."""
        return list(self._paths)

    @property
    def finds_damage(self) -> bool:
        """Whether the weights folder has the detector."""
        return (weights_folder() / f"{DEFAULT_DETECTOR}.safetensors").is_file()

    def detector(self) -> DamageDetector:
        """The detector of damage, loaded on first use.

        Raises ValueError, such as CheckpointError, without its weights.
        """
        if not self.finds_damage:
            raise ValueError(
                f"This page finds no damage: {DEFAULT_DETECTOR}.safetensors is missing"
            )
        with self._loading:
            if self._detector is None:
                self._detector = DamageDetector.load(device=self._device)
            return self._detector

    def damage_scores(self, image: ImageData, report: OnProgress | None = None) -> np.ndarray:
        """Scores as DamageDetector.scores gives them, (H, W, 3) uint8; waits as a fill does."""
        detector = self.detector()
        with self._turn(image.size):
            return detector.scores(image.pixels, on_progress=report)

    def fill(
        self,
        image: ImageData,
        hole: np.ndarray,
        *,
        name: str | None = None,
        style: Style = DEFAULT_STYLE,
        exclude: np.ndarray | None = None,
        seed: int | None = None,
        report: OnProgress | None = None,
    ) -> ImageData:
        """The image with its hole, (H, W) bool, filled by the network called `name`.

        style, exclude, seed, report: see Inpainter.fill_image_data.

        Raises ValueError for a name that is not offered.
        """
        inpainter = self.inpainter(self.default if name is None else name)
        return inpainter.fill_image_data(
            image, hole, style=style, exclude=exclude, seed=seed, on_progress=report
        )

    def inpainter(self, name: str) -> Inpainter:
        """The inpainter called `name`. Raises ValueError for a name that is not offered."""
        if name not in self._paths:
            raise ValueError(f"weights must be one of {', '.join(self._paths)}, got {name!r}")
        with self._loading:
            if name not in self._loaded:
                inpainter = Inpainter.load(self._paths[name], device=self._device)
                fill = self._in_turn(inpainter.fill_image_data)
                inpainter.fill_image_data = fill  # type: ignore[method-assign]
                self._loaded[name] = inpainter
            return self._loaded[name]

    def with_options(self, *, style: Style, seed: int) -> Inpainter:
        """The default inpainter with another style and seed. Raises ValueError for others."""
        inpainter = copy.copy(self.inpainter(self.default))
        inpainter.style, inpainter.seed = check_style(style), check_seed(seed)
        fill = self._in_turn(partial(Inpainter.fill_image_data, inpainter))
        inpainter.fill_image_data = fill  # type: ignore[method-assign]
        return inpainter

    def _in_turn(self, fill: Callable[..., ImageData]) -> Callable[..., ImageData]:
        """A fill of an image, its first argument, that takes its turn."""

        @wraps(fill)
        def waiting(image: ImageData, *args: Any, **kwargs: Any) -> ImageData:
            with self._turn(image.size):
                return fill(image, *args, **kwargs)

        return waiting

    @contextmanager
    def _turn(self, size: tuple[int, int]) -> Iterator[None]:
        """Waits until fewer than `concurrency` images are worked on that are large, or not, as one
        of this size; frees memory in the end."""
        with self._turns[is_large(size)]:
            try:
                yield
            finally:
                release_memory()


def is_large(size: tuple[int, int]) -> bool:
    """Whether an image of (height, width) px may keep no smaller one waiting."""
    return size[0] * size[1] >= LARGE


def _usable_weights() -> list[Path]:
    """Files of the weights folder that hold a network: the folder has others, too."""
    usable = []
    for path in sorted(weights_folder().glob("*.safetensors")):
        try:
            found = read_metadata(path)["format"]
        except CheckpointError:
            continue
        if architecture(found).role == "network":
            usable.append(path)
    return usable

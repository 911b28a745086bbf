"""Outlines by a segment-anything network (Kirillov et al. 2023, arXiv:2304.02643) in ONNX files.

Two kinds of exports are read, which differ in the names of their inputs:

- encoder and decoder: the decoder of segment-anything's own export script (`image_embeddings`,
  `point_coords`, `point_labels`, `mask_input`, `has_mask_input`, `orig_im_size`), and an encoder
  that takes either (1, 3, SIDE, SIDE) normalised values or (height, width, 3) colours;
- one file for both, as EfficientSAM is exported: `batched_images`, `batched_point_coords`,
  `batched_point_labels`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inpaint.selection.crops import reduced, tight
from inpaint.selection.outline import refine_outline
from inpaint.selection.strokes import Stroke, corrected
from inpaint.utils.extras import install
from inpaint.utils.rectangles import Rectangle

SIDE = 1024  # pixels of the longer side of what a network sees, where its file does not say
MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # segment-anything's
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
POINTS = 5  # along one stroke
FOREGROUND, BACKGROUND, TOP_LEFT, BOTTOM_RIGHT, PADDING = 1, 0, 2, 3, -1  # labels of points
DECODER = {"image_embeddings", "point_coords", "point_labels"}
WHOLE = {"batched_images", "batched_point_coords", "batched_point_labels"}


class Segmenter:
    """Finds what strokes point at; thread-safe. The last image's embedding is kept."""

    def __init__(self, files: str) -> None:
        """Loads ONNX files.

        Args:
            files: One file, or encoder and decoder separated by a comma.

        Raises:
            FileNotFoundError: There is no such file.
            ImportError: onnxruntime is not installed.
            ValueError: Files of another kind.
        """
        sessions = [_load(Path(name.strip())) for name in files.split(",")]
        names = [{value.name for value in session.get_inputs()} for session in sessions]
        self._encoder: Any = None
        if len(sessions) == 1 and names[0] >= WHOLE:
            self._decoder = sessions[0]
        elif len(sessions) == 2 and names[1] >= DECODER and len(names[0]) == 1:
            self._encoder, self._decoder = sessions
        else:
            wanted = f"one file with the inputs {', '.join(sorted(WHOLE))}, or an encoder and a "
            wanted += f"decoder with {', '.join(sorted(DECODER))}"
            found = " and ".join(", ".join(sorted(inputs)) for inputs in names)
            raise ValueError(f"segmenter must be {wanted}; {files} has {found}")
        self._lock = threading.Lock()
        self._kept: tuple[bytes, np.ndarray] | None = None  # key of an image, and its embedding

    def __call__(
        self, image: np.ndarray, strokes: Sequence[Stroke]
    ) -> tuple[Rectangle, np.ndarray]:
        """The object that strokes point at: as select_object, of the same arguments."""
        if all(stroke.erase for stroke in strokes):
            raise ValueError("strokes must hold one that adds to the object")
        small, scale = reduced(image, self._side, enlarge=True)
        points, labels = _prompt(strokes, scale)
        with self._lock:
            scores = self._scores(small, points, labels)
        height, width = small.shape[:2]
        coarse = cv2.resize(scores, (width, height), interpolation=cv2.INTER_LINEAR) > 0
        box, mask = tight((slice(0, height), slice(0, width)), coarse)
        if not mask.any():
            return box, mask
        window = _scaled(box, scale, image.shape[:2])
        inner = _scaled(window, 1 / scale, (height, width))
        fine = refine_outline(image[window], coarse[inner])
        return tight(window, corrected(fine, strokes, window))

    @property
    def _side(self) -> int:
        """Pixels of the longer side of what the network sees."""
        if self._encoder is None:
            return SIDE
        shape = self._encoder.get_inputs()[0].shape
        return shape[-1] if len(shape) == 4 and isinstance(shape[-1], int) else SIDE

    def _scores(self, small: np.ndarray, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The best mask's logits, (h, w) float32, for an image (H, W, 3) uint8."""
        if self._encoder is None:
            values = {
                "batched_images": small.transpose(2, 0, 1)[None].astype(np.float32) / 255,
                "batched_point_coords": points[None, None],
                "batched_point_labels": labels[None, None],
            }
        else:
            values = {
                "image_embeddings": self._embedding(small),
                "point_coords": np.vstack([points, [[0, 0]]])[None].astype(np.float32),
                "point_labels": np.append(labels, PADDING)[None].astype(np.float32),
                "mask_input": np.zeros((1, 1, 256, 256), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
                "orig_im_size": np.array(small.shape[:2], np.float32),
            }
        wanted = {value.name for value in self._decoder.get_inputs()}
        values = {name: value for name, value in values.items() if name in wanted}
        masks, quality = self._decoder.run(None, values)[:2]
        masks = masks.reshape(-1, *masks.shape[-2:])
        best = masks[int(np.argmax(quality.reshape(-1)[: len(masks)]))].astype(np.float32)
        if best.shape != small.shape[:2] and best.shape[0] == best.shape[1]:
            # Some decoders answer for the padded square that their encoder saw.
            height, width = (-(-length * len(best) // self._side) for length in small.shape[:2])
            best = best[:height, :width]
        return best

    def _embedding(self, small: np.ndarray) -> np.ndarray:
        """What the encoder makes of an image, (H, W, 3) uint8."""
        key = hashlib.blake2b(small.tobytes()).digest()
        if self._kept is None or self._kept[0] != key:
            given = self._encoder.get_inputs()[0]
            values = small.astype(np.float32)
            if len(given.shape) == 4:
                values = (values - MEAN) / DEVIATION
                padded = np.zeros((self._side, self._side, 3), np.float32)
                padded[: small.shape[0], : small.shape[1]] = values
                values = padded.transpose(2, 0, 1)[None]
            self._kept = key, self._encoder.run(None, {given.name: values})[0]
        return self._kept[1]


def _load(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"segmenter: there is no file {path}")
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"a segmenter needs onnxruntime: {install('onnx')}") from error
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has classes of its own, without a common one
        raise ValueError(f"segmenter: {path} is no ONNX file that can be run: {error}") from error


def _prompt(strokes: Sequence[Stroke], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) and their labels (N,), float32: corners of circles, and points of dabs."""
    points: list[np.ndarray] = []
    labels: list[int] = []
    for stroke in strokes:
        if stroke.is_circle:
            points += [stroke.points.min(0), stroke.points.max(0)]
            labels += [TOP_LEFT, BOTTOM_RIGHT]
            continue
        count = min(POINTS, len(stroke.points))
        chosen = np.linspace(0, len(stroke.points) - 1, count).round().astype(int)
        points += list(stroke.points[chosen])
        labels += [BACKGROUND if stroke.erase else FOREGROUND] * count
    return np.array(points, np.float32) * np.float32(scale), np.array(labels, np.float32)


def _scaled(box: Rectangle, scale: float, size: tuple[int, int]) -> Rectangle:
    """A box of a reduced image as one of an image of `size`, 1 / scale times as large."""
    rows, columns = (
        slice(
            min(length - 1, max(0, int(span.start / scale))),
            max(1, min(length, int(np.ceil(span.stop / scale)))),
        )
        for span, length in zip(box, size, strict=True)
    )
    return rows, columns

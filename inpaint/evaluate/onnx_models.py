"""Inpainting networks of other projects in ONNX files, recognised by their inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from inpaint.checkpoints.onnx import is_own
from inpaint.checkpoints.weights import CheckpointError
from inpaint.evaluate.classical import Fill
from inpaint.utils.extras import install
from inpaint.utils.settings import one_line

_KNOWN = (
    "LaMa (float image of 3 channels and mask of 1), MI-GAN's pipeline (the same, uint8), "
    "MI-GAN's generator (float, 4 channels, fixed size), and files of `inpaint export`"
)
_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_LAMA_MULTIPLE = 8  # of pixels, what a LaMa of free size takes

# (session, image RGB uint8 (H, W, 3), hole bool (H, W)) -> filled, RGB uint8 (H, W, 3)
_Contract = Callable[[Any, np.ndarray, np.ndarray], np.ndarray]


def is_own_onnx(path: Path) -> bool:
    """Whether `inpaint export` wrote an ONNX file."""
    return is_own(_session(path))


def load_onnx_fill(path: Path) -> Fill:
    """What fills holes by a network of another project, on the CPU.

    Known are, by their inputs,

    - LaMa, as Carve/LaMa-ONNX: image (1, 3, H, W) in [0, 1] and mask (1, 1, H, W), 1 = fill, to
      (1, 3, H, W) in [0, 255], or in [0, 1] as other exports have it;
    - the pipeline of Picsart's MI-GAN: uint8, image and mask, 255 = known, of any size;
    - its generator alone: (1, 4, R, R), mask - 0.5 with 1 = known, then the image in [-1, 1] with
      zeros in the hole, to (1, 3, R, R) in [-1, 1].

    A network of a fixed size gets the image padded by reflection to the aspect ratio, then scaled
    there, and its answer is scaled back.

    Raises:
        ImportError: That names the extra when onnxruntime is not installed.
        CheckpointError: For a damaged file, or one with other inputs; and from the fill, where
            the network cannot be run.
    """
    session = _session(path)
    contract = _contract_of(session)
    size = _fixed_size(_image_input(session))
    if contract is None or (contract is _migan_generator and size is None):
        found = "; ".join(f"{v.name} {v.type} {v.shape}" for v in session.get_inputs())
        raise CheckpointError(f"{path} takes {found}; known are {_KNOWN}")

    multiple = _LAMA_MULTIPLE if contract is _lama else 1

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        height, width = hole.shape
        padded = padded_size((height, width), size, multiple)
        inputs = scale_to(*_pad(image, hole, padded), padded if size is None else size)
        try:
            answer = contract(session, *inputs)
        except Exception as error:  # onnxruntime has an exception class for each status
            raise CheckpointError(f"{path} cannot be run: {one_line(str(error))}") from error
        return scale_image(answer, padded)[:height, :width]

    return fill


def padded_size(
    shape: tuple[int, int], size: tuple[int, int] | None, multiple: int
) -> tuple[int, int]:
    """Height and width of an image of that shape when it is padded.

    size: what it is to be scaled to, which sets the aspect ratio, up to a pixel; for None the
    sides become multiples.
    """
    height, width = shape
    if size is None:
        return -(-height // multiple) * multiple, -(-width // multiple) * multiple
    return max(height, -(-width * size[0] // size[1])), max(width, -(-height * size[1] // size[0]))


def _pad(
    image: np.ndarray, hole: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) and hole (H, W) padded below and right by reflection."""
    below, right = size[0] - hole.shape[0], size[1] - hole.shape[1]
    image, mask = (
        cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_REFLECT)
        for array in (image, hole.astype(np.uint8))
    )
    return image, mask.astype(bool)


def scale_to(
    image: np.ndarray, hole: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Image and hole scaled; a pixel that any pixel of the hole went into is hole."""
    share = scale_image(hole.astype(np.float32), size)
    return scale_image(image, size), share > 0


def scale_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W) or (H, W, C) at another size, (height, width): area or bilinear."""
    if image.shape[:2] == tuple(size):
        return image
    shrink = size[0] < image.shape[0]
    method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    return cv2.resize(image, size[::-1], interpolation=method)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"onnxruntime is not installed; ONNX needs: {install('onnx')}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception class for each status
        raise CheckpointError(f"{path} is not a usable ONNX file: {error}") from error


def _contract_of(session: Any) -> _Contract | None:
    """What the inputs tell; None for others than known."""
    inputs = session.get_inputs()
    kinds = {value.type for value in inputs}
    if any(len(value.shape) != 4 for value in inputs) or len(kinds) != 1:
        return None
    kind = kinds.pop()
    if len(inputs) == 2 and _mask_input(session) is not None:
        return _migan_pipeline if kind == "tensor(uint8)" else _lama if kind in _FLOATS else None
    if len(inputs) == 1 and kind in _FLOATS and inputs[0].shape[1] == 4:
        return _migan_generator
    return None


def _mask_input(session: Any) -> Any | None:
    """The one of two inputs that has one channel, or `mask` in its name."""
    inputs = session.get_inputs()
    found = [v for v in inputs if v.shape[1] == 1] or [v for v in inputs if "mask" in v.name]
    return found[0] if len(found) == 1 else None


def _image_input(session: Any) -> Any:
    mask = _mask_input(session) if len(session.get_inputs()) == 2 else None
    names = [value.name for value in session.get_inputs()]
    return session.get_inputs()[1 if mask is not None and mask.name == names[0] else 0]


def _fixed_size(value: Any) -> tuple[int, int] | None:
    """Height and width of an input, None where they are free."""
    size = tuple(value.shape[2:4])
    return size if len(size) == 2 and all(isinstance(side, int) for side in size) else None


def _lama(session: Any, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    value = _image_input(session)
    dtype = _FLOATS[value.type]
    feed = {
        value.name: (_batch(image) / 255).astype(dtype),
        _mask_input(session).name: hole[None, None].astype(dtype),  # type: ignore[union-attr]
    }
    output = session.run(None, feed)[0].astype(np.float32)
    return _image(output if output.max() > 1.01 else output * 255)


def _migan_pipeline(session: Any, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    known = np.where(hole, np.uint8(0), np.uint8(255))
    feed = {
        _image_input(session).name: np.ascontiguousarray(_batch(image)),
        _mask_input(session).name: known[None, None],  # type: ignore[union-attr]
    }
    return _image(session.run(None, feed)[0])


def _migan_generator(session: Any, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    value = _image_input(session)
    known = (~hole)[None, None].astype(np.float32)
    colours = (_batch(image).astype(np.float32) / 127.5 - 1) * known
    batch = np.concatenate([known - 0.5, colours], 1).astype(_FLOATS[value.type])
    output = session.run(None, {value.name: batch})[0].astype(np.float32)
    return _image((output + 1) * 127.5)


def _batch(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) as (1, 3, H, W)."""
    return image.transpose(2, 0, 1)[None]


def _image(batch: np.ndarray) -> np.ndarray:
    """(1, 3, H, W) in [0, 255] as uint8 (H, W, 3)."""
    return np.ascontiguousarray(np.rint(batch[0].clip(0, 255)).transpose(1, 2, 0), np.uint8)

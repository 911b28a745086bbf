"""Methods under evaluation: everything that fills a hole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import cv2
import numpy as np
from torch import nn

from inpaint.checkpoints.weights import shipped_weights
from inpaint.evaluate.outside import fill_by_command, result_of_folder
from inpaint.evaluate.protocol import Case
from inpaint.inference.inpainter import Inpainter

# (image RGB uint8 (H, W, 3), hole bool (H, W), True = fill) -> filled, RGB uint8 (H, W, 3)
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Method:
    """Something that fills holes, under a name."""

    name: str
    identity: str  # what its results depend on; another identity means other results
    run: Callable[[Case], np.ndarray]  # the filled picture of a case: RGB uint8 (H, W, 3)


def parse_method(text: str) -> Method:
    """The method that `text` asks for, `[NAME=]SPEC`.

    SPEC is one of
    - `telea`, `ns`, `patchmatch`, `biharmonic`: classical methods;
    - a weight file, or the name of shipped weights; options of `Inpainter.load` may follow, as
      in `a.safetensors?device=cuda`;
    - `module:function`, a Python function `(image, hole) -> image`, see `Fill`;
    - a command with `{image}`, `{mask}` and `{out}`, see `fill_by_command`;
    - a folder with results made elsewhere, see `result_of_folder`.

    NAME is by default the file's or folder's own. Raises ValueError, FileNotFoundError, or
    RuntimeError when a package is missing.
    """
    match = re.fullmatch(r"([\w.+-]+)=(.+)", text)
    name, spec = (match[1], match[2]) if match else (None, text)
    if "{image}" in spec:
        if name is None:
            raise ValueError(f"a command needs a name: NAME={spec}")
        return Method(name, spec, lambda case: fill_by_command(spec, case.image, case.hole))
    if spec in CLASSICAL:
        return _from_fill(name or spec, spec, CLASSICAL[spec]())
    if Path(spec).is_dir():
        folder = Path(spec)
        identity = str(folder.resolve())
        return Method(name or folder.name, identity, lambda case: result_of_folder(folder, case))
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", spec):
        return _from_fill(name or spec.replace(":", "."), spec, _entry_point(spec))
    return _from_weights(name, spec)


def _from_fill(name: str, identity: str, fill: Fill) -> Method:
    return Method(name, identity, lambda case: fill(case.image, case.hole))


def _from_weights(name: str | None, spec: str) -> Method:
    """A method of Inpainter, with the SHA-256 of its file, and of its refiner's, as identity."""
    file, _, query = spec.partition("?")
    try:
        path = Path(file) if Path(file).suffix else shipped_weights(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; classical methods are {', '.join(CLASSICAL)}") from None
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}")
    options = {key: _value(value) for key, value in parse_qsl(query)}
    try:
        inpainter = Inpainter.load(path, **options)
    except TypeError as error:
        raise ValueError(f"unusable options {query!r} for {path}: {error}") from error
    identity = hashlib.sha256(path.read_bytes()).hexdigest()
    if inpainter.refiner is not None:
        identity += f"+{_digest_of(inpainter.refiner)}"
    identity += f"?{query}" if query else ""
    return _from_fill(name or path.stem, identity, inpainter.fill)


def _digest_of(network: nn.Module) -> str:
    """SHA-256 of a network's weights, on the CPU or elsewhere."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _value(text: str) -> Any:
    """A number or a bool as such, anything else as text."""
    try:
        return json.loads(text.lower())
    except json.JSONDecodeError:
        return text


def _entry_point(spec: str) -> Fill:
    module, function = spec.split(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no function {function} in module {module}: {error}") from error


def _opencv(method: int) -> Fill:
    """cv2.inpaint with a radius of 3 pixels."""

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        bgr = np.ascontiguousarray(image[..., ::-1])
        return cv2.inpaint(bgr, hole.astype(np.uint8), 3, method)[..., ::-1]

    return fill


def _patchmatch() -> Fill:
    """Barnes et al., SIGGRAPH 2009, with patches of 7 pixels, as PyPatchMatch has it."""
    try:
        import patchmatch
    except ImportError as error:
        raise RuntimeError(
            "patchmatch needs PyPatchMatch: pip install 'inpaint[evaluate]'"
        ) from error

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return patchmatch.patch_match.inpaint(image, hole, patch_size=3)

    return fill


def _biharmonic() -> Fill:
    """Smooth continuation, skimage.restoration.inpaint_biharmonic."""
    try:
        from skimage.restoration import inpaint_biharmonic
    except ImportError as error:
        raise RuntimeError(
            "biharmonic needs scikit-image: pip install 'inpaint[evaluate]'"
        ) from error

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        filled = inpaint_biharmonic(image / 255.0, hole, channel_axis=2)
        return np.rint(filled.clip(0, 1) * 255).astype(np.uint8)

    return fill


# Each makes its function when it is asked for, so a package that nobody asks for may be missing.
CLASSICAL: dict[str, Callable[[], Fill]] = {
    "telea": lambda: _opencv(cv2.INPAINT_TELEA),
    "ns": lambda: _opencv(cv2.INPAINT_NS),
    "patchmatch": _patchmatch,
    "biharmonic": _biharmonic,
}

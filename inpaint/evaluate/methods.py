"""Methods under evaluation: everything that fills a hole."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from torch import nn

from inpaint.checkpoints.weights import shipped_weights
from inpaint.evaluate.classical import CLASSICAL, Fill
from inpaint.evaluate.code import filling_code, source_digest
from inpaint.evaluate.onnx_models import is_own_onnx, load_onnx_fill
from inpaint.evaluate.outside import fill_by_command, result_of_folder
from inpaint.evaluate.protocol import Case
from inpaint.inference.inpainter import Inpainter


@dataclass(frozen=True)
class Method:
    """Something that fills holes, under a name."""

    name: str
    identity: str  # what its results depend on; another identity means other results
    run: Callable[[Case], np.ndarray]  # the filled image of a case: RGB uint8 (H, W, 3)


def parse_method(text: str) -> Method:
    """The method that `text` asks for, `[NAME=]SPEC`.

    SPEC is one of
    - `telea`, `ns`, `patchmatch` or another classical method, see CLASSICAL;
    - a weight file, or the name of shipped weights; options of `Inpainter.load` may follow, as
      in `a.safetensors?device=cuda`;
    - an ONNX file of LaMa or MI-GAN, see `load_onnx_fill`;
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
        fill = _entry_point(spec)
        identity = f"{spec}@{_source_of(fill)}"
        return _from_fill(name or spec.replace(":", "."), identity, fill)
    return _from_weights(name, spec)


def _from_fill(name: str, identity: str, fill: Fill) -> Method:
    return Method(name, identity, lambda case: fill(case.image, case.hole))


def _from_weights(name: str | None, spec: str) -> Method:
    """A method of Inpainter.

    Its identity is the SHA-256 of its file and of its refiner's, its options, and the code.
    """
    file, _, query = spec.partition("?")
    try:
        path = Path(file) if Path(file).suffix else shipped_weights(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; classical methods are {', '.join(CLASSICAL)}") from None
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}")
    if path.suffix == ".onnx" and not is_own_onnx(path):
        if query:
            raise ValueError(f"{path} of another project takes no options, got {query!r}")
        return _from_fill(name or path.stem, _digest(path), load_onnx_fill(path))
    options = {key: _value(value) for key, value in parse_qsl(query)}
    try:
        inpainter = Inpainter.load(path, **options)
    except TypeError as error:
        raise ValueError(f"unusable options {query!r} for {path}: {error}") from error
    identity = _digest(path)
    if inpainter.refiner is not None:
        identity += f"+{_digest_of(inpainter.refiner)}"
    identity += f"?{query}" if query else ""
    identity += f"@{filling_code()}"
    return _from_fill(name or path.stem, identity, inpainter.fill)


def _digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


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


def _source_of(function: Fill) -> str:
    """Digest of the file that a function is written in; empty for one without such a file."""
    try:
        path = Path(inspect.getfile(inspect.unwrap(function)))
    except TypeError:  # compiled, or an object that is called
        return ""
    return source_digest([path], path.parent) if path.is_file() else ""


def _entry_point(spec: str) -> Fill:
    module, function = spec.split(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no function {function} in module {module}: {error}") from error

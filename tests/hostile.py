"""Weight files as an attacker, or a broken disk, would make them."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from inpaint import CheckpointError, Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints.weights import load_detector, load_refiner, save_weights
from inpaint.models.detector import Detector, DetectorConfig
from inpaint.models.refiner import Refiner, RefinerConfig

# In place of any setting. "text" of JSON that Python's writer would not make is in RAW.
VALUES: tuple[Any, ...] = (
    *(None, "", "x", "../x", "\x1b[31mred\nline", "9" * 5000),
    *(True, -1, 0, 1.5, 10**9, 10**30, -(10**30)),
    *(float("nan"), float("inf"), 1e308),
    *([], [None], ["x"], [[]], [-1], [0, 0], [10**9, 10**9], [1.5], [True], [3] * 1000),
    *({}, {"x": 1}, {"": None}),
)
RAW = (
    *("", "{", "[" * 100_000, '{"a":' * 20_000, "\x00", "nul", "9" * 10_000, '"\\ud800"'),
    *('{"widths": [1e999]}', '{"widths": [4], "widths": [5]}', '{"widths": ' + "9" * 5000 + "}"),
)
# Older safetensors cannot write complex numbers.
_SAFETENSORS = tuple(map(int, version("safetensors").split(".")[:2]))
UNUSUAL = torch.complex64 if _SAFETENSORS >= (0, 7) else torch.float16

NOTES = {
    "tiling": {"hole_radius": 10, "min_side": 32, "max_side": 64, "thin_radius": 2.5},
    "boundary": {"band": 3, "data_weight": 1.0},
    "refiner": "refiner.safetensors",
}


def load(path: Path) -> Inpainter:
    """An inpainter of a hostile file."""
    return Inpainter.load(path, device="cpu", style="plain")


LOADERS: dict[str, Callable[[Path], Any]] = {
    "network": load,
    "refiner": load_refiner,
    "detector": load_detector,
}


def tiny_files(folder: Path) -> Path:
    """The folder, with a tiny network, refiner and detector, each named as in LOADERS."""
    torch.manual_seed(0)
    networks = {
        "network": PConvUNet(UNetConfig(widths=(4, 8), kernels=(3, 3))),
        "refiner": Refiner(RefinerConfig(4, (1,))),
        "detector": Detector(DetectorConfig(widths=(2,) * 5, blocks=(0,) * 5)),
    }
    for kind, network in networks.items():
        notes = NOTES if kind == "network" else None
        save_weights(network, folder / f"{kind}.safetensors", notes=notes)
    return folder


def contents(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file."""
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118


def packed(tensors: dict[str, torch.Tensor], texts: dict[str, str]) -> bytes:
    """A safetensors file."""
    return save({key: value.clone().contiguous() for key, value in tensors.items()}, metadata=texts)


def replaced(values: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of nested JSON with one place changed."""
    if not path:
        return value
    if isinstance(values, dict):
        return {**values, path[0]: replaced(values.get(path[0]), path[1:], value)}
    if isinstance(values, list):
        return [replaced(v, path[1:], value) if i == path[0] else v for i, v in enumerate(values)]
    return value


def places(values: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of nested JSON, itself included; of a list the first entry only."""
    yield path
    if isinstance(values, dict):
        for key, value in values.items():
            yield from places(value, (*path, key))
    if isinstance(values, list) and values:
        yield from places(values[0], (*path, 0))


def with_settings(tensors: dict[str, torch.Tensor], texts: dict[str, str]) -> Iterator[bytes]:
    """Every setting with every hostile value, and texts that are no JSON."""
    for field in ("config", "notes"):
        values = json.loads(texts[field])
        for place in places(values):
            for value in VALUES:
                changed = json.dumps(replaced(values, place, value))
                yield packed(tensors, {**texts, field: changed})
        for raw in RAW:
            yield packed(tensors, {**texts, field: raw})
    for kind in ("", "x", "inpaint-refiner", "inpaint-detector", "inpaint-pconv-unet", "\n"):
        yield packed(tensors, {**texts, "format": kind})


def with_tensors(
    tensors: dict[str, torch.Tensor], texts: dict[str, str], names: Iterable[str]
) -> Iterator[bytes]:
    """Tensors that are missing, of another shape or type, or hold values that are no numbers."""
    changes: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
        *(lambda t: t.new_empty(0), lambda t: t.flatten(), lambda t: t[None], lambda t: t[:1]),
        *(lambda t: torch.full_like(t, torch.nan), lambda t: torch.full_like(t, -torch.inf)),
        *(lambda t: torch.full_like(t, 3e38), lambda t: t.double() + 1e300, lambda t: -t - 1),
        *(lambda t: t.long(), lambda t: t.bool(), lambda t: t.to(torch.float8_e4m3fn)),
        *(lambda t: t.to(UNUSUAL), lambda t: torch.zeros_like(t)),
    )
    for name in names:
        tensor = tensors[name]
        yield packed({key: value for key, value in tensors.items() if key != name}, texts)
        yield packed({**tensors, f"{name}\x1b[2J\n" * 50: tensor}, texts)
        for change in changes:
            yield packed({**tensors, name: change(tensor)}, texts)


def with_headers(tensors: dict[str, torch.Tensor], texts: dict[str, str]) -> Iterator[bytes]:
    """Headers that the library would never write: sizes, offsets and shapes that do not add up."""
    data = packed(tensors, texts)
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    name = next(key for key in header if key != "__metadata__")

    def made(values: Any, size: int | None = None) -> bytes:
        text = values if isinstance(values, bytes) else json.dumps(values).encode()
        return struct.pack("<Q", len(text) if size is None else size) + text + body

    for size in (0, 1, length - 1, length + 1, len(data), 2**31, 2**40, 2**63, 2**64 - 1):
        yield made(header, size)
    for key in ("dtype", "shape", "data_offsets"):
        for value in (*VALUES, "F32", "BOOL", "F4", [0, 2**62], [2**32, 2**32], [8, 0]):
            yield made({**header, name: {**header[name], key: value}})
        yield made({**header, name: {k: v for k, v in header[name].items() if k != key}})
    for value in VALUES:
        yield made({**header, name: value})
        yield made({**header, "__metadata__": value})
        yield made({**header, "__metadata__": {"config": value}})
    for text in (b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000):
        yield made(text)


def with_noise(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Bytes changed, cut off, repeated or put in; the beginning more often than the rest."""
    rng = random.Random(seed)
    for number in range(count):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            limit = len(changed) if rng.random() < 0.4 else min(len(changed), 1200)
            at = rng.randrange(max(1, limit))
            changed[at : at + 1] = bytes([rng.randrange(256)])
        kind = number % 5
        if kind == 1:
            del changed[rng.randrange(len(changed)) :]
        elif kind == 2:
            at = rng.randrange(len(changed))
            changed[at:at] = rng.randbytes(rng.randrange(1, 40))
        elif kind == 3:
            at = rng.randrange(len(changed))
            del changed[at : at + rng.randrange(1, 40)]
        yield bytes(changed)


def outcomes(
    files: Iterator[bytes], path: Path, load: Callable[[Path], Any]
) -> tuple[int, int, list[str]]:
    """How many files were refused by a CheckpointError, how many loaded, and what else happened.

    A message must be one printable line of moderate length that names the file.
    """
    refused, loaded, wrong = 0, 0, []
    for number, data in enumerate(files):
        path.write_bytes(data)
        try:
            load(path)
            loaded += 1
        except CheckpointError as error:
            refused += 1
            text = str(error)
            if str(path) not in text or not text.isprintable() or len(text) > 600 + len(str(path)):
                wrong.append(f"case {number}: message {text[:400]!r}")
        except Exception as error:
            wrong.append(f"case {number}: {type(error).__name__}: {str(error)[:200]!r}")
    return refused, loaded, wrong

"""What `inpaint weights` does with its options."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from inpaint.checkpoints.convert import convert_checkpoint
from inpaint.checkpoints.hub import write_hub_folder
from inpaint.checkpoints.weights import (
    CheckpointError,
    find_weights,
    load_weights,
    read_metadata,
    save_weights,
    weights_folder,
)
from inpaint.inference.notes import read_usage

logger = logging.getLogger(__name__)

MANIFEST = "SHA256SUMS"  # in the folder of the shipped weights, as sha256sum writes it
_LISTED = ("widths", "width", "dilations")  # the settings that tell a network's size


def run_weights(args: argparse.Namespace) -> int:
    """Do an action; 0, or 1 when a file is not what it should be."""
    if args.action == "list":
        return _list()
    if args.action == "show":
        print(json.dumps(describe(find_weights(args.weights)), indent=2))
        return 0
    if args.action == "verify":
        return _verify(args.weights)
    if args.action == "hub":
        logger.info("written: %s", write_hub_folder(args.weights, args.folder))
        return 0
    if args.action == "pack":
        return _pack(find_weights(args.weights), args.out, args.notes, overwrite=args.overwrite)
    return _convert(args.checkpoint, args.out, half=args.half, overwrite=args.overwrite)


def describe(path: Path) -> dict[str, object]:
    """Size, SHA-256, number of parameters, configuration and notes of a weight file.

    Raises FileNotFoundError or CheckpointError.
    """
    metadata = read_metadata(path)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": file_digest(path),
        "parameters": sum(p.numel() for p in load_weights(path).parameters()),
        **metadata,
    }


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, as `sha256sum *.safetensors > SHA256SUMS` writes it.

    Raises FileNotFoundError, or ValueError for another line.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"no {MANIFEST} in {folder}; `sha256sum *` there writes one")
    sums = {}
    for line in filter(None, map(str.strip, path.read_text().splitlines())):
        digest, _, name = line.partition(" ")
        if len(digest) != 64 or not name:
            raise ValueError(f"{path} has a line that is no checksum: {line!r}")
        sums[name.strip().lstrip("*")] = digest.lower()
    return sums


def _list() -> int:
    for path in sorted(weights_folder().glob("*.safetensors")):
        size = f"{path.stat().st_size / 1e6:8.1f} MB"
        try:
            config = read_metadata(path)["config"]
            settings = ", ".join(f"{name} {config[name]}" for name in _LISTED if name in config)
            print(f"{path.stem:<28}{size}  {settings}")
        except CheckpointError:
            print(f"{path.stem:<28}{size}  no network of ours")
    return 0


def _verify(names: Sequence[str]) -> int:
    folder = weights_folder()
    sums = read_manifest(folder)
    files = [f"{name.removesuffix('.safetensors')}.safetensors" for name in names] or sorted(sums)
    wrong = [file for file in files if not _is_right(folder / file, sums.get(file))]
    return 1 if wrong else 0


def _is_right(path: Path, digest: str | None) -> bool:
    """Whether a file is there with its digest; tells either way."""
    if digest is None:
        logger.error("%s: not in %s", path.name, MANIFEST)
        return False
    if not path.is_file():
        logger.error("%s: missing from %s", path.name, path.parent)
        return False
    if file_digest(path) != digest:
        logger.error("%s: changed or damaged, its SHA-256 differs; fetch it again", path.name)
        return False
    logger.info("%s: right", path.name)
    return True


def _pack(weights: Path, out: Path, notes: str, *, overwrite: bool) -> int:
    _check_output(out, overwrite)
    try:
        facts = json.loads(notes)
    except json.JSONDecodeError as error:
        raise ValueError(f"--notes must be JSON, got {notes!r}: {error}") from error
    if not isinstance(facts, dict):
        raise ValueError(f"--notes must be a JSON object, got {notes!r}")
    read_usage(out, facts)  # what could not be loaded is not written
    save_weights(load_weights(weights), out, dtype=torch.float16, notes=facts)
    logger.info("%s  %s", file_digest(out), out.name)
    return 0


def _check_output(out: Path, overwrite: bool) -> None:
    if out.suffix != ".safetensors":
        raise ValueError(f"the new file must end in .safetensors, got {out}")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists; give another name, or --overwrite")


def _convert(checkpoint: Path, out: Path, *, half: bool, overwrite: bool) -> int:
    _check_output(out, overwrite)
    network, layout = convert_checkpoint(checkpoint)
    notes = {"converted_from": layout, "source": checkpoint.name, "sha256": file_digest(checkpoint)}
    save_weights(network, out, dtype=torch.float16 if half else torch.float32, notes=notes)
    logger.info(
        "%s: %s layout, widths %s, written to %s", checkpoint, layout, network.config.widths, out
    )
    return 0

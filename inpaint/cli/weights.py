"""The command `inpaint weights`: what weight files hold, whether they are whole, and conversion."""

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
    DEFAULT_WEIGHTS,
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `inpaint weights` to its parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the shipped weights")
    show = actions.add_parser("show", help="size, SHA-256, configuration and notes of weights")
    show.add_argument("weights", help="name of shipped weights, or a file")
    verify = actions.add_parser("verify", help="compare files with their SHA-256")
    verify.add_argument("weights", nargs="*", help="names of shipped weights (all of them)")
    convert = actions.add_parser(
        "convert",
        help="make a weight file of a checkpoint of naoto0804's or mmagic's partial convolutions, "
        "or of a U-Net of the reference layer",
    )
    convert.add_argument("checkpoint", type=Path, help="a .pth or .safetensors file")
    convert.add_argument("out", type=Path, help="the .safetensors file to write")
    pack = actions.add_parser(
        "pack", help="make a small weight file of a training run's, with notes for its users"
    )
    pack.add_argument("weights", help="the ema.safetensors of a run")
    pack.add_argument("out", type=Path, help="the .safetensors file to write, in float16")
    pack.add_argument("--notes", default="{}", metavar="JSON", help="what the file shall say")
    pack.add_argument("--overwrite", action="store_true", help="replace an existing file")
    hub = actions.add_parser(
        "hub", help="write a folder for a model hub: weights, config.json and a card"
    )
    hub.add_argument("folder", type=Path, help="a new folder; nothing is uploaded")
    hub.add_argument(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME|FILE",
        help="shipped weights by name, or a file; default: %(default)s",
    )
    convert.add_argument("--half", action="store_true", help="in float16, half the size")
    convert.add_argument("--overwrite", action="store_true", help="replace an existing file")


def run(args: argparse.Namespace) -> int:
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

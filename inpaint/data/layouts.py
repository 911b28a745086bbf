"""Finding the images of a data set where its publishers, or common tools, put them."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from inpaint.data.names import DATA_NAMES
from inpaint.data.shards import TarSource, expand_shards, fetch_shard, is_url
from inpaint.data.sizes import shorter_sides
from inpaint.data.sources import (
    ConcatSource,
    FolderSource,
    ImageSource,
    Split,
    find_images,
    hold_out,
    mask_files,
)

logger = logging.getLogger("inpaint")

_PLACES_URL = "http://data.csail.mit.edu/places/places365"
_FETCH = {
    "places2": (
        "Fetch it ({gigabytes} GB) with\n"
        f"  wget -c -P {{root}} {_PLACES_URL}/train_{{kind}}_places365standard.tar "
        f"{_PLACES_URL}/val_{{kind}}.tar\n"
        "The two tar files are read as they are. Or, unpacked by torchvision:\n"
        "  python -c \"from torchvision.datasets import Places365; [Places365('{root}', split=s, "
        "small={small}, download=True) for s in ('train-standard', 'val')]\""
    ),
    "celeba-hq": (
        "Fetch a copy with train and val parts with\n"
        "  mkdir -p {root} && wget -O {root}/celeba_hq.zip "
        "'https://www.dropbox.com/s/f7pvjij2xlpff59/celeba_hq.zip?dl=1' "
        "&& unzip -d {root} {root}/celeba_hq.zip\n"
        "or put the 1024 pixel pictures of "
        "https://github.com/switchablenorms/CelebAMask-HQ there."
    ),
    "imagenet": (
        "ImageNet cannot be fetched without an account: get ILSVRC2012 from "
        "https://image-net.org/download.php and unpack it into\n"
        "  {root}/train/<class>/*.JPEG and {root}/val/<class>/*.JPEG"
    ),
    "folder": "Give the folder that holds your pictures with --root; for tar files use --data wds.",
    "wds": "Give tar files with --root: a path, 'shards/*.tar', 'shard-{{000..009}}.tar', or URLs.",
}

# Places365 is published in two sizes: 256x256 px, and large, with a shorter side of at most 512 px.
_SMALL_PLACES = 256  # px; the largest samples that the small images are for
_SMALL_ARCHIVE = {"kind": "256", "gigabytes": "25", "small": "True"}
_LARGE_ARCHIVE = {"kind": "large", "gigabytes": "107", "small": "False"}
_LOOKED_AT = 8  # images of a copy of the data set that show its size

# In order of preference. torchvision renames a tree after unpacking it, `data_256` to
# `data_256_standard`, so that both training sets can lie side by side.
_PLACES_TREES: dict[Split, list[str]] = {
    "train": [
        *("data_256_standard", "data_256_challenge", "data_256"),
        *("data_large_standard", "data_large_challenge", "data_large"),
        *("places365_standard/train", "train"),
    ],
    "val": ["val_256", "val_large", "places365_standard/val", "val"],
}
_PLACES_TARS: dict[Split, list[str]] = {
    "train": [
        *("train_256_places365standard.tar", "train_256_places365challenge.tar"),
        *("train_large_places365standard.tar", "train_large_places365challenge.tar"),
    ],
    "val": ["val_256.tar", "val_large.tar"],
}


def open_source(
    data: str,
    root: str | Path | Sequence[str | Path] | None = None,
    *,
    split: Split = "train",
    size: int | None = None,
) -> ImageSource:
    """The images of a data set.

    Args:
        data: one of the following.
            `places2`: under `root`, the first of: shards `train-*.tar` and `val-*.tar`; the
            trees of torchvision's Places365 (`data_256_standard`, `val_256`, ...) or of the
            plain archives (`data_256`, `data_large`, ...), small images before large ones;
            `train` and `val` as in the archive with a folder for each class; the archives
            themselves (`train_256_places365standard.tar`, `val_256.tar`, ...).
            `celeba-hq`: `CelebA-HQ-img` of CelebAMask-HQ, or `celeba_hq` of StarGAN v2, or else
            all images under `root`.
            `imagenet`: `train` and `val` with a folder for each class, also under
            `ILSVRC/Data/CLS-LOC`.
            `folder`: all images under `root`, at any depth, but not masks: files in a folder
            `masks` that have the name of an image beside that folder.
            `wds`: tar shards: a file, a folder of them, wildcards, `shard-{000..009}.tar`, or
            http(s) URLs of them, which are downloaded once into the cache folder.
        root: where it lies, by default `data/` and the name. Several roots, in a list or with
            commas between them, are put together; `path@5` repeats the images of a root five
            times, so that a small collection counts beside a large one.
        split: `train` or `val`. `celeba-hq` and `folder` take sub-folders of these names if both
            are there, `wds` shards with names such as `train-*.tar` and `val-*.tar`. Without
            such names some images are held out, see `hold_out`.
        size: side of the samples, px. Of several copies of `places2` one whose images are at least
            that large is preferred, and if there is none at all, the message says where to get it.

    Raises:
        FileNotFoundError: no image is there; the message says where to get the data.
        ValueError: an unknown name of a data set or split.
    """
    if data not in DATA_NAMES:
        raise ValueError(f"data must be one of {', '.join(DATA_NAMES)}, got {data!r}")
    if split not in get_args(Split):
        raise ValueError(f"split must be one of {', '.join(get_args(Split))}, got {split!r}")
    if root is None and data in ("folder", "wds"):
        raise ValueError(f"{data} needs a root. {_FETCH[data].format()}")
    roots = _split_roots(f"data/{data}" if root is None else root)
    if split == "val":  # repeats only balance training
        roots = [(path, 1) for path, _ in roots]
    if data == "wds":
        return _open_shards(roots, split)
    sources = [_OPENERS[data](Path(path), split, size) for path, _ in roots]
    return _joined(sources, [times for _, times in roots])


def _split_roots(root: str | Path | Sequence[str | Path]) -> list[tuple[str, int]]:
    """Each root with its number of repeats; a name that exists as it is means just that."""
    if isinstance(root, str) and not Path(root).exists():
        root = root.split(",")
    parts = [str(part) for part in ([root] if isinstance(root, str | Path) else root)]
    roots = [_split_repeats(part) for part in parts if part]
    if not roots:
        raise ValueError(f"root must name at least one place, got {root!r}")
    return roots


def _split_repeats(part: str) -> tuple[str, int]:
    match = None if Path(part).exists() else re.fullmatch(r"(.+)@([1-9]\d*)", part)
    return (match[1], int(match[2])) if match else (part, 1)


def _joined(sources: Sequence[ImageSource], repeats: Sequence[int]) -> ImageSource:
    return sources[0] if list(repeats) == [1] else ConcatSource(sources, repeats)


def _open_places2(root: Path, split: Split, size: int | None) -> ImageSource:
    trees, tars = _PLACES_TREES[split], _PLACES_TARS[split]
    if _wants_large(size):
        trees, tars = _large_first(trees), _large_first(tars)
    found: list[ImageSource] = []
    for source in _places_sources(root, split, trees, tars):
        found.append(source)
        if size is None or (shorter_sides(source, _LOOKED_AT) >= size).mean() > 0.5:
            return source
    if not found:
        raise _missing(
            "places2", root, [f"{split}-*.tar", *(f"{tree}/" for tree in trees), *tars], size
        )
    return found[0]


def _places_sources(
    root: Path, split: Split, trees: Sequence[str], tars: Sequence[str]
) -> Iterator[ImageSource]:
    """The copies of the data set that lie under a folder, opened one by one."""
    shards = sorted(root.glob(f"{split}-*.tar"))
    if shards and len(source := TarSource(shards)):
        yield source
    for tree in trees:
        if (root / tree).is_dir():
            folder = FolderSource(root / tree, _list_file(root, tree))
            if len(folder):
                yield folder
    for tar in tars:
        if (root / tar).is_file() and len(source := TarSource([root / tar])):
            yield source


def _wants_large(size: int | None) -> bool:
    return size is not None and size > _SMALL_PLACES


def _large_first(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: "large" not in name)  # the order is kept otherwise


def _list_file(root: Path, tree: str) -> list[str] | None:
    """The images of a Places365 tree by its published list: walking 1.8 million files is slow.

    None if the list is missing or the tree does not hold both its first and its last image.
    """
    lists = {"standard": "train_standard", "challenge": "train_challenge"}
    kind = "val" if tree.startswith("val_") else lists.get(tree.rsplit("_", 1)[-1])
    path = root / f"places365_{kind}.txt"
    if kind is None or not path.is_file():
        return None
    names = [line.split()[0].lstrip("/") for line in path.read_text().splitlines() if line.strip()]
    complete = names and all((root / tree / name).is_file() for name in (names[0], names[-1]))
    return names if complete else None


def _open_imagenet(root: Path, split: Split, _: int | None) -> ImageSource:
    folders = [split, f"ILSVRC/Data/CLS-LOC/{split}"]
    for folder in folders:
        if (root / folder).is_dir() and len(source := FolderSource(root / folder)):
            return source
    raise _missing("imagenet", root, [f"{folder}/" for folder in folders])


def _open_folder(data: str, root: Path, split: Split, _: int | None) -> ImageSource:
    if data == "celeba-hq":
        # Beside its images CelebAMask-HQ holds masks, which are PNG files too.
        known = ("CelebA-HQ-img", "CelebAMask-HQ/CelebA-HQ-img", "celeba_hq")
        root = next((root / folder for folder in known if (root / folder).is_dir()), root)
    if (root / "train").is_dir() and (root / "val").is_dir():
        return _filled(FolderSource(root / split), data, root, f"pictures under {split}/")
    source = _filled(_without_masks(root), data, root, "pictures, at any depth")
    return hold_out(source, split)


def _without_masks(root: Path) -> ImageSource:
    """A folder's images without the masks that lie beside them."""
    names = find_images(root)
    masks = mask_files(names)
    if masks:
        logger.info("left out %d masks of pictures in %s, such as %s", len(masks), root, min(masks))
    return FolderSource(root, [name for name in names if name not in masks])


_OPENERS: dict[str, Callable[[Path, Split, int | None], ImageSource]] = {
    "places2": _open_places2,
    "celeba-hq": partial(_open_folder, "celeba-hq"),
    "imagenet": _open_imagenet,
    "folder": partial(_open_folder, "folder"),
}


def _open_shards(roots: Sequence[tuple[str, int]], split: Split) -> ImageSource:
    """Shards of both splits under all roots together mean that names decide."""
    groups = [(_list_shards(root), times) for root, times in roots]
    spots = [spot for group, _ in groups for spot in group]
    by_name = all(any(_is_named(spot, part) for spot in spots) for part in get_args(Split))
    sources: list[ImageSource] = []
    repeats: list[int] = []
    for group, times in groups:
        chosen = [spot for spot in group if not by_name or _is_named(spot, split)]
        if not chosen:
            continue
        source = TarSource([fetch_shard(spot) if is_url(spot) else spot for spot in chosen])
        if len(source) == 0:
            raise FileNotFoundError(f"no pictures in the tar files {', '.join(chosen)}")
        sources.append(source if by_name else hold_out(source, split))
        repeats.append(times)
    return _joined(sources, repeats)


def _list_shards(root: str) -> list[str]:
    try:
        return expand_shards(f"{root}/*.tar" if Path(root).is_dir() else root)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}. {_FETCH['wds'].format()}") from None


def _is_named(spot: str, split: Split) -> bool:
    words = re.split(r"[^a-z]+", spot.split("?")[0].rsplit("/", 1)[-1].lower())
    return split in words or (split == "val" and "validation" in words)


def _filled(source: ImageSource, data: str, root: Path, wanted: str) -> ImageSource:
    if len(source) == 0:
        raise _missing(data, root, [wanted])
    return source


def _missing(
    data: str, root: Path, wanted: Sequence[str], size: int | None = None
) -> FileNotFoundError:
    archive = _LARGE_ARCHIVE if _wants_large(size) else _SMALL_ARCHIVE
    state = "" if root.is_dir() else ", which is no folder"
    kind = "" if data == "folder" else f"{data} "
    return FileNotFoundError(
        f"no {kind}pictures in {root}{state}; looked for {', '.join(wanted)}. "
        + _FETCH[data].format(root=root, **archive)
    )

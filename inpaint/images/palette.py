"""Images of at most 256 colours: from RGBA back to palette indices."""

from __future__ import annotations

import numpy as np

from inpaint.images.image_data import ImageData, ImageError

MAX_COLOURS = 256
CHUNK = 8192  # colours compared at once with the whole palette: 32 MB


def palette_indices(image: ImageData, *, nearest: bool = False) -> np.ndarray | None:
    """(H, W) uint8 indices into `image.palette`, each standing for exactly that pixel's RGBA.

    None without a palette, or if a colour is not in it; with `nearest` such colours take the
    nearest entry instead.
    """
    if image.palette is None or image.deep:
        return None
    table = _pack(image.palette)  # (N,)
    colours = _pack(rgba(image))  # (H, W)
    order = np.argsort(table, kind="stable")
    place = np.searchsorted(table, colours, sorter=order).clip(max=len(table) - 1)
    indices = order[place].astype(np.uint8)
    missing = table[indices] != colours
    if missing.any():
        if not nearest:
            return None
        distinct, which = np.unique(colours[missing], return_inverse=True)
        indices[missing] = _nearest(distinct, image.palette)[which]
    return indices


def distinct_colours(image: ImageData) -> np.ndarray:
    """(N, 4) uint8 RGBA: the colours the image uses, all fully transparent ones as one.

    Raises ImageError for more than 256, for 16-bit pixels and for partly transparent ones.
    """
    if image.deep:
        raise ImageError("GIF cannot hold 16 bits a channel; choose png or tiff")
    colours = np.unique(_pack(rgba(image))).view(np.uint8).reshape(-1, 4)
    alpha = colours[:, 3]
    if ((alpha > 0) & (alpha < 255)).any():
        raise ImageError("GIF cannot hold partly transparent pixels; choose png")
    colours = np.concatenate([colours[alpha == 255], colours[alpha == 0][:1]])
    if len(colours) > MAX_COLOURS:
        raise ImageError("GIF holds 256 colours and the picture has more; choose png")
    return colours


def rgba(image: ImageData) -> np.ndarray:
    """(H, W, 4) of the image's dtype; gray is repeated, missing alpha is opaque."""
    out = np.empty((*image.size, 4), image.pixels.dtype)
    out[..., :3] = image.pixels[..., None] if image.gray else image.pixels
    out[..., 3] = np.iinfo(out.dtype).max if image.alpha is None else image.alpha
    return out


def _pack(colours: np.ndarray) -> np.ndarray:
    """(..., 4) uint8 as one uint32 each."""
    return np.ascontiguousarray(colours).view(np.uint32)[..., 0]


def _nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """(K,) uint8 index of the entry nearest to each of the (K,) packed colours."""
    # Being transparent or not outweighs any difference of colour.
    weight = np.array([1, 1, 1, 16], np.int32)
    entries = palette.astype(np.int32) * weight
    wanted = colours.view(np.uint8).reshape(-1, 4).astype(np.int32) * weight
    nearest = np.empty(len(wanted), np.uint8)
    for start in range(0, len(wanted), CHUNK):
        difference = wanted[start : start + CHUNK, None] - entries  # (CHUNK, N, 4)
        nearest[start : start + CHUNK] = (difference**2).sum(-1).argmin(-1)
    return nearest

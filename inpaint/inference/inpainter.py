"""The predictor: knows pictures, sizes and devices, where the network knows tensors only."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from inpaint.checkpoints.onnx import OnnxNetwork
from inpaint.checkpoints.weights import (
    DEFAULT_WEIGHTS,
    find_weights,
    load_network,
    load_refiner,
    read_metadata,
)
from inpaint.images import Picture, from_pil, to_pil, with_pixels
from inpaint.inference.compositing import is_gray, like, rgb, split_array
from inpaint.inference.pipeline import Detail, check_detail, finish_region
from inpaint.inference.tiling import (
    Reach,
    Region,
    Tile,
    plan_regions,
    relative,
    scaled_size,
    tile_weights,
)
from inpaint.masks.read import read_hole
from inpaint.models.refiner import Refiner

logger = logging.getLogger("inpaint")

AnyImage = TypeVar("AnyImage", Image.Image, np.ndarray)
AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Inpainter:
    """Fills holes in pictures of any size.

    Known pixels come back bit for bit; only pixels of the hole change. The same picture and hole
    give the same answer, whatever was filled before.
    """

    def __init__(
        self,
        network: Callable[[Tensor, Tensor], Tensor],
        *,
        device: str | torch.device = "cpu",
        reach: Reach | None = None,
        edges: bool = True,
        refiner: Refiner | None = None,
        detail: Detail = "auto",
        seed: int = 0,
    ) -> None:
        """network: a PConvUNet, or a function of the same arguments. reach: the scale it was
        trained for. edges: lead the rim of a hole on from what is around it, see continue_edges.
        refiner: refines what comes of that, see Refiner; without edges it has nothing to do.
        detail: from the known part of the picture, see finish_region; seed: of its
        search. Without edges and detail a fill is the network's own answer. Raises ValueError
        for another detail, or a seed that is not in 0 to 2**63 - 1."""
        check_detail(detail)
        if not 0 <= seed < 2**63:  # what a torch.Generator takes
            raise ValueError(f"seed must lie in 0 to 2**63 - 1, got {seed}")
        self.device = torch.device(device)
        if isinstance(network, nn.Module):
            network = _ready(network, self.device)
        self.network = network
        self.reach = Reach() if reach is None else reach
        self.edges = edges
        self.refiner = None if refiner is None else _ready(refiner, self.device)
        self.detail = detail
        self.seed = seed

    @classmethod
    def load(
        cls,
        weights: str | Path = DEFAULT_WEIGHTS,
        *,
        device: str | torch.device | None = None,
        edges: bool = True,
        detail: Detail = "auto",
        seed: int = 0,
    ) -> Inpainter:
        """An inpainter with the shipped weights, others of that folder by name, or a file's.

        A file may be safetensors, or ONNX as `inpaint export` writes it, which runs on the CPU.
        device: None takes the GPU if there is one. edges, detail, seed: as for Inpainter. Raises
        FileNotFoundError, CheckpointError, or ValueError for ONNX on another device than the CPU.

        The weights' notes say what belongs to them: "reach", and "refiner", which is the name of a
        shipped one or a file, from the weights' folder.
        """
        path = find_weights(weights)
        network: Callable[[Tensor, Tensor], Tensor]
        if path.suffix == ".onnx":
            if device is not None and torch.device(device).type != "cpu":
                raise ValueError(f"ONNX runs on the CPU here, got device {device!r}")
            network = onnx = OnnxNetwork(path)
            device, notes = "cpu", onnx.notes
        else:
            network, notes = load_network(path), read_metadata(path)["notes"]
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        reach, named = notes.get("reach"), notes.get("refiner")
        return cls(
            network,
            device=device,
            reach=Reach(**reach) if reach else None,
            edges=edges,
            refiner=_refiner_beside(path, named) if named else None,
            detail=detail,
            seed=seed,
        )

    def fill(
        self, image: AnyImage, hole: Image.Image | np.ndarray, *, detail: Detail | None = None
    ) -> AnyImage:
        """The picture with its hole filled; of the same kind, size and type.

        image: a PIL image, or an array (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA of
        uint8, uint16, or floats in [0, 1]. A PIL image's EXIF orientation is applied. Alpha is
        kept; transparent pixels are not looked at.
        hole: white, nonzero alpha or True = fill; see read_hole. (height, width) like the image,
        or of the same aspect ratio.
        detail: "auto", "soft", "sharp" or "off", see finish_region; None is what this inpainter
            was made with.

        Raises ValueError for other shapes and sizes, TypeError for other kinds.
        """
        if isinstance(image, Image.Image):
            picture = from_pil(image)
            where = read_hole(hole, size=picture.size)
            return to_pil(self.fill_picture(picture, where, detail=detail))
        if not isinstance(image, np.ndarray):
            raise TypeError(f"image must be a PIL image or a numpy array, got {type(image)}")
        colours, alpha = split_array(image)
        where = read_hole(hole, size=(image.shape[0], image.shape[1]))
        filled = image.copy()
        channels = colours.shape[2] if colours.ndim == 3 else None
        view = filled if channels is None else filled[..., :channels]
        view[:] = self._fill_colours(colours, where, alpha, detail).reshape(view.shape)
        return filled

    def fill_picture(
        self, picture: Picture, hole: np.ndarray, *, detail: Detail | None = None
    ) -> Picture:
        """The picture, as read_picture gives it, with its hole, (H, W) bool, filled. detail: as
        for fill."""
        if hole.shape != picture.size:
            raise ValueError(f"hole must be {picture.size} like the picture, got {hole.shape}")
        filled = self._fill_colours(picture.pixels, hole, picture.alpha, detail)
        return with_pixels(picture, filled)

    def on(self, device: str | torch.device) -> Inpainter:
        """This inpainter on a device, with a copy of its network; all else is the same."""
        other = copy.copy(self)
        other.device = torch.device(device)
        if isinstance(self.network, nn.Module):
            other.network = copy.deepcopy(self.network).to(other.device)
        other.refiner = copy.deepcopy(self.refiner).to(other.device) if self.refiner else None
        return other

    @torch.inference_mode()
    def _fill_colours(
        self,
        colours: np.ndarray,
        hole: np.ndarray,
        alpha: np.ndarray | None,
        detail: Detail | None,
    ) -> np.ndarray:
        """colours (H, W) or (H, W, 1 or 3) with the hole filled; a new array of the same dtype."""
        detail = self.detail if detail is None else detail
        check_detail(detail)
        result = colours.copy()
        if hole.all():
            logger.warning("the hole is the whole picture: nothing is known to fill it from")
        known = ~hole if alpha is None else ~hole & (alpha > 0)
        gray = is_gray(colours, known)  # an old photo scanned in colour modes stays gray
        for region in plan_regions(hole, self.reach):
            filled = self._fill_region(result, known, region)
            filled = finish_region(
                filled,
                result,
                known,
                region,
                edges=self.edges,
                refiner=self.refiner,
                detail=detail,
                seed=self.seed,
                device=self.device,
            )
            result[region.box][region.mask] = like(filled[region.mask], result, gray=gray)
            known[region.box][region.mask] = True
        return result

    def _fill_region(self, colours: np.ndarray, known: np.ndarray, region: Region) -> np.ndarray:
        """The network's picture of a region's box: (h, w, 3) float32 in [0, 1]."""
        rows, columns = region.box
        total = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
        weights = np.zeros((*total.shape[:2], 1), np.float32)
        for tile in region.tiles:
            inner = relative(tile.inner, region.box)
            weight = tile_weights(tile)
            total[inner] += weight * self._fill_tile(colours, known, tile, region.factor)
            weights[inner] += weight
        return total / weights

    def _fill_tile(
        self, colours: np.ndarray, known: np.ndarray, tile: Tile, factor: float
    ) -> np.ndarray:
        """The network's picture of a tile's inner part: (h, w, 3) float32 in [0, 1]."""
        image, valid = _shrink(rgb(colours[tile.outer]), known[tile.outer], factor)
        output = self._predict(image, valid)
        height, width = known[tile.outer].shape
        if output.shape[:2] != (height, width):
            output = cv2.resize(output, (width, height), interpolation=cv2.INTER_CUBIC)
        return output[relative(tile.inner, tile.outer)].clip(0, 1)

    def _predict(self, image: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Arrays (H, W, 3) in [0, 1] and (H, W) in {0, 1} through the network; float32."""
        batch = self._tensor(image), self._tensor(valid[..., None])
        output = self.network(*batch)[0].permute(1, 2, 0)
        return np.ascontiguousarray(output.float().cpu().numpy())

    def _tensor(self, array: np.ndarray) -> Tensor:
        """(H, W, C) to (1, C, H, W) on the device, channels last in memory."""
        return torch.from_numpy(array).to(self.device).permute(2, 0, 1)[None]


def _ready(network: AnyModule, device: torch.device) -> AnyModule:
    return network.to(device).eval().to(memory_format=torch.channels_last)


def _refiner_beside(weights: Path, name: str) -> Refiner:
    return load_refiner(find_weights(weights.parent / name if Path(name).suffix else name))


def _shrink(image: np.ndarray, known: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) made smaller, with its mask (H, W) in {0, 1}, both float32.

    A small pixel is the mean of the known pixels below it, so that nothing leaks out of the
    hole, and is known when half of them are.
    """
    valid = known.astype(np.float32)
    height, width = scaled_size(known.shape, factor)
    if (height, width) == known.shape:
        return image, valid
    share = cv2.resize(valid, (width, height), interpolation=cv2.INTER_AREA)
    image = (
        cv2.resize(image * valid[..., None], (width, height), interpolation=cv2.INTER_AREA)
        / np.maximum(share, 1e-6)[..., None]
    )
    return image, (share >= 0.5).astype(np.float32)

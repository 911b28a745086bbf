"""The predictor: knows images, sizes and devices, where the network knows tensors only."""

from __future__ import annotations

import copy
import logging
import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from inpaint.checkpoints.onnx import OnnxNetwork
from inpaint.checkpoints.torch_file import CheckpointError, check_finite
from inpaint.checkpoints.weights import (
    DEFAULT_WEIGHTS,
    find_weights,
    load_network,
    read_metadata,
)
from inpaint.images import ImageData, from_pil, to_pil, with_pixels
from inpaint.inference.boundary import BoundaryConfig
from inpaint.inference.compositing import check_known, is_gray, split_array
from inpaint.inference.notes import load_refiner_of, read_usage
from inpaint.inference.pipeline import Finishing
from inpaint.inference.planning import plan_regions
from inpaint.inference.progress import OnProgress, Progress
from inpaint.inference.region_fill import RegionFill
from inpaint.inference.scaling import MOST_PIXELS, Enlarged, downscale
from inpaint.inference.style import DEFAULT_STYLE, Style, check_style, style_of_detail
from inpaint.inference.tiling import Region, Tile, TilingConfig, tile_weights
from inpaint.masks.read import read_hole
from inpaint.models.folding import fold
from inpaint.models.refiner import Refiner
from inpaint.models.unet import PConvUNet
from inpaint.utils.devices import parse_device, usable_device
from inpaint.utils.rectangles import bands, relative
from inpaint.utils.threads import map_in_order, one_thread

logger = logging.getLogger("inpaint")

AnyImage = TypeVar("AnyImage", Image.Image, np.ndarray)
AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Inpainter:
    """Fills holes in images of any size.

    Known pixels come back bit for bit; only pixels of the hole change. The same image and hole
    give the same answer, whatever was filled before.
    """

    def __init__(
        self,
        network: Callable[[Tensor, Tensor], Tensor],
        *,
        device: str | torch.device = "cpu",
        tiling: TilingConfig | None = None,
        boundary: bool | BoundaryConfig = True,
        refiner: Refiner | None = None,
        style: Style = DEFAULT_STYLE,
        seed: int = 0,
        detail: str | None = None,
    ) -> None:
        """An inpainter of parts; `Inpainter.load` makes one of a weight file.

        Args:
            network: A PConvUNet, which is copied, or a function of the same arguments.
            device: Where all is computed.
            tiling: The scale that the network was trained for.
            boundary: Blend the boundary of a hole, and how, see blend_boundary. Without it, a fill
                in plain style is the network's own answer.
            refiner: Refines the blended image; has nothing to do without `boundary`.
            style: "natural", "faithful" or "plain", see check_style.
            seed: Of the texture's random search, 0 to 2**63 - 1.
            detail: What `style` was called before, with other words.

        Raises:
            ValueError: Another style or seed, or a device that this machine does not have.
            TypeError: A seed that is no integer.
        """
        self.device = usable_device(device)
        if isinstance(network, PConvUNet):
            network = fold(network)
        if isinstance(network, nn.Module):
            network = _ready(network, self.device)
        self.network = network
        self.tiling = TilingConfig() if tiling is None else tiling
        self.boundary = BoundaryConfig() if boundary is True else boundary or None
        self.refiner = None if refiner is None else _ready(refiner, self.device)
        self.style = check_style(style) if detail is None else style_of_detail(detail)
        self.seed = check_seed(seed)

    @classmethod
    def load(
        cls,
        weights: str | Path = DEFAULT_WEIGHTS,
        *,
        device: str | torch.device | None = None,
        boundary: bool = True,
        style: Style = DEFAULT_STYLE,
        seed: int = 0,
        detail: str | None = None,
    ) -> Inpainter:
        """An inpainter with the shipped weights, others of that folder by name, or a file's.

        The weights' notes say what belongs to them: "tiling", "boundary", and "refiner", which is
        the name of a shipped one or of a file in the weights' folder.

        Args:
            weights: A name, or a file: safetensors, or ONNX as `inpaint export` writes it, which
                runs on the CPU.
            device: None takes the GPU if there is one.
            boundary, style, seed, detail: As for Inpainter.

        Raises:
            FileNotFoundError: There is no such file.
            CheckpointError: The file holds no network, or one that cannot be used.
            ValueError: A device that this machine does not have; ONNX on another than the CPU.
            TypeError: Weights that are no name and no path, or a seed that is no integer.
        """
        path = find_weights(weights)
        network: Callable[[Tensor, Tensor], Tensor]
        if path.suffix == ".onnx":
            if device is not None and parse_device(device).type != "cpu":
                raise ValueError(f"ONNX runs on the CPU here, got device {device!r}")
            network = onnx = OnnxNetwork(path)
            place, notes = torch.device("cpu"), onnx.notes
            channels = onnx.in_channels, onnx.out_channels
        else:
            place = usable_device(device)
            network, notes = load_network(path), read_metadata(path)["notes"]
            channels = network.config.in_channels, network.config.out_channels
        if channels != (3, 3):
            raise CheckpointError(
                f"{path} holds a network of {channels[0]} to {channels[1]} channels; wanted RGB"
            )
        usage = read_usage(path, notes)
        return cls(
            network,
            device=place,
            tiling=usage.tiling,
            boundary=boundary and usage.boundary,
            refiner=load_refiner_of(usage),
            style=style,
            seed=seed,
            detail=detail,
        )

    def fill(
        self,
        image: AnyImage,
        hole: Image.Image | np.ndarray,
        *,
        style: Style | None = None,
        exclude: Image.Image | np.ndarray | None = None,
        on_progress: OnProgress | None = None,
        detail: str | None = None,
    ) -> AnyImage:
        """The image with its hole filled; of the same kind, size and type.

        Args:
            image: A PIL image, or an array (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA of
                uint8, uint16, or floats in [0, 1], which may be NaN in the hole. A PIL image's EXIF
                orientation is applied. Alpha is kept; transparent pixels are not looked at.
            hole: White, nonzero alpha or True = fill; see read_hole. (height, width) like the
                image, or of the same aspect ratio.
            style: "natural", "faithful" or "plain"; None is what this inpainter was made with.
            exclude: What texture is not copied from, such as things beside the hole that would be
                repeated in it; read like `hole`. The network sees it all the same.
            on_progress: Called with the share of the work that is done, from 0 to 1, after each
                step. What it raises ends the fill.
            detail: What `style` was called before, with other words.

        Raises:
            ValueError: Another shape, size or style, or known pixels that are NaN.
            TypeError: Another kind of image.
        """
        style = style if detail is None else style_of_detail(detail)
        if isinstance(image, Image.Image):
            image_data = from_pil(image)
            where = read_hole(hole, size=image_data.size)
            other = None if exclude is None else _read_exclude(exclude, image_data.size)
            filled = self.fill_image_data(
                image_data,
                where,
                style=style,
                exclude=other,
                on_progress=on_progress,
                in_place=True,
            )
            return to_pil(filled)
        if not isinstance(image, np.ndarray):
            raise TypeError(f"image must be a PIL image or a numpy array, got {type(image)}")
        result = image.copy()
        colours, alpha = split_array(result)
        size = image.shape[0], image.shape[1]
        where = read_hole(hole, size=size)
        check_known(colours, where, alpha)
        other = None if exclude is None else _read_exclude(exclude, size)
        self._fill_colours(colours, where, alpha, style, other, on_progress, in_place=True)
        return result

    def fill_image_data(
        self,
        image: ImageData,
        hole: np.ndarray,
        *,
        style: Style | None = None,
        exclude: np.ndarray | None = None,
        seed: int | None = None,
        on_progress: OnProgress | None = None,
        in_place: bool = False,
    ) -> ImageData:
        """The image, as read_image gives it, with its hole filled.

        Args:
            image: With all that its file said.
            hole: (H, W) bool of the image's size, True = fill.
            style, on_progress: As for `fill`.
            exclude: (H, W) bool, True = texture is not copied from there.
            seed: Of the texture's random search; another one gives another fill. None = that of
                the inpainter.
            in_place: Write into the image's own pixels, which saves a copy of a large one.

        Raises:
            ValueError: A hole or `exclude` of another size, or a seed below 0 or of more than
                63 bits.
            TypeError: A hole or `exclude` that is not bool, or a seed that is no integer.
        """
        for name, mask in (("hole", hole), ("exclude", exclude)):
            if mask is not None and mask.dtype != np.bool_:
                raise TypeError(f"{name} must be bool, got {mask.dtype}; see read_hole")
        if hole.shape != image.size:
            raise ValueError(f"hole must be {image.size} like the image, got {hole.shape}")
        if exclude is not None and exclude.shape != image.size:
            raise ValueError(f"exclude must be {image.size} like the image, got {exclude.shape}")
        used = self if seed is None else self._with_seed(seed)
        pixels = used._fill_colours(
            image.pixels, hole, image.alpha, style, exclude, on_progress, in_place=in_place
        )
        return with_pixels(image, pixels)

    def on(self, device: str | torch.device) -> Inpainter:
        """This inpainter on a device, with a copy of its network; all else is the same."""
        other = copy.copy(self)
        other.device = torch.device(device)
        if isinstance(self.network, nn.Module):
            other.network = copy.deepcopy(self.network).to(other.device)
        other.refiner = copy.deepcopy(self.refiner).to(other.device) if self.refiner else None
        return other

    def _with_seed(self, seed: int) -> Inpainter:
        other = copy.copy(self)
        other.seed = check_seed(seed)
        return other

    @torch.inference_mode()
    def _fill_colours(
        self,
        colours: np.ndarray,
        hole: np.ndarray,
        alpha: np.ndarray | None,
        style: Style | None,
        exclude: np.ndarray | None,
        on_progress: OnProgress | None,
        *,
        in_place: bool = False,
    ) -> np.ndarray:
        """colours (H, W) or (H, W, 1 or 3) with the hole filled, as a new array or `in_place`."""
        with one_thread() as threads:
            finishing = self._finishing(style)
            result = colours if in_place else colours.copy()
            if hole.all():
                logger.warning("the hole is the whole picture: nothing is known to fill it from")
            known = ~hole if alpha is None else ~hole & (alpha > 0)
            filled = np.zeros(hole.shape, bool)
            gray = is_gray(colours, known)  # an old photo scanned in colour modes stays gray
            # Without boundary blending, the network has to fill thin holes, too.
            tiling = self.tiling if self.boundary else replace(self.tiling, thin_radius=0)
            regions = plan_regions(hole, tiling, guiding=finishing.style == "natural")
            progress = Progress(on_progress, regions, textured=finishing.style != "plain")
            for region in regions:
                fill = None
                if region.tiles:
                    fill = self._fill_region(result, known, region, finishing, progress, threads)
                fill = finishing.blend(fill, result, known, region)
                progress.blended(region)
                tiled = finishing.texture_tiles(region, hole.shape)
                for number in range(len(tiled.tiles)):
                    step = progress.of_texture(tiled, number)
                    finishing.add_texture(
                        fill, result, known, tiled, number, step, filled=filled, exclude=exclude
                    )
                progress.textured(region)
                fill.write(result, gray=gray)
                known[region.box][fill.mask] = True
                filled[region.box][fill.mask] = True
            progress.finished()
            return result

    def _finishing(self, style: Style | None) -> Finishing:
        style = self.style if style is None else check_style(style)
        return Finishing(self.boundary, self.refiner, style, self.seed, self.device)

    def _fill_region(
        self,
        colours: np.ndarray,
        known: np.ndarray,
        region: Region,
        finishing: Finishing,
        progress: Progress,
        threads: int,
    ) -> RegionFill:
        """The network's image of a region's hole."""
        fill = RegionFill(region)
        weights = np.zeros(len(fill.colours), np.float32)
        fill_tile = partial(self._fill_tile, colours, known, region, finishing)
        threads = min(threads, len(region.tiles)) if self.device.type == "cpu" else 1
        answers = map_in_order(fill_tile, region.tiles, threads)
        for tile, answer in zip(region.tiles, answers, strict=True):
            for part in bands(tile.core, MOST_PIXELS // 2):
                image = answer.part(relative(part, tile.context)).clip(0, 1)
                here = relative(part, region.box)
                fill.add(here, image, tile_weights(tile, part), weights)
            progress.filled(tile, region)
        fill.colours /= np.maximum(weights, np.finfo(np.float32).tiny)[:, None]
        return fill

    def _fill_tile(
        self,
        colours: np.ndarray,
        known: np.ndarray,
        region: Region,
        finishing: Finishing,
        tile: Tile,
    ) -> Enlarged:
        """The network's image of a tile's context, (h, w, 3) float32, about in [0, 1]."""
        image, valid = downscale(colours[tile.context], known[tile.context], region.factor)
        answer = self._predict(image, valid)
        if region.guiding:
            answer = finishing.blend_small(answer, image, valid, region.factor)
        return Enlarged(answer, known[tile.context].shape)

    def _predict(self, image: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Arrays (H, W, 3) in [0, 1] and (H, W) in {0, 1} through the network; float32."""
        batch = self._tensor(image), self._tensor(valid[..., None])
        output = self.network(*batch)[0].permute(1, 2, 0)
        return np.ascontiguousarray(check_finite(output.float(), "network").cpu().numpy())

    def _tensor(self, array: np.ndarray) -> Tensor:
        """(H, W, C) to (1, C, H, W) on the device, channels last in memory."""
        return torch.from_numpy(array).to(self.device).permute(2, 0, 1)[None]


def _ready(network: AnyModule, device: torch.device) -> AnyModule:
    return network.to(device).eval().to(memory_format=torch.channels_last)


def _read_exclude(exclude: Image.Image | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return read_hole(exclude, size=size, warn=False)


def check_seed(seed: int) -> int:
    """The seed as Python's integer, if it is one of 0 to 2**63 - 1, which torch takes.

    Raises:
        TypeError: For what is no integer.
        ValueError: For an integer out of range.
    """
    try:
        number = operator.index(seed)
    except TypeError as error:
        raise TypeError(f"seed must be an integer, got {seed!r}") from error
    if not 0 <= number < 2**63:
        raise ValueError(f"seed must lie in 0 to 2**63 - 1, got {seed}")
    return number

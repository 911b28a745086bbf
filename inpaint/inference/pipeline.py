"""From the network's image of a region to its fill: boundary blended, refined, texture added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from inpaint.inference.boundary import BoundaryConfig, blend_boundary
from inpaint.inference.compositing import to_rgb
from inpaint.inference.progress import OnProgress
from inpaint.inference.refinement import context_margin, refine
from inpaint.inference.region_fill import RegionFill
from inpaint.inference.scaling import MOST_PIXELS
from inpaint.inference.sources import Sources, nearest_block
from inpaint.inference.style import Style
from inpaint.inference.tiling import Region, Tile
from inpaint.models.refiner import Refiner
from inpaint.texture.natural import synthesize
from inpaint.texture.synthesis import add_detail
from inpaint.utils.crop import Crop, cover_ignored
from inpaint.utils.rectangles import Rectangle, dilate, grid, intersection, relative

# Of the context in which texture is found and put together: some 24 bytes each, and 30 for one of
# the hole. Photos of 24 megapixels are looked at as a whole.
_MOST_TEXTURED = 25_000_000
# Of larger ones: the most of a tile's core along an axis, and its context around that, px.
_TEXTURE_TILES = {"natural": (2048, 448), "faithful": (1024, 192)}
# In a context of more pixels than this with a smaller share that may be copied, sources come from
# elsewhere.
_ALONE, _FEW_SOURCES = 2**22, 1 / 16
_REFINED_FACTOR = 2.0  # the most that a fill is enlarged before the refiner in the natural style
# The boundary of a fill that was blended at the network's scale needs this at full size.
_ENLARGED = BoundaryConfig(band=4, data_weight=0.1)
_BOUNDARY_MARGIN = 4  # px around a region that its boundary band depends on
_BAND_MARGIN = 64  # px beyond that which a band of a large region sees


@dataclass(frozen=True)
class Finishing:
    """The steps after the network.

    Attributes:
        boundary: How the boundary band is blended, see blend_boundary; what comes of it is refined
            if there is a refiner. None leaves the network's fill as it is.
        refiner: On `device`.
        style: See check_style.
        seed: Of the texture's random search.
        device: Where the refiner and the texture are computed.
    """

    boundary: BoundaryConfig | None
    refiner: Refiner | None
    style: Style
    seed: int
    device: torch.device

    def blend_small(
        self, answer: np.ndarray, image: np.ndarray, valid: np.ndarray, factor: float
    ) -> np.ndarray:
        """The network's answer with the known pixels, blended at its own scale.

        The equations are those of a band of the same width at full size, where Laplace^2 of a
        surface is factor^4 times smaller, and depths in px are factor times larger.

        Args:
            answer, image: (h, w, 3) float32.
            valid: (h, w) in {0, 1}, 1 = known.
            factor: How much smaller than the image they are.

        Returns:
            (h, w, 3) float32; the known pixels are those of `image`.
        """
        known = valid > 0
        composite = np.where(known[..., None], image, answer.clip(0, 1))
        if self.boundary is None:
            return composite
        band = max(1, round(self.boundary.band / factor))
        config = BoundaryConfig(band, self.boundary.data_weight * factor**5)
        return blend_boundary(Crop(composite, ~known, np.zeros_like(known)), config)

    def blend(
        self, fill: RegionFill | None, colours: np.ndarray, known: np.ndarray, region: Region
    ) -> RegionFill:
        """The fill of a region, blended and refined.

        A large region is worked on in bands, which see enough of their neighbours for the same
        result to what the solver leaves, a level or two of 8 bits.

        Args:
            fill: The network's, which is changed; None continues what is around a thin hole.
            colours: The image, (H, W) or (H, W, C) of any dtype.
            known: (H, W) bool.
            region: Where the fill belongs.
        """
        if fill is not None and self.boundary is None:
            return fill
        boundary = _ENLARGED if region.guiding else self.boundary
        refiner = self.refiner if self._refines(region) else None
        margin = _BOUNDARY_MARGIN if refiner is None else context_margin(refiner)
        target = RegionFill(region) if fill is None else fill
        parts = [region.box]
        if _area(region.box) > MOST_PIXELS:
            margin += _BAND_MARGIN
            parts = target.parts(MOST_PIXELS // 2)
        done: tuple[Rectangle, np.ndarray] | None = None
        for part in parts:
            frame = dilate(part, margin, known.shape)
            crop = cut(colours, known, target, frame, given=fill is not None)
            if done is not None:  # until now, the network's image was needed there
                target.put(*done)
            blended = blend_boundary(crop, boundary, to_image=fill is not None)
            np.clip(blended, 0, 1, out=blended)
            if refiner is not None:
                crop = crop if fill is not None else crop.with_image(blended)
                blended = refine(refiner, crop, blended, self.device)
            done = relative(part, region.box), blended[relative(part, frame)]
        if done is not None:
            target.put(*done)
        return target

    def _refines(self, region: Region) -> bool:
        """Whether the refiner corrects what the natural style leaves of the region's fill.

        An enlarged fill has nothing fine, and that style takes all that is fine from the image.
        """
        enlarged = region.factor > _REFINED_FACTOR and bool(region.tiles)
        left_out = region.guiding or (enlarged and self.style == "natural")
        return region.refined and not left_out

    def texture_tiles(self, region: Region, size: tuple[int, ...]) -> Region:
        """The region with the tiles whose number `add_texture` takes.

        The natural style has one for all of the region, since where tiles meet its pieces end;
        several where one would take too much memory.

        size: (height, width) of the image.
        """
        if self.style == "plain" or not region.tiles:
            return region
        if self.style == "natural":
            whole = _union([tile.context for tile in region.tiles])
            if _area(whole) <= _MOST_TEXTURED:
                return replace(region, tiles=[Tile(whole, region.box)])
        side, margin = _TEXTURE_TILES[self.style]
        tiles = []
        for tile in region.tiles:
            if _area(tile.context) <= _MOST_TEXTURED:
                tiles.append(tile)
                continue
            for core in grid(tile.core, side):
                tiles.append(Tile(dilate(core, margin, size), core))
        return replace(region, tiles=tiles)

    def add_texture(
        self,
        fill: RegionFill,
        colours: np.ndarray,
        known: np.ndarray,
        region: Region,
        number: int,
        on_progress: OnProgress | None = None,
        *,
        filled: np.ndarray | None = None,
        exclude: np.ndarray | None = None,
    ) -> None:
        """Give the fill texture in one of the region's tiles, from what is known around it.

        Args:
            fill, colours, known, region: As for `blend`.
            number: Of the tile.
            on_progress: Called with the share of this work that is done.
            filled: (H, W) bool, True = known because it was filled before. The natural style does
                not copy such pixels.
            exclude: (H, W) bool, True = is not copied in any style.
        """
        tile = region.tiles[number]
        shared = intersection(region.box, tile.context)
        here, there = relative(shared, tile.context), relative(shared, region.box)
        own = relative(intersection(tile.core, shared), region.box)
        if self.style == "plain" or not fill.mask[own].any():
            return
        crop = cut(colours, known, fill, tile.context, given=True)
        if tile.core == region.box:  # the crop has all of them
            fill.clear()
        not_copied = np.zeros_like(crop.hole) if exclude is None else exclude[tile.context].copy()
        if self.style == "natural":
            if filled is not None:
                not_copied |= filled[tile.context]
            not_copied |= crop.hole
            sources = None
            if crop.hole.size > _ALONE and _share(crop.known & ~not_copied) < _FEW_SOURCES:
                sources = _find_sources(colours, known, tile, filled, exclude)
            textured = _synthesize(
                crop, region, number, not_copied, sources, self.seed, on_progress
            )
        else:
            part = crop.restricted(relative(tile.core, tile.context))
            part = replace(part, ignore=part.ignore | (not_copied & ~part.hole))
            textured = add_detail(part, seed=self.seed, device=self.device, on_progress=on_progress)
        fill.put(there, textured[here])


def _synthesize(
    crop: Crop,
    region: Region,
    number: int,
    exclude: np.ndarray,
    sources: Sources | None,
    seed: int,
    on_progress: OnProgress | None,
) -> np.ndarray:
    """The crop of a tile's context with natural texture in the tile's core.

    What earlier tiles share with it has its texture; the pieces join it, but do not copy it.
    """
    context, core = region.tiles[number].context, region.tiles[number].core
    image, hole, ignore = crop.image, crop.hole, crop.ignore
    if core != region.box:  # else all of the hole is the tile's own; masks take memory
        earlier, own = (np.zeros_like(crop.hole) for _ in range(2))
        for tile in region.tiles[:number]:
            earlier[relative(intersection(tile.core, context), context)] = True
        own[relative(core, context)] = True
        hole = crop.hole & own & ~earlier
        ignore = crop.ignore | (crop.hole & ~own & ~earlier)
    if sources is not None:
        image, hole, ignore, exclude = sources.beside(image, hole, ignore, exclude)
    filled = synthesize(image, hole, ignore, exclude, seed=seed, on_progress=on_progress, out=image)
    return filled[:, : crop.hole.shape[1]]


def _find_sources(
    colours: np.ndarray,
    known: np.ndarray,
    tile: Tile,
    filled: np.ndarray | None,
    exclude: np.ndarray | None,
) -> Sources | None:
    """The block of the image nearest to a tile that may be copied, if there is one."""
    forbidden = [array for array in (filled, exclude) if array is not None]
    block = nearest_block([(known, True), *((a, False) for a in forbidden)], tile.context)
    if block is None:
        return None
    allowed = known[block].copy()
    for array in forbidden:
        allowed &= ~array[block]
    image = to_rgb(colours[block])
    cover_ignored(image, ~known[block])
    return Sources(image, allowed)


def cut(
    colours: np.ndarray, known: np.ndarray, fill: RegionFill, frame: Rectangle, *, given: bool
) -> Crop:
    """The crop of an image that lies in `frame`, with a region's fill in its hole.

    Ignored pixels, and those of the hole where no fill is `given`, have the colour of the nearest
    other one.
    """
    image = to_rgb(colours[frame])
    hole = np.zeros(image.shape[:2], bool)
    shared = intersection(fill.box, frame)
    here, there = relative(shared, frame), relative(shared, fill.box)
    hole[here] = fill.mask[there]
    ignore = ~known[frame] & ~hole
    if given:
        fill.paste(there, image[here])
        cover_ignored(image, ignore)
    else:
        cover_ignored(image, ignore | hole)
    return Crop(image, hole, ignore)


def _union(rectangles: list[Rectangle]) -> Rectangle:
    """The smallest rectangle that holds all of these."""
    rows, columns = (
        slice(min(r[axis].start for r in rectangles), max(r[axis].stop for r in rectangles))
        for axis in (0, 1)
    )
    return rows, columns


def _share(mask: np.ndarray) -> float:
    return float(np.count_nonzero(mask)) / mask.size


def _area(rectangle: Rectangle) -> int:
    rows, columns = rectangle
    return (rows.stop - rows.start) * (columns.stop - columns.start)

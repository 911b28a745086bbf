"""From the network's image of a region to its fill: boundary blended, refined, texture added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from inpaint.inference.boundary import BoundaryConfig, blend_boundary
from inpaint.inference.compositing import to_rgb
from inpaint.inference.progress import OnProgress
from inpaint.inference.refinement import context_margin, refine
from inpaint.inference.style import Style
from inpaint.inference.tiling import Rectangle, Region, Tile, dilate, intersection, relative
from inpaint.models.refiner import Refiner
from inpaint.texture.natural import synthesize
from inpaint.texture.synthesis import add_detail
from inpaint.utils.crop import Crop, cover_ignored

_MOST_PIXELS = 2**25  # of a tile of the natural style: 16 bytes each, and 20 for one of the hole
_BOUNDARY_MARGIN = 4  # px around a region that its boundary band depends on


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

    def blend(
        self, fill: np.ndarray | None, colours: np.ndarray, known: np.ndarray, region: Region
    ) -> np.ndarray:
        """The fill of a region's box, (h, w, 3) float32 in [0, 1], blended and refined.

        Args:
            fill: (h, w, 3) float32, the network's; None continues what is around a thin hole.
            colours: The image, (H, W) or (H, W, C) of any dtype.
            known: (H, W) bool.
            region: Where the fill belongs.
        """
        if fill is not None and self.boundary is None:
            return fill
        refiner = self.refiner if region.refined else None
        margin = _BOUNDARY_MARGIN if refiner is None else context_margin(refiner)
        frame = dilate(region.box, margin, known.shape)
        crop = cut(colours, known, region, fill, frame)
        blended = blend_boundary(crop, self.boundary, to_image=fill is not None).clip(0, 1)
        if refiner is not None:
            crop = crop if fill is not None else crop.with_image(blended)
            blended = refine(refiner, crop, blended, self.device)
        return blended[relative(region.box, frame)]

    def texture_tiles(self, region: Region) -> Region:
        """The region with the tiles whose number `add_texture` takes.

        The natural style has one for all of the region, since where tiles meet its pieces end;
        several, as the network, where one would take too much memory.
        """
        if self.style != "natural" or not region.tiles:
            return region
        contexts = [tile.context for tile in region.tiles]
        rows, columns = (
            slice(min(c[axis].start for c in contexts), max(c[axis].stop for c in contexts))
            for axis in (0, 1)
        )
        if (rows.stop - rows.start) * (columns.stop - columns.start) > _MOST_PIXELS:
            return region
        return replace(region, tiles=[Tile((rows, columns), region.box)])

    def add_texture(
        self,
        fill: np.ndarray,
        colours: np.ndarray,
        known: np.ndarray,
        region: Region,
        number: int,
        on_progress: OnProgress | None = None,
        *,
        filled: np.ndarray | None = None,
        exclude: np.ndarray | None = None,
    ) -> np.ndarray:
        """The fill with texture in one of the region's tiles, from what the network saw there.

        Args:
            fill, colours, known, region: As for `blend`.
            number: Of the tile.
            on_progress: Called with the share of this work that is done.
            filled: (H, W) bool, True = known because it was filled before. The natural style does
                not copy such pixels.
            exclude: (H, W) bool, True = is not copied in any style.
        """
        tile = region.tiles[number]
        crop = cut(colours, known, region, fill, tile.context)
        own = relative(tile.core, tile.context)
        part = crop.restricted(own)
        if self.style == "plain" or not part.hole.any():
            return fill
        not_copied = np.zeros_like(crop.hole) if exclude is None else exclude[tile.context].copy()
        if self.style == "natural":
            if filled is not None:
                not_copied |= filled[tile.context]
            textured = _synthesize(crop, region, number, not_copied, self.seed, on_progress)
        else:
            part = replace(part, ignore=part.ignore | (not_copied & ~part.hole))
            textured = add_detail(part, seed=self.seed, device=self.device, on_progress=on_progress)
        # The region's box may reach beyond the tile's context, and the context beyond the box.
        shared = intersection(region.box, tile.context)
        here, there = relative(shared, tile.context), relative(shared, region.box)
        result = fill.copy()
        hole = crop.hole[here]
        result[there][hole] = textured[here][hole]
        return result


def _synthesize(
    crop: Crop,
    region: Region,
    number: int,
    exclude: np.ndarray,
    seed: int,
    on_progress: OnProgress | None,
) -> np.ndarray:
    """The crop of a tile's context with natural texture in the tile's core.

    What earlier tiles share with it has its texture; the pieces join it, but do not copy it.
    """
    context = region.tiles[number].context
    earlier, own = (np.zeros_like(crop.hole) for _ in range(2))
    for tile in region.tiles[:number]:
        earlier[relative(intersection(tile.core, context), context)] = True
    own[relative(region.tiles[number].core, context)] = True
    hole = crop.hole & own & ~earlier
    ignore = crop.ignore | (crop.hole & ~own & ~earlier)
    exclude = exclude | crop.hole
    return synthesize(
        crop.image, hole, ignore, exclude, seed=seed, on_progress=on_progress, out=crop.image
    )


def cut(
    colours: np.ndarray,
    known: np.ndarray,
    region: Region,
    fill: np.ndarray | None,
    frame: Rectangle,
) -> Crop:
    """The crop of an image that lies in `frame`, with a region's fill in its hole.

    Ignored pixels, and without a fill those of the hole, have the colour of the nearest other one.
    """
    image = to_rgb(colours[frame])
    hole = np.zeros(image.shape[:2], bool)
    shared = intersection(region.box, frame)
    here, there = relative(shared, frame), relative(shared, region.box)
    hole[here] = region.mask[there]
    ignore = ~known[frame] & ~hole
    if fill is None:
        cover_ignored(image, ignore | hole)
    else:
        image[here][hole[here]] = fill[there][hole[here]]
        cover_ignored(image, ignore)
    return Crop(image, hole, ignore)

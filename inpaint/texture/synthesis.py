"""Patch-based texture synthesis in a hole, guided by the network's fill.

The network knows what belongs into a hole and paints it soft; the known part of the image is
full of crisp texture. So a nearest-neighbour field gives every patch of the fill a known patch that
is like it, and the patches vote for the colour of each pixel. Coarse to fine, so that the sharp
pixels of the first scale guide the search at the next, and several times at each, so that
neighbouring patches agree (Wexler, Shechtman and Irani, "Space-time completion of video", PAMI
2007).

Every patch is shifted to the colours of the network's image and mixed with it; where no known patch
is like the fill, the network's image stays. Closest to the truth on average, and still soft.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.texture.patchmatch import PATCH_RADIUS, PATCH_SIZE, Patches, improve_nnf, random_nnf
from inpaint.texture.presets import SOFT, Preset
from inpaint.utils.crop import Crop
from inpaint.utils.distance import hole_depth

_COMPONENTS = 12  # principal components of patches that are compared
_SAMPLES = 3000  # patches they are computed from
_SPREAD = 1.5  # sigma of a patch's votes, px: its middle counts most
_CONFIDENCE = 0.3  # a patch this many medians of all costs off counts 1/e
_KNOWN_POWER = 3  # power of a patch's known share in its vote: what it matched there is no guess
_MIN_KNOWN = 0.05  # known share that a patch without any is given
_SHARE = 0.6  # of the patches' image in the result
_COST_SCALE = 0.1  # RMS difference, of [0, 1], at which the share is half of that
_PAINTED = 2.0  # sigma, px: coarser than this, the network's image is right
_LEAST_SOURCES = 64
_ROWS = 256  # that are blended together
_MOST_PIXELS = 2**22  # of the finest scale; bounds the memory to about 1.5 GB


def _blur_radius(sigma: float) -> int:
    return math.ceil(3 * sigma)


# px around a patch that its blurred pixels depend on
_MARGIN = PATCH_RADIUS + max(
    _blur_radius(one.blur) for passes in (SOFT.first, SOFT.finer) for one in passes
)


def add_detail(
    crop: Crop,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    on_progress: Callable[[float], object] | None = None,
) -> np.ndarray:
    """The crop's image with detail in its hole, from its known pixels.

    Args:
        crop: With the network's fill. Ignored pixels are no source, but are compared where they
            touch the hole.
        seed: Of the random part of the search.
        device: Where it is computed.
        on_progress: Called after each scale with the share of the work that is done.

    Returns:
        (H, W, 3) float32 in [0, 1], which differs from the crop's image only in the hole.
    """
    generator = torch.Generator().manual_seed(seed)
    preset = SOFT
    scales = _scales(~crop.known, preset.depth)
    level = None
    for number, scale in enumerate(scales):
        if on_progress is not None:  # the work of a scale grows with its pixels
            on_progress(sum(s**2 for s in scales[:number]) / sum(s**2 for s in scales))
        finer = _Level.of(crop, scale, preset, torch.device(device))
        if finer is None:
            continue
        finer.synthesize(level, generator, last=scale == scales[-1])
        level = finer
    if level is None:
        return crop.image
    change = level.change(crop.hole.shape)
    del level
    for top in range(0, len(change), _ROWS):  # in place: crops of large holes are large
        rows = slice(top, top + _ROWS)
        blended = (crop.image[rows] + change[rows]).clip(0, 1)
        change[rows] = np.where(crop.hole[rows, :, None], blended, crop.image[rows])
    return change


def _scales(unknown: np.ndarray, deepest: float) -> list[float]:
    """Powers of a half: from one at which the deepest hole is `deepest` px deep to the image's
    own, or to the largest that is not too large."""
    depth = hole_depth(unknown).max()
    first = max(1, math.ceil(math.log2(max(min(depth, *unknown.shape), 1) / deepest)))
    last = max(0, math.ceil(math.log2(unknown.size / _MOST_PIXELS) / 2))
    return [0.5**k for k in range(max(first, last), last - 1, -1)]


class _Level:
    """The synthesis at one scale.

    T targets are patches that touch the P pixels of the hole.
    """

    nnf: Tensor  # source of each target, (T,)
    pixel_cost: Tensor  # patch cost at each pixel of the hole, (P, 1)

    def __init__(self, image: Tensor, patches: Patches, preset: Preset) -> None:
        device = image.device
        self.preset = preset
        self.patches = patches
        self.guide = image  # with the network's fill, (H, W, 3)
        self.image = image  # with what is found so far, (H, W, 3)
        self.means = _patch_means(image)  # (H * W, 3)
        self.cost = torch.zeros(len(patches.targets), device=device)  # squared, of a value: (T,)
        self.positions = _positions(patches.size, preset.distance_weight).to(image)  # (H * W, 2)
        self.part, self.local = _part_around(patches)
        known = torch.ones(len(self.means), device=device)
        known[patches.hole] = 0
        share = self._target_means(known.view(*patches.size, 1))[:, 0]
        self.known_weight = (_MIN_KNOWN + share) ** _KNOWN_POWER  # (T,)

    @classmethod
    def of(cls, crop: Crop, scale: float, preset: Preset, device: torch.device) -> _Level | None:
        """crop: at full size. None where too little is known."""
        image, hole, other = crop.image, crop.hole, crop.ignore
        if scale != 1:
            height, width = hole.shape
            size = max(1, round(width * scale)), max(1, round(height * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            hole, other = (
                cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
                for part in (hole, other)
            )
        patches = Patches.of(hole, other & ~hole, device)
        if len(patches.sources) < _LEAST_SOURCES or not len(patches.targets):
            return None
        return cls(torch.from_numpy(np.ascontiguousarray(image)).to(device), patches, preset)

    def synthesize(self, coarser: _Level | None, generator: torch.Generator, *, last: bool) -> None:
        """Find the field and the image that it makes, from the coarser level's if there is one."""
        height, width = self.patches.size
        self.nnf = random_nnf(self.patches, generator)
        if coarser is None:
            passes, search_radius = self.preset.first, max(height, width) / 2
        else:
            passes, search_radius = self.preset.finer, max(height, width) / 4
            self._upsample_nnf(coarser)
            self._vote()
        blur = None
        for one in passes:
            if one.blur != blur:
                blur = one.blur
                basis, features = self._features(blur, generator)
            self.nnf, cost = improve_nnf(
                self.patches,
                self.nnf,
                self._target_features(blur, basis),
                features,
                iterations=one.iterations,
                search_radius=search_radius,
                generator=generator,
            )
            self.cost = cost / (3 * PATCH_SIZE**2)
            self._vote(single=last and one is passes[-1])

    def _set_hole(self, colours: Tensor) -> None:
        """Give the pixels of the hole their colours, (P, 3)."""
        self.image = self.guide.clone()
        self.image.view(-1, 3)[self.patches.hole] = colours

    def _upsample_nnf(self, coarser: _Level) -> None:
        """Start from the sources of the coarser level, where they can be used at this one."""
        (height, width), (h, w) = self.patches.size, coarser.patches.size
        y, x = self.patches.targets // width, self.patches.targets % width
        index = coarser.patches.target_index((y * h // height) * w + x * w // width)
        source = coarser.nnf[index.clamp(min=0)]
        # The same offset at this scale.
        dy = (source // w - y * h // height) * height // h
        dx = (source % w - x * w // width) * width // w
        shifted, inside = self.patches.shifted(self.patches.targets, dy, dx)
        fits = inside & (index >= 0) & self.patches.is_source[shifted]
        self.nnf = torch.where(fits, shifted, self.nnf)

    def _features(self, blur: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A basis for patches, and what those of the known image are compared by: (H * W, C)."""
        known = _blurred(self.guide, blur) if blur else self.guide
        basis = _basis(known, self.patches, generator)
        return basis, torch.cat(
            [_in_basis(known, basis, self.preset.mean_weight), self.positions], 1
        )

    def _target_features(self, blur: float, basis: Tensor) -> Tensor:
        """What the targets are compared by: (T, C)."""
        present = self.image[self.part]
        if blur:
            present = _blurred(present, blur)
        target_features = _in_basis(present, basis, self.preset.mean_weight).index_select(
            0, self.local
        )
        return torch.cat([target_features, self.positions.index_select(0, self.patches.targets)], 1)

    def _target_means(self, image: Tensor) -> Tensor:
        """Mean of every target's patch in (H, W, C): (T, C)."""
        return _patch_means(image[self.part]).index_select(0, self.local)

    def _vote(self, *, single: bool = False) -> None:
        """A new image: each pixel of the hole is the mean of the patches over it, which are shifted
        to the colour here.

        Args:
            single: Take the patch of most confidence instead of the mean.
        """
        patches, colours = self.patches, self.guide.reshape(-1, 3)
        shift = self._target_means(self.image) - self.means.index_select(0, self.nnf)
        scale = (_CONFIDENCE * self.cost.median()).clamp(min=1e-9)
        confidence = self.known_weight * torch.exp(-(self.cost / scale).clamp(max=30))
        # The last row, without weight, is that of no target, index -1.
        voters = F.pad(torch.cat([shift, self.cost[:, None], confidence[:, None]], 1), (0, 0, 0, 1))
        nnf = F.pad(self.nnf, (0, 1))
        positions = patches.positions(patches.hole)
        total = torch.zeros(len(patches.hole), 4, device=colours.device)  # colour and cost
        weights = torch.zeros(len(patches.hole), 1, device=colours.device)
        for dy in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
            for dx in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
                index = patches.target_near(positions, -dy, -dx)
                index = torch.where(index < 0, len(confidence), index)
                source = nnf.index_select(0, index) + dy * patches.size[1] + dx
                vote, weight = voters.index_select(0, index).split((4, 1), 1)
                vote[:, :3] += colours.index_select(0, source.clamp(min=0))
                weight = math.exp(-(dy**2 + dx**2) / (2 * _SPREAD**2)) * weight
                if single:
                    ahead = weight > weights
                    total = torch.where(ahead, vote, total)
                    weights = torch.where(ahead, weight, weights)
                else:
                    total.addcmul_(vote, weight)
                    weights += weight
        votes = total if single else total / weights
        self._set_hole(votes[:, :3])
        self.pixel_cost = votes[:, 3:]

    def _visible_change(self, change: Tensor) -> Tensor:
        """Mean square, (P, 1), of the part of a change, (H, W, 3), that the network's image could
        show. After the first vote patches are compared with the patches' image and no longer with
        the network's, so their cost does not hold this."""
        seen = _blurred(change, _PAINTED).square().mean(2, keepdim=True).expand_as(change)
        return _blurred(seen, _SPREAD).reshape(-1, 3)[self.patches.hole, :1]

    def change(self, size: tuple[int, ...]) -> np.ndarray:
        """This level's change of the image, (H, W, 3), as far as the patches are like the fill.

        size: (height, width) that it gets.
        """
        change = self.image - self.guide
        doubt = (self.pixel_cost + self._visible_change(change)) / _COST_SCALE**2
        change.view(-1, 3)[self.patches.hole] *= _SHARE / (1 + doubt)
        added = change.cpu().numpy()
        if added.shape[:2] != size:
            added = cv2.resize(added, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
        return np.ascontiguousarray(added)


def _part_around(patches: Patches) -> tuple[tuple[slice, slice], Tensor]:
    """The part of the image that the targets depend on, also when blurred; their pixel numbers
    in it, (T,) int64."""
    y = patches.targets // patches.size[1]
    x = patches.targets - y * patches.size[1]
    (top, bottom), (left, right) = (
        (max(int(at.min()) - _MARGIN, 0), min(int(at.max()) + 1 + _MARGIN, limit))
        for at, limit in zip((y, x), patches.size, strict=True)
    )
    local = (y - top) * (right - left) + x - left
    return (slice(top, bottom), slice(left, right)), local


def _positions(size: tuple[int, int], distance_weight: float) -> Tensor:
    """Positions of the pixels, the longer side `distance_weight` long: (H * W, 2)."""
    positions = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    return positions * (distance_weight / max(size))


def _patch_means(image: Tensor) -> Tensor:
    """Mean of every patch of (H, W, C): (H * W, C)."""
    padded = F.pad(_planes(image), (PATCH_RADIUS,) * 4, mode="replicate")
    return F.avg_pool2d(padded, PATCH_SIZE, stride=1)[0].flatten(1).T.contiguous()


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (H, W, 3)."""
    radius = _blur_radius(sigma)
    ramp = torch.arange(-radius, radius + 1, dtype=torch.float32, device=image.device)
    kernel = torch.exp(-(ramp**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    planes = F.pad(_planes(image), (radius,) * 4, mode="replicate")
    planes = F.conv2d(planes, kernel[:, :, None], groups=3)
    planes = F.conv2d(planes, kernel[:, :, :, None], groups=3)
    return planes[0].permute(1, 2, 0).contiguous()


def _basis(image: Tensor, patches: Patches, generator: torch.Generator) -> Tensor:
    """Principal components of the sources without their means: (C, 3, PATCH_SIZE, PATCH_SIZE)."""
    picks = torch.randint(len(patches.sources), (_SAMPLES,), generator=generator)
    corner = patches.sources[picks.to(image.device)] - PATCH_RADIUS * (patches.size[1] + 1)
    steps = torch.arange(PATCH_SIZE, device=image.device)
    pixels = (
        corner[:, None, None] + steps[:, None] * patches.size[1] + steps
    )  # (N, PATCH_SIZE, PATCH_SIZE)
    samples = image.reshape(-1, 3)[pixels].cpu().double()
    samples = (samples - samples.mean((1, 2), keepdim=True)).permute(0, 3, 1, 2).flatten(1)
    # Ascending: the last are the principal ones. On the CPU, so that every device gets the same.
    components = torch.linalg.eigh(samples.T @ samples)[1][:, -_COMPONENTS:]
    return components.T.reshape(-1, 3, PATCH_SIZE, PATCH_SIZE).float().to(image.device)


def _in_basis(image: Tensor, basis: Tensor, mean: float) -> Tensor:
    """Components and weighted mean colour of every patch: (H * W, C + 3).

    Squared distances of two rows are about those of the patches' pixels.
    """
    padded = F.pad(_planes(image), (PATCH_RADIUS,) * 4, mode="replicate")
    features = torch.empty(image[..., 0].numel(), len(basis) + 3, device=image.device)
    features[:, :-3] = F.conv2d(padded, basis)[0].flatten(1).T
    features[:, -3:] = mean * PATCH_SIZE * _patch_means(image)
    return features


def _planes(image: Tensor) -> Tensor:
    """(H, W, C) as a batch of one: (1, C, H, W)."""
    return image.permute(2, 0, 1)[None]

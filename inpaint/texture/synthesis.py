"""Detail of a fill from the picture itself, guided by the network.

The network knows what belongs into a hole and paints it soft; the known part of the picture is
full of crisp texture. So every small window of the fill looks for the known window most like it
and takes its detail over, moved to the colour it has itself: texture from the picture, colours and
structure from the network. Coarse to fine, so that the sharp pixels of the first scale decide what
is looked for at the next, and more than once at each, so that neighbouring windows agree
(Wexler, Shechtman and Irani, "Space-time completion of video", PAMI 2007).

There are two ways to do so. Soft: every window is moved to the colours of the network's picture and
mixed with it; where no known window is like the fill, the network's picture stays. Closest to the
truth on average, and still soft. Sharp: the network's picture is where the search starts, at a
scale at which even it is sharp, and the windows' picture takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inpaint.texture.patchmatch import RADIUS, SIDE, Windows, any_sources, find_sources
from inpaint.texture.poisson import join_sources
from inpaint.texture.presets import SHARP, SOFT, Style
from inpaint.utils.crop import Crop
from inpaint.utils.distance import hole_depth

_COMPONENTS = 12  # principal components of windows that are compared
_SAMPLES = 3000  # windows they are computed from
_SPREAD = 1.5  # sigma of a window's votes, px: its middle counts most
_TRUST = 0.3  # a window this many medians of all costs off counts 1/e
_GROUND = 3  # power of a window's known share in its vote: what it matched there is no guess
_BARE = 0.05  # known share that a window without any is given
_SHARE = 0.6  # of the windows' picture in a soft result
_UNLIKE = 0.1  # RMS difference, of [0, 1], at which the share is half of that
_PAINTED = 2.0  # sigma, px: what is left of a picture blurred by it, the network has painted
_FLAT = 0.02  # standard deviation of the values of a window whose flatness is a half
_LEAST_SOURCES = 64
_SEAM_PIXELS = 40_000  # most pixels of a hole whose seams are spread; finer scales inherit it
_MOST_PIXELS = 2**22  # of the finest scale; bounds the memory to about 1.5 GB


def _blur_radius(sigma: float) -> int:
    return math.ceil(3 * sigma)


# px beside a window that its blurred pixels depend on
_BESIDE = RADIUS + max(
    _blur_radius(one.blur)
    for style in (SOFT, SHARP)
    for search in (style.first, style.finer)
    for one in search.passes
)


def add_detail(
    crop: Crop,
    *,
    sharp: bool = False,
    seed: int = 0,
    device: str | torch.device = "cpu",
    on_progress: Callable[[float], object] | None = None,
) -> np.ndarray:
    """The crop's image with detail in its hole, from its known pixels.

    Args:
        crop: With the network's fill. Ignored pixels are no source, but are compared where they
            touch the hole.
        sharp: The way, see above.
        seed: Of the random part of the search.
        device: Where it is computed.
        on_progress: Called after each scale with the share of the work that is done.

    Returns:
        (H, W, 3) float32 in [0, 1], which differs from the crop's image only in the hole.
    """
    generator = torch.Generator().manual_seed(seed)
    style = SHARP if sharp else SOFT
    scales = _scales(~crop.known, style.depth)
    level = None
    for number, scale in enumerate(scales):
        if on_progress is not None:  # the work of a scale grows with its pixels
            on_progress(sum(s**2 for s in scales[:number]) / sum(s**2 for s in scales))
        finer = _Level.of(crop, scale, style, torch.device(device))
        if finer is None:
            continue
        finer.synthesize(level, generator, last=scale == scales[-1])
        level = finer
    if level is None:
        return crop.image
    blended = level.blended(crop.image).clip(0, 1)
    return np.where(crop.hole[..., None], blended, crop.image)


def _scales(unknown: np.ndarray, deepest: float) -> list[float]:
    """Powers of a half: from one at which the deepest hole is `deepest` px deep to the picture's
    own, or to the largest that is not too large."""
    depth = hole_depth(unknown).max()
    first = max(1, math.ceil(math.log2(max(min(depth, *unknown.shape), 1) / deepest)))
    last = max(0, math.ceil(math.log2(unknown.size / _MOST_PIXELS) / 2))
    return [0.5**k for k in range(max(first, last), last - 1, -1)]


class _Level:
    """The synthesis at one scale.

    T targets are windows that touch the P pixels of the hole.
    """

    nearest: Tensor  # source of each target, (T,)
    unlike: Tensor  # cost at each pixel of the hole, (P, 1)

    def __init__(self, picture: Tensor, windows: Windows, style: Style) -> None:
        device = picture.device
        self.style = style
        self.windows = windows
        self.guide = picture  # with the network's fill, (H, W, 3)
        self.picture = picture  # with what is found so far, (H, W, 3)
        self.means = _window_means(picture)  # (H * W, 3)
        self.cost = torch.zeros(len(windows.targets), device=device)  # squared, of a value: (T,)
        self.places = _places(windows.size, style.far).to(picture)  # (H * W, 2)
        self.part, self.local = _part_around(windows)
        known = torch.ones(len(self.means), device=device)
        known[windows.hole] = 0
        share = self._target_means(known.view(*windows.size, 1))[:, 0]
        self.ground = (_BARE + share) ** _GROUND  # (T,)

    @classmethod
    def of(cls, crop: Crop, scale: float, style: Style, device: torch.device) -> _Level | None:
        """crop: at full size. None where too little is known."""
        picture, hole, other = crop.image, crop.hole, crop.ignore
        if scale != 1:
            height, width = hole.shape
            size = max(1, round(width * scale)), max(1, round(height * scale))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            hole, other = (
                cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
                for part in (hole, other)
            )
        windows = Windows.of(hole, other & ~hole, device)
        if len(windows.sources) < _LEAST_SOURCES or not len(windows.targets):
            return None
        return cls(torch.from_numpy(np.ascontiguousarray(picture)).to(device), windows, style)

    def synthesize(self, coarser: _Level | None, generator: torch.Generator, *, last: bool) -> None:
        """Find the sources and the picture they make, from the coarser level's if there is one."""
        height, width = self.windows.size
        self.nearest = any_sources(self.windows, generator)
        if coarser is None:
            search, reach = self.style.first, max(height, width) / 2
        else:
            search, reach = self.style.finer, max(height, width) / 4
            self._take_over(coarser)
            self._vote(search.moved)
        bonds = self._bonds(search.guided)
        blur = None
        for one in search.passes:
            if one.blur != blur:
                blur = one.blur
                basis, features = self._features(blur, bonds, generator)
            self.nearest, cost = find_sources(
                self.windows,
                self.nearest,
                self._wanted(blur, bonds, basis),
                features,
                rounds=one.rounds,
                reach=reach,
                generator=generator,
            )
            self.cost = cost / (3 * SIDE**2)
            self._vote(search.moved, single=last and one is search.passes[-1])
        if self.style.free and len(self.windows.hole) <= _SEAM_PIXELS:
            self._paint(join_sources(self.windows, self.guide.reshape(-1, 3), self.nearest))

    def _paint(self, colours: Tensor) -> None:
        """Give the pixels of the hole their colours, (P, 3)."""
        self.picture = self.guide.clone()
        self.picture.view(-1, 3)[self.windows.hole] = colours

    def _take_over(self, coarser: _Level) -> None:
        """Start from the sources of the coarser level, where they can be used at this one."""
        (height, width), (h, w) = self.windows.size, coarser.windows.size
        y, x = self.windows.targets // width, self.windows.targets % width
        number = coarser.windows.number((y * h // height) * w + x * w // width)
        source = coarser.nearest[number.clamp(min=0)]
        # The same way off at this scale.
        dy = (source // w - y * h // height) * height // h
        dx = (source % w - x * w // width) * width // w
        moved, inside = self.windows.moved(self.windows.targets, dy, dx)
        fits = inside & (number >= 0) & self.windows.usable[moved]
        self.nearest = torch.where(fits, moved, self.nearest)
        if self.style.free:
            enlarged = F.interpolate(
                _planes(coarser.picture), size=self.windows.size, mode="bicubic"
            )
            self._paint(enlarged[0].permute(1, 2, 0).reshape(-1, 3)[self.windows.hole])

    def _features(
        self, blur: float, bonds: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A basis for windows, and what those of the known picture are compared by: (H * W, C)."""
        known = _blurred(self.guide, blur) if blur else self.guide
        basis = _basis(known, self.windows, generator)
        return basis, torch.cat([_in_basis(known, basis, self.style.mean), bonds], 1)

    def _wanted(self, blur: float, bonds: Tensor, basis: Tensor) -> Tensor:
        """What the targets are compared by: (T, C)."""
        present = self.picture[self.part]
        if blur:
            present = _blurred(present, blur)
        wanted = _in_basis(present, basis, self.style.mean).index_select(0, self.local)
        return torch.cat([wanted, bonds.index_select(0, self.windows.targets)], 1)

    def _bonds(self, guided: float) -> Tensor:
        """What else sets two windows apart: their distance, (H * W, 2), and if guided what the
        network has painted where they are, (H * W, 5)."""
        if not guided:
            return self.places
        return torch.cat([self.places, guided * SIDE * self.means], 1)

    def _target_means(self, picture: Tensor) -> Tensor:
        """Mean of every target's window in (H, W, C): (T, C)."""
        return _window_means(picture[self.part]).index_select(0, self.local)

    def _vote(self, moved: float, *, single: bool = False) -> None:
        """A new picture: each pixel of the hole from the windows over it; their mean, or the
        most trusted single one. moved: share of the way that windows go to the colour here."""
        windows, colours = self.windows, self.guide.reshape(-1, 3)
        shift = self._target_means(self.picture) - self.means.index_select(0, self.nearest)
        if moved < 1:
            shift *= self.flatness[self.nearest].clamp(min=moved) if moved else 0
        scale = (_TRUST * self.cost.median()).clamp(min=1e-9)
        trust = self.ground * torch.exp(-(self.cost / scale).clamp(max=30))
        # Of no target, which is what number -1 says, the last row: without weight.
        voters = F.pad(torch.cat([shift, self.cost[:, None], trust[:, None]], 1), (0, 0, 0, 1))
        nearest = F.pad(self.nearest, (0, 1))
        places = windows.places(windows.hole)
        total = torch.zeros(len(windows.hole), 4, device=colours.device)  # colour and cost
        weights = torch.zeros(len(windows.hole), 1, device=colours.device)
        for dy in range(-RADIUS, RADIUS + 1):
            for dx in range(-RADIUS, RADIUS + 1):
                number = windows.beside(places, -dy, -dx)
                number = torch.where(number < 0, len(trust), number)
                source = nearest.index_select(0, number) + dy * windows.size[1] + dx
                vote, weight = voters.index_select(0, number).split((4, 1), 1)
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
        self._paint(votes[:, :3])
        self.unlike = votes[:, 3:]

    @cached_property
    def flatness(self) -> Tensor:
        """Of every window, from 0 for texture to 1 for one colour: (H * W, 1)."""
        variance = _window_means(self.guide.square()) - self.means.square()
        return 1 / (1 + variance.mean(1, keepdim=True).clamp(min=0) / _FLAT**2)

    def _drift(self, change: Tensor) -> Tensor:
        """Mean square at each pixel, (P, 1), of what a change, (H, W, 3), does to what even the
        soft fill shows. After the first vote windows are compared with others' and no longer with
        the network's picture, so their cost does not tell."""
        seen = _blurred(change, _PAINTED).square().mean(2, keepdim=True).expand_as(change)
        return _blurred(seen, _SPREAD).reshape(-1, 3)[self.windows.hole, :1]

    def blended(self, picture: np.ndarray) -> np.ndarray:
        """The picture, (H, W, 3) of full size, moved to this level's as far as the windows were
        like the fill."""
        change = self.picture - self.guide
        if not self.style.free:
            doubt = (self.unlike + self._drift(change)) / _UNLIKE**2
            change.view(-1, 3)[self.windows.hole] *= _SHARE / (1 + doubt)
        added = change.cpu().numpy()
        if added.shape != picture.shape:
            size = picture.shape[1], picture.shape[0]
            added = cv2.resize(added, size, interpolation=cv2.INTER_CUBIC)
        return picture + added


def _part_around(windows: Windows) -> tuple[tuple[slice, slice], Tensor]:
    """The part of the picture that the targets depend on, also when blurred; their pixel numbers
    in it, (T,) int64."""
    y = windows.targets // windows.size[1]
    x = windows.targets - y * windows.size[1]
    (top, bottom), (left, right) = (
        (max(int(at.min()) - _BESIDE, 0), min(int(at.max()) + 1 + _BESIDE, limit))
        for at, limit in zip((y, x), windows.size, strict=True)
    )
    local = (y - top) * (right - left) + x - left
    return (slice(top, bottom), slice(left, right)), local


def _places(size: tuple[int, int], far: float) -> Tensor:
    """Where the pixels are, `far` a longer side apart: (H * W, 2)."""
    places = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    return places * (far / max(size))


def _window_means(picture: Tensor) -> Tensor:
    """Mean of every window of (H, W, C): (H * W, C)."""
    padded = F.pad(_planes(picture), (RADIUS,) * 4, mode="replicate")
    return F.avg_pool2d(padded, SIDE, stride=1)[0].flatten(1).T.contiguous()


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (H, W, 3)."""
    radius = _blur_radius(sigma)
    ramp = torch.arange(-radius, radius + 1, dtype=torch.float32, device=picture.device)
    kernel = torch.exp(-(ramp**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    planes = F.pad(_planes(picture), (radius,) * 4, mode="replicate")
    planes = F.conv2d(planes, kernel[:, :, None], groups=3)
    planes = F.conv2d(planes, kernel[:, :, :, None], groups=3)
    return planes[0].permute(1, 2, 0).contiguous()


def _basis(picture: Tensor, windows: Windows, generator: torch.Generator) -> Tensor:
    """Principal components of the sources without their means: (C, 3, SIDE, SIDE)."""
    picks = torch.randint(len(windows.sources), (_SAMPLES,), generator=generator)
    corner = windows.sources[picks.to(picture.device)] - RADIUS * (windows.size[1] + 1)
    steps = torch.arange(SIDE, device=picture.device)
    pixels = corner[:, None, None] + steps[:, None] * windows.size[1] + steps  # (N, SIDE, SIDE)
    samples = picture.reshape(-1, 3)[pixels].cpu().double()
    samples = (samples - samples.mean((1, 2), keepdim=True)).permute(0, 3, 1, 2).flatten(1)
    # Ascending: the last are the principal ones. On the CPU, so that every device gets the same.
    components = torch.linalg.eigh(samples.T @ samples)[1][:, -_COMPONENTS:]
    return components.T.reshape(-1, 3, SIDE, SIDE).float().to(picture.device)


def _in_basis(picture: Tensor, basis: Tensor, mean: float) -> Tensor:
    """Components and weighted mean colour of every window: (H * W, C + 3).

    Squared distances of two rows are about those of the windows' pixels.
    """
    padded = F.pad(_planes(picture), (RADIUS,) * 4, mode="replicate")
    features = torch.empty(picture[..., 0].numel(), len(basis) + 3, device=picture.device)
    features[:, :-3] = F.conv2d(padded, basis)[0].flatten(1).T
    features[:, -3:] = mean * SIDE * _window_means(picture)
    return features


def _planes(picture: Tensor) -> Tensor:
    """(H, W, C) as a batch of one: (1, C, H, W)."""
    return picture.permute(2, 0, 1)[None]

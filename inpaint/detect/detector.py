"""Damage in images of any size: the network on tiles, and masks from its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inpaint.checkpoints.torch_file import check_finite
from inpaint.checkpoints.weights import find_weights, load_detector
from inpaint.detect.marking import mark, threshold_at
from inpaint.detect.settings import DEFAULT_DETECTOR, check_classes, check_sensitivity
from inpaint.images import ImageData, from_pil
from inpaint.inference.compositing import split_array, to_rgb
from inpaint.inference.progress import OnProgress, Share
from inpaint.masks.read import grow_hole
from inpaint.models.detector import CLASSES, Detector, fold_norms
from inpaint.models.limits import STRIDE
from inpaint.utils.devices import usable_device
from inpaint.utils.threads import map_in_order, one_thread

TILE = 896  # px; side of the part of an image that one run of the network answers for
MARGIN = 64  # px around it that the network sees; a multiple of STRIDE
SMALL = 1600  # px of the longer side up to which an image is enlarged
ENLARGED = 1.5  # times
LARGEST_SPECK = 0.02  # share of the image; a larger stain is more often a part of the scene
SCRATCH, STAMP = CLASSES.index("scratch"), CLASSES.index("stamp")


@dataclass(frozen=True, eq=False)
class Detection:
    """The damage of one image."""

    mask: np.ndarray  # (H, W) bool, True = damage of the classes that were looked for
    scores: np.ndarray  # (H, W, 3) uint8, 255 times the probability of each of CLASSES
    shares: dict[str, float]  # share of the image's pixels, by class that was looked for

    @property
    def share(self) -> float:
        """Share of the image's pixels that are marked, in [0, 1]."""
        return float(self.mask.mean())

    def hole(self, grow: int = 0) -> np.ndarray:
        """(H, W) bool, the mask grown by so many px, for `Inpainter.fill`."""
        return grow_hole(self.mask, grow)


class DamageDetector:
    """Finds damage in images of any size. Threads may share it."""

    def __init__(self, network: Detector, *, device: str | torch.device = "cpu") -> None:
        """network: Stays as it is; a folded copy is used. device: Where that runs."""
        self.device = usable_device(device)
        self.config = network.config
        folded = fold_norms(network).to(self.device)
        self.network = folded.to(memory_format=torch.channels_last)
        self.half = self.device.type == "cuda" or torch.cpu._is_amx_tile_supported()

    @classmethod
    def load(
        cls, weights: str | Path = DEFAULT_DETECTOR, *, device: str | torch.device | None = None
    ) -> DamageDetector:
        """A detector with the weights of a file.

        Args:
            weights: The name of shipped weights, or a safetensors file.
            device: None takes the GPU if there is one.

        Raises:
            FileNotFoundError: There is no such file.
            CheckpointError: The file holds no detector.
            ValueError: A device that this machine does not have.
        """
        found = usable_device(device)
        return cls(load_detector(find_weights(weights)), device=found)

    def detect(
        self,
        image: Image.Image | np.ndarray | ImageData,
        *,
        classes: Sequence[str] = CLASSES,
        sensitivity: float = 0.5,
    ) -> Detection:
        """The damage of an image.

        Args:
            image: A PIL image, whose EXIF orientation is applied, an `ImageData`, or an array
                (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA of uint8, uint16, or floats in
                [0, 1]. Transparent pixels are never damage.
            classes: Some of "scratch" (lines, hairs, folds, cracks), "dust" (specks, fibres,
                stains) and "stamp" (dates, short text).
            sensitivity: From 0, what is certain, to 1, what is possible.

        Raises:
            ValueError: Another shape, class or sensitivity.
            TypeError: Another kind of image.
        """
        check_classes(classes)
        check_sensitivity(sensitivity)
        colours, alpha = _channels(image)
        return self.mark(self.scores(colours), alpha, classes=classes, sensitivity=sensitivity)

    def mark(
        self,
        scores: np.ndarray,
        alpha: np.ndarray | None = None,
        *,
        classes: Sequence[str] = CLASSES,
        sensitivity: float = 0.5,
    ) -> Detection:
        """A detection from scores, to try another sensitivity without the network.

        Args:
            scores: (H, W, 3) uint8, as `scores` gives them.
            alpha: (H, W); 0 is never damage.
            classes, sensitivity: As for `detect`.
        """
        mask, shares = np.zeros(scores.shape[:2], bool), {}
        for index, name in enumerate(CLASSES):
            if name not in classes:
                continue
            threshold = threshold_at(sensitivity, self.config.thresholds[index])
            largest = LARGEST_SPECK if name == "dust" else 1.0
            marked = mark(scores[..., index], threshold, largest=largest)
            if alpha is not None:
                marked &= alpha > 0
            shares[name] = round(float(marked.mean()), 6)
            mask |= marked
        return Detection(mask, scores, shares)

    def scores(self, colours: np.ndarray, *, on_progress: OnProgress | None = None) -> np.ndarray:
        """(H, W, 3) uint8, 255 times the probability of each of CLASSES.

        Small photos hold many sharp details that look like damage, so the network sees them four
        times: as they are, mirrored, and both enlarged. In large photos letters and folds are
        larger than those it knows, so it also sees these at a half and a quarter of their size.

        Args:
            colours: (H, W) or (H, W, 1 or 3), of any type that `detect` takes.
            on_progress: Takes the share that is done, 0 to 1, after each tile. What it raises ends
                the search.
        """
        longer = max(colours.shape[:2])
        if longer <= SMALL:
            seen = Share(on_progress, 2 * (1 + ENLARGED**2) * colours.shape[0] * colours.shape[1])
            return self._scores_of_small(to_rgb(colours), seen)
        factors = [factor for factor in (2, 4) if longer > SMALL * factor // 2]
        area = sum(1 / factor**2 for factor in (1, *factors))
        seen = Share(on_progress, area * colours.shape[0] * colours.shape[1])
        scores = self._scores_of_size(colours, seen)
        for factor in factors:
            coarse = self._scores_of_size(_resized(colours, 1 / factor), seen)
            coarse = _scaled_to(coarse, scores.shape[:2])
            # Scratches and dust of a coarser image are more often wrong, so they count half.
            coarse[..., :STAMP] //= 2
            np.maximum(scores, coarse, out=scores)
        return scores

    def _scores_of_small(self, rgb: np.ndarray, seen: Share) -> np.ndarray:
        """Mean scores of an image, its mirror image, and both enlarged.

        Those of scratches, with which details are confused most, are of the enlarged ones alone.
        """
        size = rgb.shape[0], rgb.shape[1]
        large = _resized(rgb, ENLARGED).clip(0, 1)
        pairs = []
        for image in (rgb, large):
            mirrored = self._scores_of_size(np.ascontiguousarray(image[:, ::-1]), seen)[:, ::-1]
            pair = self._scores_of_size(image, seen).astype(np.float32) + mirrored
            pairs.append(_scaled_to(pair, size) / 2)
        scores = (pairs[0] + pairs[1]) / 2
        scores[..., SCRATCH] = pairs[1][..., SCRATCH]
        return np.rint(scores.clip(0, 255)).astype(np.uint8)

    def _scores_of_size(self, colours: np.ndarray, seen: Share) -> np.ndarray:
        """Scores at the size that the colours have."""
        height, width = colours.shape[:2]
        scores = np.empty((height, width, len(CLASSES)), np.uint8)
        corners = [(y, x) for y in range(0, height, TILE) for x in range(0, width, TILE)]

        def run(corner: tuple[int, int]) -> int:
            y, x = corner
            piece, (top, left) = _around(colours, y, x)
            found = self._run(to_rgb(piece))
            rows, columns = min(TILE, height - y), min(TILE, width - x)
            scores[y : y + rows, x : x + columns] = found[
                y - top : y - top + rows, x - left : x - left + columns
            ]
            return rows * columns

        with one_thread() as threads:
            for area in map_in_order(run, corners, threads if self.device.type == "cpu" else 1):
                seen.advance(area)
        return scores

    @torch.inference_mode()
    def _run(self, rgb: np.ndarray) -> np.ndarray:
        """Scores of one tile, (h, w, 3) uint8, from its colours in [0, 1]."""
        height, width = rgb.shape[:2]
        x = torch.from_numpy(rgb).to(self.device).permute(2, 0, 1)[None]
        x = F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits: Tensor = self.network(x)
        check_finite(logits, "detector")
        found = (255 * logits[0, :, :height, :width].float().sigmoid()).round().to(torch.uint8)
        return found.permute(1, 2, 0).cpu().numpy()


def detect(
    image: Image.Image | np.ndarray | ImageData,
    *,
    classes: Sequence[str] = CLASSES,
    sensitivity: float = 0.5,
) -> Detection:
    """The damage of an image, found with the shipped weights; see DamageDetector.detect."""
    return _shipped().detect(image, classes=classes, sensitivity=sensitivity)


@cache
def _shipped() -> DamageDetector:
    return DamageDetector.load()


def _channels(
    image: Image.Image | np.ndarray | ImageData,
) -> tuple[np.ndarray, np.ndarray | None]:
    if isinstance(image, Image.Image):
        image = from_pil(image)
    if isinstance(image, ImageData):
        return image.pixels, image.alpha
    if isinstance(image, np.ndarray):
        return split_array(image)
    raise TypeError(f"image must be a PIL image, a numpy array or ImageData, got {type(image)}")


def _around(colours: np.ndarray, y: int, x: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The tile at (y, x) with its margin, and the corner of that, px."""
    top, left = max(0, y - MARGIN), max(0, x - MARGIN)
    return colours[top : y + TILE + MARGIN, left : x + TILE + MARGIN], (top, left)


def _resized(colours: np.ndarray, factor: float) -> np.ndarray:
    """The image at another scale, at least 1 px a side; half floats become float32."""
    size = tuple(max(1, round(factor * side)) for side in (colours.shape[1], colours.shape[0]))
    known = colours.astype(np.float32) if colours.dtype == np.float16 else colours
    method = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(known, size, interpolation=method))


def _scaled_to(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scores, (h, w, 3), at the size of the image."""
    smaller = scores.shape[0] > size[0] or scores.shape[1] > size[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(scores, size[::-1], interpolation=method))

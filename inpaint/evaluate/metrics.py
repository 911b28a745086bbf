"""What is measured of a result, each image by itself; definitions.py says how."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from inpaint.checkpoints.vgg import VGG16
from inpaint.evaluate.protocol import Case
from inpaint.evaluate.realism import HoleMeasures, measure_hole, to_batch
from inpaint.utils.extras import install


class Metrics:
    """Measures composites against originals."""

    def __init__(
        self,
        vgg: VGG16 | None = None,
        *,
        lpips: Callable[[np.ndarray, np.ndarray], float] | None = None,
    ) -> None:
        """vgg: None takes the shipped weights. lpips: see `load_lpips`; None leaves it out."""
        self.lpips = lpips
        network = VGG16() if vgg is None else vgg
        self.vgg = network.to(memory_format=torch.channels_last)
        self._truth: tuple[np.ndarray, list[Tensor]] | None = None
        self._hole: tuple[np.ndarray, HoleMeasures] | None = None

    def __call__(self, case: Case, composites: Sequence[np.ndarray]) -> list[dict[str, float]]:
        """The metrics of each composite, RGB uint8 (H, W, 3), of one case."""
        return [self.measure(case, composite)[0] for composite in composites]

    @torch.inference_mode()
    def measure(
        self, case: Case, composite: np.ndarray
    ) -> tuple[dict[str, float], HoleMeasures, HoleMeasures]:
        """The metrics of a composite, RGB uint8 (H, W, 3), and what pools of fills take of it.

        The latter are those of the original and of the composite, see RealismPool.add.
        """
        truth, original = self._of_case(case)
        features = self._features(composite)
        values = pixel_metrics(case.original, composite, case.hole)
        values["vgg"] = feature_distance(truth, features).item()
        if self.lpips is not None:
            values["lpips"] = self.lpips(case.original, composite)
        return values, original, self._in_hole(features, composite, case.hole)

    def _of_case(self, case: Case) -> tuple[list[Tensor], HoleMeasures]:
        """Features of an original, kept for its other holes, and measures in its hole."""
        if self._truth is None or self._truth[0] is not case.original:
            self._truth = (case.original, self._features(case.original))
            self._hole = None
        if self._hole is None or self._hole[0] is not case.hole:
            self._hole = (case.hole, self._in_hole(self._truth[1], case.original, case.hole))
        return self._truth[1], self._hole[1]

    def _features(self, image: np.ndarray) -> list[Tensor]:
        return self.vgg.activations(to_batch(image))

    def _in_hole(
        self, features: Sequence[Tensor], image: np.ndarray, hole: np.ndarray
    ) -> HoleMeasures:
        mask = torch.from_numpy(hole)[None, None]
        return measure_hole(features, to_batch(image), mask, self.vgg.scale)


def pixel_metrics(
    original: np.ndarray, composite: np.ndarray, hole: np.ndarray
) -> dict[str, float]:
    """l1, psnr, ssim and mae of a composite; images uint8 (H, W, 3), hole bool (H, W)."""
    x, y = (picture.astype(np.float64) / 255 for picture in (original, composite))
    distance = np.abs(x - y)
    return {
        "l1": 100 * float(distance.mean()),
        "psnr": float(-10 * np.log10(max(np.square(distance).mean(), 1e-10))),
        "ssim": ssim(x, y),
        "mae": 100 * float(distance[hole].mean()),
    }


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Structural similarity of two images (H, W, C) in [0, 1], at least 11 pixels a side."""
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise RuntimeError(f"SSIM needs scikit-image: {install('evaluate')}") from error
    value = structural_similarity(
        x,
        y,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2,
    )
    return float(value)


def feature_distance(truth: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
    """Distance of images by their features: (B,), from 0 to 2 for each layer.

    Each layer is (1 or B, C, H, W) and not negative, here relu1_2, relu2_2 and relu3_3. The
    features of each position are scaled to length 1 over channels; squared differences are summed
    over channels, averaged over positions and summed over layers: LPIPS (arXiv:1801.03924, eq. 1)
    with all weights 1.
    """
    layers = [
        (_unit(a) - _unit(b)).square().sum(1).mean((1, 2))
        for a, b in zip(truth, features, strict=True)
    ]
    return torch.stack(layers).sum(0)


def _unit(features: Tensor) -> Tensor:
    """Features (B, C, H, W) of length 1 over channels; all zeros stay zeros."""
    return features / features.norm(dim=1, keepdim=True).clamp(min=1e-10)

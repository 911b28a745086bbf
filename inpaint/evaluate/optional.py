"""Metrics whose networks are not shipped: LPIPS, FID and the inception score.

Their weights are used where torch.hub keeps them and never downloaded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

_INCEPTION = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
FEATURES = 2048  # of the inception network; 1008 logits follow them


class UnavailableError(RuntimeError):
    """A metric that cannot be had here, and what is missing."""


def load_lpips() -> Callable[[np.ndarray, np.ndarray], float]:
    """LPIPS with AlexNet (arXiv:1801.03924) of two images, RGB uint8 (H, W, 3).

    Raises UnavailableError.
    """
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
        from torchvision.models import AlexNet_Weights
    except ImportError as error:
        raise UnavailableError(f"LPIPS is left out: {error}") from error
    find_weights("LPIPS", AlexNet_Weights.IMAGENET1K_V1.url)
    metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

    @torch.inference_mode()
    def distance(truth: np.ndarray, picture: np.ndarray) -> float:
        x, y = (torch.from_numpy(p).permute(2, 0, 1)[None].float() / 255 for p in (truth, picture))
        return float(metric(y, x))

    return distance


def load_inception() -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """The inception network of FID: images RGB uint8 (H, W, 3) to float32 (N, 2048 + 1008).

    A row holds the pooled features, which FID compares, and then the logits without bias, which
    the inception score is made of. Raises UnavailableError.
    """
    path = find_weights("FID and the inception score", _INCEPTION)
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        layers = ["2048", "logits_unbiased"]
        network = NoTrainInceptionV3("inception-v3-compat", layers, str(path))
    except ImportError as error:
        raise UnavailableError(f"FID and the inception score are left out: {error}") from error

    @torch.inference_mode()
    def features(pictures: Sequence[np.ndarray]) -> np.ndarray:
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)  # (N, 3, H, W)
        parts: tuple[Tensor, ...] = network._torch_fidelity_forward(batch)
        return torch.cat(parts, 1).numpy()

    return features


def find_weights(metric: str, url: str) -> Path:
    """Where torch.hub keeps a file. Raises UnavailableError that says how to fetch it."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise UnavailableError(
            f"{metric} left out: no weights at {path}; to have it, fetch {url} to there"
        )
    return path


def inception_score(logits: np.ndarray) -> float:
    """Inception score (arXiv:1606.03498) of a set of logits (N, C), as one split: from 1 to C."""
    from torchmetrics.image.inception import InceptionScore

    with warnings.catch_warnings():
        # It warns that it keeps all features, and of the deviation of a single split.
        warnings.simplefilter("ignore", UserWarning)
        metric = InceptionScore(feature=_Given(logits.shape[1]), splits=1)
        metric.update(torch.from_numpy(logits))
        mean, _ = metric.compute()
    return float(mean)


class _Given(nn.Module):
    """In place of a network: what comes in are the features already."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, x: Tensor) -> Tensor:
        return x

"""P-IDS and U-IDS, the discriminative scores of CoModGAN (arXiv:2103.10428, section 3.3).

There a linear SVM learns to tell Inception features of 10,000s of real and inpainted images, and
is scored on the same images. Here the features are those of the shipped VGG-16, averaged over the
hole, and there are few images, which a linear SVM would tell apart by chance. So every pair is
judged by an SVM that has not seen its image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FOLDS = 10  # parts of the images, each judged by an SVM that learnt from the others


def discriminative_scores(
    originals: np.ndarray, fills: np.ndarray, pictures: Sequence[int]
) -> tuple[float, float]:
    """P-IDS and U-IDS in %: 0 where fills are told from originals, 50 where that is guessing.

    P-IDS is the share of pairs whose fill looks more real to the SVM than its original. U-IDS is
    the share of fills and originals that it takes for the other kind.

    Args:
        originals: Features (N, C).
        fills: Features (N, C) of the fills of the same holes.
        images: Number of the image of each pair; holes of one image stay in one fold.

    Raises:
        ValueError: For less than two images.
    """
    known, place = np.unique(np.asarray(pictures), return_inverse=True)
    if len(known) < 2:
        raise ValueError(f"the scores need at least two pictures, got {len(known)}")
    fold = place % FOLDS
    real, fake = np.zeros(len(originals)), np.zeros(len(fills))
    for number in np.unique(fold):
        held = fold == number
        x = np.concatenate([originals[~held], fills[~held]]).astype(np.float64)
        y = np.repeat([1.0, -1.0], (~held).sum())
        mean, std = x.mean(0), x.std(0)
        std[std == 0] = 1
        weights, bias = fit_linear_svm((x - mean) / std, y)
        real[held] = (originals[held] - mean) / std @ weights + bias
        fake[held] = (fills[held] - mean) / std @ weights + bias
    # Equal values, as of an exact fill, are guesses.
    fooled = (fake > real).mean() + (fake == real).mean() / 2
    mistaken = ((fake > 0).mean() + (real <= 0).mean()) / 2
    return 100 * float(fooled), 100 * float(mistaken)


def fit_linear_svm(
    x: np.ndarray, y: np.ndarray, *, c: float = 1.0, max_iter: int = 100
) -> tuple[np.ndarray, float]:
    """Weights (C,) and bias of the linear SVM with squared hinge loss.

    Minimises |w|^2 / 2 + b^2 / 2 + c * sum max(0, 1 - y (w x + b))^2, as scikit-learn's LinearSVC
    with its defaults, by Newton steps (Chapelle 2007) with halving.

    Args:
        x: Samples (N, C).
        y: Their classes (N,), 1 or -1.
        c: Weight of the loss.
        max_iter: Newton steps at most.
    """
    x = np.concatenate([x, np.ones((len(x), 1))], 1)
    w = np.zeros(x.shape[1])
    value = _objective(w, x, y, c)
    for _ in range(max_iter):
        active = y * (x @ w) < 1
        own = x[active]
        hessian = np.eye(len(w)) + 2 * c * own.T @ own
        step = np.linalg.solve(hessian, 2 * c * own.T @ y[active]) - w
        length = 1.0
        while (new := _objective(w + length * step, x, y, c)) > value and length > 1e-6:
            length /= 2
        if not new < value * (1 - 1e-12):
            break
        w, value = w + length * step, new
    return w[:-1], float(w[-1])


def _objective(w: np.ndarray, x: np.ndarray, y: np.ndarray, c: float) -> float:
    loss = np.maximum(0, 1 - y * (x @ w))
    return float(w @ w / 2 + c * loss @ loss)

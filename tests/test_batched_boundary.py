"""Boundaries blended by the batch are those blended one by one."""

import cv2
import numpy as np
import pytest
import torch

from inpaint.inference.batched_boundary import blend_boundaries
from inpaint.inference.boundary import INVENTED, BoundaryConfig, blend_boundary
from inpaint.masks import random_hole
from inpaint.utils.crop import Crop

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def blend_batch(
    images: np.ndarray, holes: np.ndarray, config: BoundaryConfig | None = None
) -> np.ndarray:
    """images: (B, H, W, 3). holes: (B, H, W)."""
    image = torch.from_numpy(images).permute(0, 3, 1, 2).to(DEVICE)
    blended = blend_boundaries(image, torch.from_numpy(holes)[:, None].to(DEVICE), config)
    return blended.permute(0, 2, 3, 1).cpu().numpy()


@pytest.fixture(scope="module")
def fills() -> tuple[np.ndarray, np.ndarray]:
    """Images of 70x90 px with wrong fills, and their holes; one has no hole, one is all hole."""
    rng = np.random.default_rng(0)
    drawn = [random_hole((70, 90), rng, ratio=(0.1 * k, 0.1 * k + 0.1)) for k in range(6)]
    side, thin = np.zeros((2, 70, 90), bool)
    side[:, :50] = True  # deeper than any band, and along three borders
    thin[35] = True
    holes = np.stack([*drawn, side, thin, np.zeros_like(thin), np.ones_like(thin)])
    coarse = rng.random((len(holes), 5, 6, 3), np.float32)
    images = np.stack([cv2.resize(one, (90, 70)) for one in coarse])
    images += rng.normal(0, 0.03, images.shape).astype(np.float32)
    images[holes] = 0.6 * images[holes] + 0.1
    return images, holes


@pytest.mark.parametrize("config", [None, INVENTED, BoundaryConfig(band=1)])
def test_a_batch_gives_what_its_images_give(
    fills: tuple[np.ndarray, np.ndarray], config: BoundaryConfig | None
) -> None:
    crops = [Crop(image, hole, np.zeros_like(hole)) for image, hole in zip(*fills, strict=True)]
    expected = np.stack([blend_boundary(crop, config) for crop in crops])
    found = blend_batch(*fills, config)
    # Both end at the same residual, which they may reach an iteration apart.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    images, holes = fills
    assert np.array_equal(found[~holes], images[~holes])
    assert np.abs(found - images)[holes].max() > 0.05


def test_an_image_does_not_depend_on_the_others(fills: tuple[np.ndarray, np.ndarray]) -> None:
    images, holes = fills
    alone = np.concatenate(
        [blend_batch(images[k : k + 1], holes[k : k + 1]) for k in range(len(images))]
    )
    np.testing.assert_allclose(blend_batch(images, holes), alone, rtol=0, atol=1e-5)


def test_an_image_without_anything_known_stays_as_it_is() -> None:
    image = np.random.default_rng(0).random((1, 20, 30, 3), np.float32)
    assert np.array_equal(blend_batch(image, np.ones((1, 20, 30), bool)), image)

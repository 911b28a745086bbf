"""The loss terms of arXiv:1804.07723, section 3.3.

Every term is a plain function of tensors. Images are (B, 3, H, W), RGB in [0, 1]; `hole` is
(B, 1, H, W), 1 = hole, 0 = known. `output` is the network's image (I_out), `composite` is the
output inside the hole and the target elsewhere (I_comp), `target` is the truth (I_gt). All sums
are divided by the number of their elements, as the authors did.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.training.weights import LossWeights
from inpaint.utils import imagenet

_UNSEEN = 0.014**2  # mean square of an error of 3.6 levels of 8 bits


def normalised_colours(image: Tensor) -> Tensor:
    """RGB in [0, 1], (B, 3, H, W), divided by the standard deviations of ImageNet.

    Its means, which cancel out in differences, are not subtracted.
    """
    # Channel by channel: a constant made of a list would be copied to the device each time.
    return torch.cat([image[:, i : i + 1] / std for i, std in enumerate(imagenet.STD)], 1)


def check_hole(image: Tensor, hole: Tensor) -> None:
    """Check a hole against its image.

    Raises:
        TypeError: The hole is not of floating point.
        ValueError: Its shape is not (B, 1, H, W), with B, H and W of the image.
    """
    if not hole.is_floating_point():
        raise TypeError(
            f"hole must be of floating point, 1 = hole and 0 = known, got {hole.dtype}; use "
            "hole.float()"
        )
    wanted = (image.shape[0], 1, *image.shape[2:])
    if tuple(hole.shape) != wanted:
        raise ValueError(
            f"hole must have shape {wanted} for an image of shape {tuple(image.shape)}, got "
            f"{tuple(hole.shape)}"
        )


def composite_image(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """The output inside the hole, the target elsewhere: I_comp."""
    return torch.where(hole > 0, output, target)


def hole_loss(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """L1 distance inside the hole, averaged over the whole image: L_hole."""
    check_hole(output, hole)
    return (hole * (output - target)).abs().mean()


def psnr_loss(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Minus the PSNR inside the hole, in dB, averaged over the batch.

    Not the paper's. L1 terms are led by large holes in busy images, the sum of logarithms gives
    every image the same say. An error of 0.014, which is seldom seen, is as good as none.
    """
    check_hole(output, hole)
    errors = _full(hole) * (_full(output) - target).square()
    values = output.shape[1] * _full(hole).sum((1, 2, 3))
    mean_square = errors.sum((1, 2, 3)) / values.clamp(min=1)  # (B,)
    return 10 * torch.log10(mean_square + _UNSEEN).mean()


def valid_loss(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """L1 distance outside the hole, averaged over the whole image: L_valid."""
    check_hole(output, hole)
    return ((1 - hole) * (output - target)).abs().mean()


def perceptual_loss(features: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """L1 distance of features, each level averaged over its size, summed over levels (eq. 3)."""
    pairs = zip(features, target, strict=True)
    return torch.stack([F.l1_loss(_full(a), _full(b)) for a, b in pairs]).sum()


def gram_matrix(features: Tensor) -> Tensor:
    """Correlations of channels, (B, C, C), of features (B, C, H, W), divided by C*H*W.

    In float32 at least: sums over many positions overflow half precision.
    """
    b, c, h, w = features.shape
    flat = _full(features).reshape(b, c, h * w)  # (B, C, HW)
    with torch.autocast(features.device.type, enabled=False):
        return torch.bmm(flat, flat.transpose(1, 2)) / (c * h * w)


def style_loss(features: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """L1 distance of Gram matrices, averaged over their C*C entries, summed over levels (eq. 4)."""
    return perceptual_loss([gram_matrix(f) for f in features], [gram_matrix(f) for f in target])


def tv_loss(composite: Tensor, hole: Tensor) -> Tensor:
    """Differences of neighbours inside the hole dilated by one pixel (eq. 6).

    A pair counts when both its pixels lie in that region, so the hole's edge is smoothed and the
    rest of the image is not. Divided by the number of elements of the image.
    """
    check_hole(composite, hole)
    region = F.max_pool2d(hole, 3, stride=1, padding=1)
    across = (composite[..., :, 1:] - composite[..., :, :-1]).abs()
    down = (composite[..., 1:, :] - composite[..., :-1, :]).abs()
    across = across * region[..., :, 1:] * region[..., :, :-1]
    down = down * region[..., 1:, :] * region[..., :-1, :]
    return (across.sum() + down.sum()) / composite.numel()


def inpainting_terms(
    output: Tensor,
    target: Tensor,
    hole: Tensor,
    *,
    vgg: nn.Module | None = None,
    crop: tuple[slice, slice] | None = None,
    normalised: bool = False,
) -> dict[str, Tensor]:
    """All terms by name, unweighted: valid, hole, tv, and with `vgg` also perceptual, style_out
    and style_comp.

    vgg: takes images, returns the features of each level.
    crop: rows and columns the VGG terms look at; they cost several times a compact network.
    normalised: valid, hole and tv are measured on `normalised_colours`.

    The target's features are found once and serve output and composite alike. Raises TypeError or
    ValueError for a hole that does not fit, see `check_hole`.
    """
    check_hole(output, hole)
    output = _full(output)
    composite = composite_image(output, target, hole)
    colours = [output, target, composite]
    if normalised:
        colours = [normalised_colours(image) for image in colours]
    terms = {
        "valid": valid_loss(colours[0], colours[1], hole),
        "hole": hole_loss(colours[0], colours[1], hole),
        "tv": tv_loss(colours[2], hole),
        "psnr": psnr_loss(output, target, hole),
    }
    if vgg is None:
        return terms
    rows, columns = crop or (slice(None), slice(None))
    with torch.no_grad():
        truth = vgg(target[..., rows, columns])
    both = vgg(torch.cat([output, composite])[..., rows, columns])
    of_output, of_composite = zip(*(level.chunk(2) for level in both), strict=True)
    terms["perceptual"] = perceptual_loss(of_output, truth) + perceptual_loss(of_composite, truth)
    terms["style_out"] = style_loss(of_output, truth)
    terms["style_comp"] = style_loss(of_composite, truth)
    return terms


def inpainting_loss(
    output: Tensor,
    target: Tensor,
    hole: Tensor,
    *,
    weights: LossWeights | None = None,
    vgg: nn.Module | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the terms, and the unweighted terms by name; for a training loop.

    Args:
        output: The network's images, (B, 3, H, W).
        target: The originals, (B, 3, H, W), RGB in [0, 1].
        hole: (B, 1, H, W), 1 = hole, 0 = known.
        weights: By default the published ones, on normalised colours.
        vgg: A `VGG16` on the images' device, for the perceptual and style terms.

    Raises:
        TypeError, ValueError: The hole does not fit, or `vgg` is missing for weights that need it.
    """
    weights = LossWeights(normalised=True) if weights is None else weights
    if weights.needs_vgg and vgg is None:
        raise ValueError(
            "the weights have perceptual or style terms: give vgg=VGG16(), or weights without them"
        )
    if not weights.needs_vgg:
        vgg = None
    terms = inpainting_terms(output, target, hole, vgg=vgg, normalised=weights.normalised)
    return weights.total(terms), terms


def _full(x: Tensor) -> Tensor:
    """x in float32, or as it is when it is finer."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

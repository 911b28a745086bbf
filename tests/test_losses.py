"""The loss terms against values computed by hand."""

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck

from inpaint.training.losses import (
    composite_image,
    gram_matrix,
    hole_loss,
    inpainting_loss,
    inpainting_terms,
    perceptual_loss,
    psnr_loss,
    style_loss,
    tv_loss,
    valid_loss,
)
from inpaint.training.weights import LossWeights


def picture(*rows: list[float]) -> Tensor:
    """One picture whose three channels are alike: (1, 3, H, W)."""
    return torch.tensor(rows).expand(1, 3, -1, -1).clone()


def mask(*rows: list[float]) -> Tensor:
    return torch.tensor(rows)[None, None]


class Pyramid(nn.Module):
    """Stands for VGG-16: the picture itself and twice its half. Notes the sizes it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> list[Tensor]:
        self.seen.append(tuple(image.shape))
        return [image, 2 * image[..., ::2, ::2]]


def test_composite_takes_the_output_inside_the_hole_only() -> None:
    output, target = picture([1.0, 2.0]), picture([5.0, 6.0])
    assert composite_image(output, target, mask([1.0, 0.0]))[0, 0].tolist() == [[1.0, 6.0]]


def test_hole_and_valid_loss_are_averages_over_the_whole_picture() -> None:
    output, target = picture([0.5, 0.1], [0.2, 0.0]), torch.zeros(1, 3, 2, 2)
    hole = mask([1.0, 0.0], [0.0, 1.0])
    assert hole_loss(output, target, hole).item() == pytest.approx(0.5 / 4)
    assert valid_loss(output, target, hole).item() == pytest.approx(0.3 / 4)


@pytest.mark.parametrize("size", [8, 32])
def test_a_constant_error_costs_the_same_at_any_size(size: int) -> None:
    target = torch.full((2, 3, size, size), 0.25)
    hole = torch.zeros(2, 1, size, size)
    hole[..., : size // 2] = 1
    terms = inpainting_terms(target + 0.5, target, hole, vgg=Pyramid())
    assert terms["hole"].item() == pytest.approx(0.25)
    assert terms["valid"].item() == pytest.approx(0.25)
    # Levels: |error| of 0.5 and of 2 * 0.5; the composite has it in half of the picture.
    assert terms["perceptual"].item() == pytest.approx((0.5 + 1.0) * 1.5)
    # Gram / CHW of constants c: c * c / 3 in every entry.
    level = (0.75**2 - 0.25**2) / 3
    assert terms["style_out"].item() == pytest.approx(level + 4 * level)
    assert terms["style_comp"].item() == pytest.approx((level + 4 * level) / 2)


def test_perceptual_loss_averages_each_level_and_adds_the_levels() -> None:
    features = [torch.zeros(1, 1, 1, 4), torch.zeros(1, 2, 1, 1)]
    target = [torch.tensor([1.0, 2.0, 3.0, 6.0]).view(1, 1, 1, 4), torch.ones(1, 2, 1, 1)]
    assert perceptual_loss(features, target).item() == pytest.approx(12 / 4 + 1)


def test_gram_matrix_is_divided_by_channels_and_positions() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # (1, 2, 1, 2)
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / (2 * 1 * 2)
    torch.testing.assert_close(gram_matrix(features), expected)


def test_style_loss_is_the_mean_distance_of_gram_matrices() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    expected = (5 + 11 + 11 + 25) / 4 / 4
    assert style_loss([features], [torch.zeros_like(features)]).item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gram_matrix_of_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    features = torch.full((1, 4, 64, 64), 200.0, dtype=dtype)  # a sum of squares is 1.6e8
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, torch.full((1, 4, 4), 200.0**2 / 4))


def test_psnr_loss_is_minus_the_psnr_of_the_hole() -> None:
    target = torch.zeros(2, 3, 4, 4)
    output = target.clone()
    hole = torch.zeros(2, 1, 4, 4)
    hole[0, :, :2], hole[1, :, 0, 0] = 1, 1
    output[0, :, :2], output[1, :, 0, 0] = 0.1, 0.5
    output[:, :, 3] = 9  # known, so of no account
    floor = 0.014**2
    expected = sum(10 * math.log10(error**2 + floor) for error in (0.1, 0.5)) / 2
    assert psnr_loss(output, target, hole).item() == pytest.approx(expected)


@pytest.mark.parametrize("covered", [0.0, 1.0])
def test_psnr_loss_of_a_perfect_fill_is_finite(covered: float) -> None:
    target = torch.rand(2, 3, 4, 4)
    output = target.clone().requires_grad_()
    loss = psnr_loss(output, target, torch.full((2, 1, 4, 4), covered))
    assert loss.item() == pytest.approx(20 * math.log10(0.014))
    loss.backward()
    assert (output.grad == 0).all()


def test_tv_smooths_the_edge_of_the_hole_and_nothing_beyond() -> None:
    # A hole of one pixel makes a region of 3x3. Each column is a step of its own.
    hole = torch.zeros(1, 1, 5, 7)
    hole[..., 2, 3] = 1
    inside = torch.zeros(1, 3, 5, 7)
    inside[..., 3:] = 1.0  # between columns 2 and 3, both in the region: three rows differ
    assert tv_loss(inside, hole).item() == pytest.approx(3 * 3 / inside.numel())
    for column in (2, 5):  # between the region and the picture around it
        outside = torch.zeros(1, 3, 5, 7)
        outside[..., column:] = 1.0
        assert tv_loss(outside, hole).item() == 0


def test_tv_of_a_single_row_or_column_counts_one_direction() -> None:
    row = picture([0.0, 1.0, 3.0])
    assert tv_loss(row, torch.ones(1, 1, 1, 3)).item() == pytest.approx(3 * 3 / 9)
    assert tv_loss(row.mT, torch.ones(1, 1, 3, 1)).item() == pytest.approx(3 * 3 / 9)


def test_tv_is_alike_in_both_directions() -> None:
    torch.manual_seed(0)
    image, hole = torch.rand(2, 3, 6, 9), (torch.rand(2, 1, 6, 9) > 0.7).float()
    torch.testing.assert_close(tv_loss(image, hole), tv_loss(image.mT, hole.mT))


def test_terms_without_vgg_are_those_of_pixels() -> None:
    image, hole = torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    assert list(inpainting_terms(image, image, hole)) == ["valid", "hole", "tv", "psnr"]


def test_terms_are_named_as_their_weights() -> None:
    image, hole = torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    terms = inpainting_terms(image, image, hole, vgg=Pyramid())
    assert set(terms) == {field.name for field in fields(LossWeights)} - {"normalised"}
    assert LossWeights().total(terms).item() == 0  # no hole and no error


def test_target_features_are_found_once() -> None:
    vgg = Pyramid()
    inpainting_terms(*torch.rand(2, 2, 3, 8, 8), torch.ones(2, 1, 8, 8), vgg=vgg)
    assert vgg.seen == [(2, 3, 8, 8), (4, 3, 8, 8)]


def test_crop_limits_what_vgg_sees_and_nothing_else() -> None:
    output, target = torch.rand(2, 1, 3, 8, 8)
    hole = torch.ones(1, 1, 8, 8)
    square = (slice(2, 6), slice(4, 8))
    vgg = Pyramid()
    cropped = inpainting_terms(output, target, hole, vgg=vgg, crop=square)
    assert vgg.seen == [(1, 3, 4, 4), (2, 3, 4, 4)]
    whole = inpainting_terms(output, target, hole, vgg=Pyramid())
    of_crop = inpainting_terms(*(x[..., 2:6, 4:8] for x in (output, target, hole)), vgg=Pyramid())
    for name in ("valid", "hole", "tv"):
        assert cropped[name] == whole[name]
    for name in ("perceptual", "style_out", "style_comp"):
        torch.testing.assert_close(cropped[name], of_crop[name])


def test_terms_under_autocast_are_float32() -> None:
    vgg = nn.Sequential(nn.Conv2d(3, 4, 3))
    levels = lambda image: [vgg(image)]  # noqa: E731
    output, target = torch.rand(2, 1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert levels(output)[0].dtype == torch.bfloat16
        terms = inpainting_terms(
            output.bfloat16(),
            target,
            torch.ones(1, 1, 8, 8),
            vgg=levels,  # type: ignore[arg-type]
        )
    assert {term.dtype for term in terms.values()} == {torch.float32}


def test_every_term_has_the_gradient_of_finite_differences() -> None:
    torch.manual_seed(0)
    output, target = torch.rand(2, 1, 3, 4, 4, dtype=torch.float64)
    hole = (torch.rand(1, 1, 4, 4) > 0.5).double()
    output.requires_grad_()

    def values(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(inpainting_terms(x, target, hole, vgg=Pyramid()).values())

    assert gradcheck(values, (output,))


def test_no_gradient_reaches_the_target() -> None:
    target = torch.rand(1, 3, 4, 4, requires_grad=True)
    output = torch.rand(1, 3, 4, 4)
    terms = inpainting_terms(output, target, torch.ones(1, 1, 4, 4), vgg=Pyramid())
    (gradient,) = torch.autograd.grad(terms["style_out"] + output.sum(), target, allow_unused=True)
    assert gradient is None or not gradient.any()


def test_total_is_the_weighted_sum() -> None:
    terms = {field.name: torch.tensor(float(n)) for n, field in enumerate(fields(LossWeights), 1)}
    expected = 1 * 1 + 6 * 2 + 0.05 * 3 + 120 * 4 + 120 * 5 + 0.1 * 6
    assert LossWeights().total(terms).item() == pytest.approx(expected)
    assert LossWeights(hole=2).total({"hole": torch.tensor(3.0)}).item() == 6


def test_vgg_is_needed_when_one_of_its_terms_counts() -> None:
    assert LossWeights().needs_vgg
    assert LossWeights(perceptual=0, style_out=0).needs_vgg
    assert not LossWeights(perceptual=0, style_out=0, style_comp=0).needs_vgg


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_that_is_no_number_from_zero_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=f"loss weight tv must be 0 or more, got {weight}"):
        LossWeights(tv=weight)


def test_pixel_terms_of_normalised_colours_are_divided_by_imagenets_deviations() -> None:
    generator = torch.Generator().manual_seed(0)
    output, target = torch.rand(2, 2, 3, 8, 8, generator=generator)
    hole = (torch.rand(2, 1, 8, 8, generator=generator) > 0.5).float()
    plain = inpainting_terms(output, target, hole)
    ours = inpainting_terms(output, target, hole, normalised=True)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = inpainting_terms((output - 0.4) / std, (target - 0.4) / std, hole)
    for name in ("valid", "hole", "tv"):
        torch.testing.assert_close(ours[name], expected[name])
        assert ours[name] / plain[name] == pytest.approx(4.42, rel=0.01)
    assert ours["psnr"] == plain["psnr"]


@pytest.mark.parametrize("loss", [hole_loss, valid_loss, psnr_loss, inpainting_terms])
def test_holes_of_another_kind_or_shape_are_named(loss: Callable[..., Any]) -> None:
    image, hole = torch.rand(2, 3, 4, 5), torch.ones(2, 1, 4, 5)
    with pytest.raises(TypeError, match=r"got torch\.bool; use hole\.float\(\)"):
        loss(image, image, hole.bool())
    for wrong in (hole.expand(-1, 3, -1, -1), hole[:1], hole[:, 0], hole[..., :4]):
        with pytest.raises(ValueError, match=r"hole must have shape \(2, 1, 4, 5\)"):
            loss(image, image, wrong)
    with pytest.raises(TypeError, match="hole must be of floating point"):
        tv_loss(image, hole.bool())


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    output, target = torch.rand(2, 2, 3, 8, 8)
    hole = (torch.rand(2, 1, 8, 8) > 0.5).float()
    total, terms = inpainting_loss(output, target, hole, vgg=Pyramid())
    weights = LossWeights(normalised=True)
    expected = inpainting_terms(output, target, hole, vgg=Pyramid(), normalised=True)
    assert set(terms) == set(expected)
    assert total.item() == pytest.approx(
        sum(getattr(weights, name) * value.item() for name, value in expected.items())
    )
    with pytest.raises(ValueError, match=r"give vgg=VGG16\(\), or weights without them"):
        inpainting_loss(output, target, hole)
    plain = LossWeights(perceptual=0, style_out=0, style_comp=0)
    assert "perceptual" not in inpainting_loss(output, target, hole, weights=plain)[1]

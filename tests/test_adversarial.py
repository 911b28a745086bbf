"""The adversarial terms, what the discriminator sees, and the discriminator."""

import pytest
import torch
from accelerate import Accelerator
from tiny_training import forget_accelerate
from torch import Tensor, nn

from inpaint.checkpoints.vgg import VGG16
from inpaint.training.adversarial import (
    Views,
    coarse_loss,
    discounted_loss,
    discriminator_loss,
    draw_views,
    feature_loss,
    generator_loss,
    take_views,
    weighted_mean,
)
from inpaint.training.adversary import Adversary
from inpaint.training.discriminator import ProjectedDiscriminator, Standardise
from inpaint.training.weights import AdversarialLosses


def hole_of(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def test_a_map_is_averaged_over_the_hole_below_it() -> None:
    values = torch.tensor([[1.0, 5.0]])[None, None]  # (1, 1, 1, 2), for 2x4 pixels
    hole = hole_of([1, 1, 0, 0], [1, 1, 0, 1])
    assert weighted_mean(values, hole) == pytest.approx((1 * 1 + 0.25 * 5) / 1.25)
    assert weighted_mean(values, torch.zeros_like(hole)) == 0


def test_generator_loss_is_minus_the_mean_score() -> None:
    hole = torch.ones(1, 1, 2, 2)
    scores = [torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 1, 1), -1.0)]
    assert generator_loss(scores, hole) == pytest.approx(-1.0)


def test_discriminator_loss_is_a_hinge() -> None:
    hole = hole_of([1, 1, 0])
    real, fake = hole_of([0.5, 2.0, -9.0]), hole_of([-3.0, 0.5, 9.0])
    # photos: 0.5 and 0; fills: 0 and 1.5; the known pixel has no say
    assert discriminator_loss([real], [fake], hole) == pytest.approx((0.5 + 1.5) / 2)


def test_feature_loss_counts_the_hole_and_averages_levels() -> None:
    hole = hole_of([1, 0])
    zeros = torch.zeros(1, 2, 1, 2)
    one = torch.tensor([[[[1.0, 7.0]], [[3.0, 7.0]]]])
    assert feature_loss([one, zeros], [zeros, zeros], hole) == pytest.approx((2 + 0) / 2)


def test_coarse_loss_leaves_fine_texture_alone() -> None:
    hole = torch.ones(1, 1, 4, 4)
    board = (torch.arange(4)[:, None] + torch.arange(4)) % 2 - 0.5  # mean 0 in each 2x2 block
    target = torch.full((1, 3, 4, 4), 0.5)
    assert coarse_loss(target + board, target, hole, 2) == pytest.approx(0, abs=1e-6)
    assert coarse_loss(target + board + 0.25, target, hole, 2) == pytest.approx(0.25)


def test_coarse_loss_sees_the_hole_only() -> None:
    hole = hole_of([1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0])
    target = torch.zeros(1, 3, 4, 4)
    output = torch.where(hole > 0, 0.5, 9.0).expand(1, 3, 4, 4).clone()
    assert coarse_loss(output, target, hole, 2) == pytest.approx(0.5)
    output[..., 2, 3] = 0.9  # a quarter of its block: five pixels of hole in all
    assert coarse_loss(output, target, hole, 2) == pytest.approx((4 * 0.5 + 0.9) / 5)


def test_discounted_loss_fades_inwards() -> None:
    hole = hole_of([0] + [1] * 15)
    target = torch.zeros(1, 3, 1, 16)
    weights = [0.75**depth for depth in range(10)]
    for depth in (0, 1, 9):
        output = target.clone()
        output[..., 1 + depth] = 0.5
        expected = 0.5 * weights[depth] / sum(weights)
        assert discounted_loss(output, target, hole) == pytest.approx(expected)
    output = target.clone()
    output[..., 0] = output[..., 11:] = 9  # known, and deep in the hole
    assert discounted_loss(output, target, hole) == 0


def test_views_lie_in_the_picture_and_meet_the_hole() -> None:
    hole = torch.zeros(64, 1, 100, 120)
    hole[..., 3:9, 110:] = 1
    torch.manual_seed(0)
    views = draw_views(hole, 48, 0.25)
    assert views.whole == 16 and len(views.top) == len(views.left) == 48
    for top, left in zip(views.top.tolist(), views.left.tolist(), strict=True):
        assert 0 <= top <= 52 and 0 <= left <= 72
        assert hole[0, 0, top : top + 48, left : left + 48].any()
    assert len(set(views.left.tolist())) > 3
    torch.manual_seed(0)
    assert torch.equal(draw_views(hole, 48, 0.25).top, views.top)


def test_small_pictures_are_seen_as_a_whole_and_those_without_a_hole_have_views_too() -> None:
    assert draw_views(torch.ones(2, 1, 32, 32), 32, 0).whole == 2
    assert draw_views(torch.zeros(1, 1, 64, 64), 32, 0).top.max() <= 32


def test_a_view_is_a_crop_or_the_whole_made_smaller() -> None:
    pictures = torch.rand(2, 3, 8, 8)
    taken = take_views(pictures, Views(1, torch.tensor([1]), torch.tensor([3])), 4)
    torch.testing.assert_close(taken[0], torch.nn.functional.avg_pool2d(pictures[0], 2))
    assert torch.equal(taken[1], pictures[1, :, 1:5, 3:7])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"coarse": -1.0}, "loss weight coarse must be 0 or more, got -1"),
        ({"crop": 8}, "crop must be 32 or more, got 8"),
        ({"width": 0}, "width must be 1 or more, got 0"),
        ({"whole": 1.5}, r"whole must lie in \[0, 1\], got 1.5"),
        ({"lr": 0.0}, "lr must be above 0, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdversarialLosses(**setting)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def vgg() -> VGG16:
    return VGG16()


def test_features_are_the_activations_in_the_range_of_the_losses(vgg: VGG16) -> None:
    image = torch.rand(1, 3, 32, 32)
    plain, scaled = vgg.activations(image), vgg.scaled_activations(image)
    for level, other, scale in zip(plain, scaled, VGG16.CAFFE_SCALE, strict=True):
        torch.testing.assert_close(level / scale, other)


def test_scores_come_at_five_scales(vgg: VGG16) -> None:
    network = ProjectedDiscriminator(4)
    scores = network(vgg.scaled_activations(torch.rand(2, 3, 64, 64)), torch.ones(2, 1, 64, 64))
    assert [tuple(score.shape) for score in scores] == [
        (2, 1, 32, 32),
        (2, 1, 16, 16),
        (2, 1, 8, 8),
        (2, 1, 4, 4),
        (2, 1, 2, 2),
    ]


def test_projections_are_fixed_and_alike_in_every_run() -> None:
    one, other = ProjectedDiscriminator(4), ProjectedDiscriminator(4)
    for a, b in zip(one.projection.parameters(), other.projection.parameters(), strict=True):
        assert torch.equal(a, b) and not a.requires_grad
    assert all(p.requires_grad for p in one.heads.parameters())


def test_projections_mix_a_coarse_level_into_finer_ones(vgg: VGG16) -> None:
    features = vgg.scaled_activations(torch.rand(1, 3, 32, 32))
    projection = ProjectedDiscriminator(4).projection
    changed = [*features[:2], features[2] + 1]
    for before, after in zip(projection(features), projection(changed), strict=True):
        assert (before != after).float().mean() > 0.9


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    torch.manual_seed(0)
    standard, same = Standardise(2), nn.Conv2d(2, 2, 1, bias=False)
    with torch.no_grad():
        same.weight.copy_(torch.eye(2)[..., None, None])
    x = torch.randn(4, 2, 9, 9) * torch.tensor([3.0, 0.5]).view(2, 1, 1) + 7
    for part in x.split(2):  # averages of equal weight
        standard.update(part.mean((0, 2, 3)), part.square().mean((0, 2, 3)))
    y = standard.then(same, x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(y.std((0, 2, 3), correction=0), torch.ones(2), atol=1e-3, rtol=0)


def test_rotations_lose_nothing() -> None:
    for conv in ProjectedDiscriminator(4).projection.across_channels:
        square = conv.weight[..., 0, 0]
        torch.testing.assert_close(square @ square.T, torch.eye(len(square)), atol=1e-5, rtol=0)


def test_a_discriminator_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width must be 1 or more, got 0"):
        ProjectedDiscriminator(0)


class Case:
    """Pictures with a hole in one corner, and an adversary."""

    def __init__(self, vgg: VGG16, precision: str = "no") -> None:
        forget_accelerate()
        torch.manual_seed(0)
        self.accelerator = Accelerator(cpu=True, mixed_precision=precision)
        self.adversary = Adversary(4, vgg, self.accelerator)
        self.image = torch.rand(2, 3, 32, 32)
        self.hole = torch.zeros(2, 1, 32, 32)
        self.hole[..., :12, :12] = 1
        self.losses = AdversarialLosses(crop=32, lr=1e-2)

    def terms(self, output: Tensor) -> dict[str, Tensor]:
        terms, self.judged = self.adversary.judge(output, self.image, self.hole, self.losses)
        return terms


def test_gradients_reach_every_pixel_of_the_hole_and_no_other(vgg: VGG16) -> None:
    case = Case(vgg)
    output = torch.rand(2, 3, 32, 32, requires_grad=True)
    terms = case.terms(output)
    assert set(terms) == {"adversarial", "features", "coarse", "discounted"}
    for name, term in terms.items():
        (gradient,) = torch.autograd.grad(term, output, retain_graph=True)
        inside = case.hole.bool().expand_as(gradient)
        assert (gradient[inside] != 0).float().mean() > (0.9 if name != "discounted" else 0.6)
        assert not gradient[~inside].any()
    assert all(p.grad is None for p in case.adversary.network.parameters())


def test_what_the_output_holds_outside_the_hole_does_not_matter(vgg: VGG16) -> None:
    case = Case(vgg)
    output = torch.rand(2, 3, 32, 32)
    other = torch.where(case.hole > 0, output, torch.rand(2, 3, 32, 32))
    for a, b in zip(case.terms(output).values(), case.terms(other).values(), strict=True):
        assert a == b


def test_it_learns_to_tell_fills_from_photos(vgg: VGG16) -> None:
    case = Case(vgg)
    gray = torch.full_like(case.image, 0.5)
    before = case.terms(gray)["adversarial"]
    losses = [float(case.adversary.learn(case.judged, case.losses)) for _ in range(30)]
    assert losses[0] > 1.5 and losses[-1] < 0.5
    assert case.terms(gray)["adversarial"] > before


def test_a_step_changes_the_heads_only_and_a_bad_one_nothing(vgg: VGG16) -> None:
    case = Case(vgg)
    case.terms(torch.rand(2, 3, 32, 32))
    network = case.adversary.network
    fixed = [p.clone() for p in network.projection.parameters()]
    heads = [p.clone() for p in case.adversary.heads]
    case.judged.fake[0][:] = torch.nan
    assert not case.adversary.learn(case.judged, case.losses).isfinite()
    assert all(torch.equal(a, b) for a, b in zip(heads, case.adversary.heads, strict=True))
    case.judged.fake[0][:] = 0
    case.adversary.learn(case.judged, case.losses)
    assert not all(torch.equal(a, b) for a, b in zip(heads, case.adversary.heads, strict=True))
    for a, b in zip(fixed, network.projection.parameters(), strict=True):
        assert torch.equal(a, b)


def test_bfloat16_gives_about_the_same_terms(vgg: VGG16) -> None:
    output = torch.rand(2, 3, 32, 32)
    exact = Case(vgg).terms(output)
    case = Case(vgg, "bf16")
    with case.accelerator.autocast():
        coarse = case.terms(output)
    loss = case.adversary.learn(case.judged, case.losses)
    for name, value in exact.items():
        assert float(coarse[name]) == pytest.approx(float(value), rel=0.05, abs=0.02)
    assert loss.dtype == torch.float32 and loss.isfinite()

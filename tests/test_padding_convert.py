import copy
import logging
import pickle

import pytest
import torch
import torch.distributed as dist
import torchvision
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from inpaint import PartialConv2d
from inpaint.padding import PartialPaddingConv2d, convert
from inpaint.padding.convert import padding_of


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, (3, 5), stride=2, padding=(1, 2), groups=4),
        nn.Conv2d(8, 8, 3, padding="same", dilation=2),
        nn.Conv2d(8, 4, 1),
    )


X = torch.randn(2, 3, 12, 14, generator=torch.Generator().manual_seed(0))


def test_there_and_back_gives_the_same_answers():
    model = small().eval()
    with torch.no_grad():
        zeros = model(X)
        answers = []
        for mode in ("partial", "reflect", "replicate"):
            assert convert(model, mode).swapped == ("0", "3", "4")
            answers.append(model(X))
        convert(model, "zeros")
        assert model(X).equal(zeros)
    for y in answers:
        assert y.shape == zeros.shape
        assert not y.allclose(zeros)


def test_reflect_and_replicate_are_those_of_plain_convolutions():
    conv = nn.Conv2d(3, 4, 3, padding=1)
    for mode in ("reflect", "replicate"):
        plain = nn.Conv2d(3, 4, 3, padding=1, padding_mode=mode)
        plain.load_state_dict(conv.state_dict())
        convert(conv, mode)
        assert conv(X).equal(plain(X))


def test_parameters_keys_hooks_and_optimizers_survive():
    model = small()
    keys, parameters = list(model.state_dict()), list(model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    module = model[0]
    convert(model)
    assert list(model.state_dict()) == keys
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert model[0] is module
    before = module.weight.detach().clone()
    model(X).sum().backward()
    optimizer.step()
    assert calls == [1]
    assert not module.weight.equal(before)


def test_the_report_says_what_was_left_alone_and_why():
    model = nn.ModuleDict(
        {
            "plain": nn.Conv2d(3, 3, 3, padding=1),
            "pointwise": nn.Conv2d(3, 3, 1),
            "circular": nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"),
            "up": nn.ConvTranspose2d(3, 3, 3, padding=1),
            "pad": nn.ZeroPad2d(1),
            "masked": PartialConv2d(3, 3, 3, padding=1),
            "normed": weight_norm(nn.Conv2d(3, 3, 3, padding=1)),
            "linear": nn.Linear(3, 3),
        }
    )
    report = convert(model)
    assert report.swapped == ("plain", "normed")
    assert report.kept == {
        "pointwise": "no padding",
        "circular": "circular padding",
        "up": "a transposed convolution",
        "pad": "a padding layer in front of a convolution",
        "masked": "a PartialConv2d, whose forward may not be that of its base class",
    }
    assert str(report).startswith(
        "partial padding in 2 convolutions\nleft alone: pointwise: no pad"
    )
    again = convert(model)
    assert again.swapped == ()
    assert again.kept["plain"] == "has partial padding already"


def test_a_model_that_is_one_convolution_and_one_used_twice_are_swapped_once():
    conv = nn.Conv1d(2, 2, 3, padding=1)
    assert convert(conv).swapped == ("",)
    assert padding_of(conv) == "partial"
    shared = nn.Conv3d(2, 2, 3, padding=1)
    report = convert(nn.Sequential(shared, nn.ReLU(), shared))
    assert report.swapped == ("0",)


def test_an_unknown_mode_lists_the_known_ones_and_changes_nothing():
    model = small()
    with pytest.raises(ValueError, match="zeros, partial, reflect, replicate, got 'zero'"):
        convert(model, "zero")
    assert type(model[0]) is nn.Conv2d


def test_only_a_trained_model_gets_the_warning(caplog):
    with caplog.at_level(logging.WARNING):
        model = small()
        convert(model)
        assert not caplog.messages
        model(X)
        convert(model, "zeros", warn=False)
        assert not caplog.messages
        convert(model)
        convert(model)  # which has nothing to swap
    assert [message for message in caplog.messages if "fine-tune" in message] == caplog.messages
    assert len(caplog.messages) == 1


def test_converted_models_are_copied_and_pickled():
    model = small().eval()
    convert(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(twin[0]) is PartialPaddingConv2d
        assert twin(X).equal(model(X))


def test_a_hook_based_weight_norm_goes_on_working():
    with pytest.warns(FutureWarning):
        conv = nn.utils.weight_norm(nn.Conv2d(3, 4, 3, padding=1))
    convert(conv)
    conv(X).sum().backward()
    assert conv.weight_g.grad is not None


def test_deeplab_converts_and_trains():
    torch.manual_seed(0)
    model = torchvision.models.segmentation.deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=3
    )
    report = convert(model)
    # 17 of the backbone and four of the head: three dilated ones and the one after them.
    assert len(report.swapped) == 21
    assert set(report.kept.values()) == {"no padding"}
    x, target = torch.randn(2, 3, 33, 33), torch.randint(0, 3, (2, 33, 33))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.functional.cross_entropy(model(x)["out"], target)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    optimizer.step()
    with torch.no_grad():
        assert model.eval()(x)["out"].shape == (2, 3, 33, 33)


def test_compiled_models_give_the_same_values_and_gradients():
    model = small()
    convert(model)
    model.eval()
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager", fullgraph=True)
    model(X).square().sum().backward()
    compiled(X).square().sum().backward()
    torch.testing.assert_close(compiled(X), model(X), rtol=0, atol=1e-5)
    for ours, theirs in zip(compiled.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def _gradients_of_half_the_batch(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    model = small().eval()
    convert(model)
    wrapped = nn.parallel.DistributedDataParallel(model)
    wrapped(X[rank : rank + 1]).square().sum().backward()
    if rank == 0:
        torch.save([p.grad for p in model.parameters()], f"{folder}/gradients.pt")
    dist.destroy_process_group()


def test_two_processes_compute_the_gradient_of_one(tmp_path):
    model = small().eval()
    convert(model)
    model(X).square().sum().backward()
    torch.multiprocessing.spawn(_gradients_of_half_the_batch, (str(tmp_path),), nprocs=2)
    for ours, theirs in zip(torch.load(tmp_path / "gradients.pt"), model.parameters(), strict=True):
        torch.testing.assert_close(2 * ours, theirs.grad, rtol=1e-4, atol=1e-5)


def test_resnet50_reports_what_the_documentation_says():
    with torch.device("meta"):
        report = convert(torchvision.models.resnet50())
    assert len(report.swapped) == 17
    assert list(report.kept.values()) == ["no padding"] * 36

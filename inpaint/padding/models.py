"""Classifiers by name, with zero padding or partial-convolution padding, and their weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from inpaint.checkpoints.torch_file import CheckpointError, load_torch_file
from inpaint.padding.convert import convert


class SmallResNet(ResNet):
    """A ResNet of basic blocks for images of about 64 px: half the published widths, a stem
    with a 3x3 kernel and without pooling, so that its maps have 1/2 to 1/16 of the image's side.
    """

    inplanes: int

    def __init__(self, layers: list[int], *, num_classes: int = 1000) -> None:
        super().__init__(BasicBlock, layers, num_classes=num_classes)
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = nn.BatchNorm2d(32)
        self.maxpool = nn.Identity()
        self.fc = nn.Linear(self.inplanes, num_classes)

    def _make_layer(
        self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        if planes == 64:  # the first level; the stem has half the published width, too
            self.inplanes = 32
        return super()._make_layer(block, planes // 2, blocks, stride, dilate)


_SMALL: dict[str, list[int]] = {"resnet10_small": [1, 1, 1, 1], "resnet18_small": [2, 2, 2, 2]}

_PUBLISHED = (
    *("pdresnet18", "pdresnet34", "pdresnet50", "pdresnet101", "pdresnet152"),
    *("pdvgg11", "pdvgg11_bn", "pdvgg13", "pdvgg13_bn"),
    *("pdvgg16", "pdvgg16_bn", "pdvgg19", "pdvgg19_bn"),
)


def architectures() -> list[str]:
    """Names that `build` knows, but for `pd` in front, which all of them may have."""
    return [*_SMALL, *torchvision.models.list_models(module=torchvision.models)]


def build(arch: str, *, num_classes: int = 1000) -> nn.Module:
    """A new classifier: of torchvision, or a small one for small images.

    arch: such as `resnet50`, or `pdresnet50` for the same network with partial-convolution padding.
    Raises ValueError that lists the names, when there is none of this name.
    """
    known = architectures()
    base = arch if arch in known else arch.removeprefix("pd")
    if base not in known:
        raise ValueError(
            f"unknown architecture {arch!r}; there are: {', '.join(known)}; "
            f"and each with pd in front, such as {', '.join(_PUBLISHED)}"
        )
    if base in _SMALL:
        model: nn.Module = SmallResNet(_SMALL[base], num_classes=num_classes)
    else:
        model = torchvision.models.get_model(base, weights=None, num_classes=num_classes)
    if base != arch:
        convert(model)
    return model


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """The builders of the reference repository: pdresnet50(num_classes=1000) and so on."""
    if name in _PUBLISHED:
        return partial(build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Load the weights of the reference repository, torchvision, or our own trainer.

    path: a state dict, or a dict with one under `state_dict`, as torch.save writes them, or
    safetensors. Keys may have the `module.` that nn.DataParallel adds. Every weight must be there
    and nothing else; only the batch counters of norm layers, which old files lack, may be missing.

    Raises FileNotFoundError, or CheckpointError that says what does not fit; the model is as it
    was then.
    """
    state = plain_state(read_checkpoint(path), path)
    own = model.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in state if k not in own]
    shapes = [
        f"{k} {tuple(state[k].shape)} instead of {tuple(own[k].shape)}"
        for k in own.keys() & state.keys()
        if state[k].shape != own[k].shape
    ]
    found = [("missing", missing), ("unexpected", unexpected), ("of another shape", sorted(shapes))]
    wrong = [f"{len(keys)} {kind} ({keys[0]}, ...)" for kind, keys in found if keys]
    if wrong:
        raise CheckpointError(
            f"{path} does not fit a {type(model).__name__} of this architecture and number of "
            f"classes; weights {'; '.join(wrong)}"
        )
    model.load_state_dict(state, strict=False)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a weight file or checkpoint holds. Raises FileNotFoundError or CheckpointError."""
    content = load_torch_file(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} and no weights")
    return content


def plain_state(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint, without the names that nn.DataParallel adds.

    The reference wraps all of a ResNet (`module.conv1...`), but the features only of a VGG
    (`features.module.0...`).
    """
    state = content.get("state_dict", content)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise CheckpointError(f"{path} holds no state dict of weights")
    return {re.sub(r"(^|\.)module\.", r"\1", key): value for key, value in state.items()}

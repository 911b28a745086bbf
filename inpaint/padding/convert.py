"""Another padding for the convolutions of a finished model."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, get_args

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.padding import _ConstantPadNd

from inpaint.padding.layers import PartialPaddingNd
from inpaint.padding.subclasses import has_padding, pads_by_itself, swapped_class

logger = logging.getLogger(__name__)

PaddingMode = Literal["zeros", "partial", "reflect", "replicate"]


@dataclass(frozen=True)
class Conversion:
    """What `convert` did; print it for a summary.

    Modules go by their names in the model; the model itself has the name "".
    """

    mode: PaddingMode
    swapped: tuple[str, ...]  # in the model's order
    kept: dict[str, str] = field(default_factory=dict)  # name: why

    def __str__(self) -> str:
        lines = [f"{self.mode} padding in {len(self.swapped)} convolutions"]
        for reason, count in Counter(self.kept.values()).items():
            names = [name or "the model itself" for name, why in self.kept.items() if why == reason]
            more = f" and {count - 3} more" if count > 3 else ""
            lines.append(f"left alone: {', '.join(names[:3])}{more}: {reason}")
        return "\n".join(lines)


def convert(model: nn.Module, mode: PaddingMode = "partial", *, warn: bool = True) -> Conversion:
    """Change how the convolutions of a model pad, in place, and say what was changed.

    Every nn.Conv1d, nn.Conv2d and nn.Conv3d with padding is changed, whatever its stride,
    dilation, groups or padding ("same" included). Modules, parameters, hooks and state-dict keys
    stay the same objects and names, so optimizers and checkpoints go on working. Left alone are
    convolutions without padding or with circular padding, transposed convolutions, padding layers,
    and subclasses, which may do anything in `forward`. Known ones are changed, too: parametrised
    convolutions (weight and spectral norm), and timm's Conv2dSame, StdConv2d and ScaledStdConv2d.

    A trained model must be fine-tuned after this: arXiv:1811.11718 lost 16 points of
    top-1 accuracy when it swapped the padding of a trained ResNet-50 and went on without.
    With `warn` that is logged when a norm layer shows that the model was trained.

    Args:
        mode: "partial", or back: "zeros"; "reflect" and "replicate" are those of nn.Conv2d.

    Raises:
        ValueError: another mode; nothing is changed then.
    """
    if mode not in get_args(PaddingMode):
        raise ValueError(f"mode must be one of {', '.join(get_args(PaddingMode))}, got {mode!r}")
    swapped, kept = [], {}
    for name, module in model.named_modules():
        if not isinstance(module, _ConvNd | _ConstantPadNd):
            continue
        reason = _why_not(module, mode)
        if reason is not None:
            kept[name] = reason
            continue
        assert isinstance(module, _ConvNd)
        _set_padding(module, mode)
        swapped.append(name)
    if swapped and warn and _looks_trained(model):
        logger.warning(
            "the padding of a trained model was swapped; fine-tune it, or its accuracy suffers"
        )
    return Conversion(mode, tuple(swapped), kept)


def padding_of(conv: nn.Module) -> str:
    """The mode of a convolution that `convert` knows, such as "partial"."""
    if isinstance(conv, PartialPaddingNd):
        return "partial"
    return str(getattr(conv, "padding_mode", "zeros"))


def _why_not(module: nn.Module, mode: PaddingMode) -> str | None:
    """Why a module is left alone, or None."""
    if isinstance(module, _ConstantPadNd):
        return "a padding layer in front of a convolution"
    if isinstance(module, _ConvTransposeNd):
        return "a transposed convolution"
    assert isinstance(module, _ConvNd)
    if swapped_class(module, partial=mode == "partial") is None:
        return f"a {type(module).__name__}, whose forward may not be that of its base class"
    if not has_padding(module):
        return "no padding"
    if pads_by_itself(module) and mode not in ("partial", "zeros"):
        return f"a {type(module).__name__}, which pads with zeros by itself"
    if padding_of(module) == "circular":
        return "circular padding"
    if padding_of(module) == mode:
        return f"has {mode} padding already"
    return None


def _set_padding(conv: _ConvNd, mode: PaddingMode) -> None:
    """Only the class and one setting change: all that others may hold on to stays."""
    kind = swapped_class(conv, partial=mode == "partial")
    assert kind is not None  # else it had been left alone
    conv.__class__ = kind
    conv.padding_mode = "zeros" if mode == "partial" else mode


def _looks_trained(model: nn.Module) -> bool:
    """Whether a norm layer has seen data: its running mean starts as 0."""
    return any(
        norm.running_mean is not None
        and not norm.running_mean.is_meta
        and bool(norm.running_mean.any())
        for norm in model.modules()
        if isinstance(norm, _NormBase)
    )

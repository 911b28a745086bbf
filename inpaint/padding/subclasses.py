"""Partial-convolution padding for subclasses of nn.Conv2d whose forward is known.

Two kinds are: convolutions with parametrised weights (torch.nn.utils.parametrizations, such as
weight and spectral norm), which differ by properties of their class, and timm's layers that
standardise their weights or pad as TensorFlow does. Each gets a class of its own, so that nothing
of the module itself changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from inpaint.padding.layers import (
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
    PartialPaddingNd,
)

_PARTIAL: dict[type[_ConvNd], type[_ConvNd]] = {
    nn.Conv1d: PartialPaddingConv1d,
    nn.Conv2d: PartialPaddingConv2d,
    nn.Conv3d: PartialPaddingConv3d,
}
_PLAIN = {partial: plain for plain, partial in _PARTIAL.items()}

# timm.layers, by name, as timm is no requirement. Their forward pads with zeros by itself.
_STANDARDISED = ("StdConv2d", "ScaledStdConv2d")
_SAME = ("Conv2dSame", "StdConv2dSame", "ScaledStdConv2dSame")


def swapped_class(module: _ConvNd, partial: bool) -> type[_ConvNd] | None:
    """The class that gives a module partial, or again its own padding; None for unknown kinds."""
    plain = _plain_class(module)
    if plain not in _PARTIAL and not _is_timms(plain):
        return None
    new = plain
    if partial:
        new = _PARTIAL.get(plain) or _timms_with_partial_padding(plain)
    return _parametrised(type(module), new) if parametrize.is_parametrized(module) else new


def pads_by_itself(module: _ConvNd) -> bool:
    """Whether `forward` of a module's kind pads with zeros whatever padding_mode says."""
    return _is_timms(_plain_class(module))


def has_padding(module: _ConvNd) -> bool:
    """Whether a module pads at all; a layer that pads as TensorFlow does, for kernels above 1."""
    plain = _plain_class(module)
    if _is_timms(plain) and plain.__name__ in _SAME:
        return max(module.kernel_size) > 1
    return any(module._reversed_padding_repeated_twice)


def _plain_class(module: _ConvNd) -> Any:
    """A module's class without its parametrisation and without partial padding."""
    kind: Any = type(module)
    if parametrize.is_parametrized(module):
        (kind,) = kind.__bases__
    return _PLAIN.get(kind) or getattr(kind, "plain_class", kind)


def _is_timms(kind: type[Any]) -> bool:
    return kind.__module__.startswith("timm.") and kind.__name__ in (*_STANDARDISED, *_SAME)


@cache
def _timms_with_partial_padding(plain: Any) -> Any:
    class Padded(PartialPaddingNd, plain):
        plain_class = plain

        def _plain_forward(self, input: Tensor) -> Tensor:
            y: Tensor = plain.forward(self, input)
            return y

        def _sides(self, size: Sequence[int]) -> list[tuple[int, int]]:
            if plain.__name__ not in _SAME:
                return super()._sides(size)
            return [
                _same_sides(*axis)
                for axis in zip(size, self.kernel_size, self.stride, self.dilation, strict=True)
            ]

        def __reduce__(self) -> Any:
            return _new_padded, (plain,), self.__dict__

    Padded.__name__ = Padded.__qualname__ = f"PartialPadding{plain.__name__}"
    return Padded


def _new_padded(plain: Any) -> Any:
    """What pickle begins with, as the class has no name that could be imported."""
    kind = _timms_with_partial_padding(plain)
    return kind.__new__(kind)


def _same_sides(length: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's padding (before, after): as many windows as ceil(length / stride)."""
    windows = -(-length // stride)
    total = max((windows - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


def _parametrised(kind: type[Any], base: type[_ConvNd]) -> type[_ConvNd]:
    """The class of a parametrised module, whose properties read the parametrisation, on a base."""
    own = {
        name: value
        for name, value in vars(kind).items()
        if name not in ("__dict__", "__weakref__", "__doc__")
    }
    return type(kind.__name__, (base,), own)

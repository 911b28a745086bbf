"""Names of a package that are imported on first use (PEP 562), so that the package is light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: Its name.
        modules: The module of each public name.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return find


def lazy_dir(package: str) -> Callable[[], list[str]]:
    """The `__dir__` of a package, with the names of its `__all__` that are not imported yet."""

    def names() -> list[str]:
        held = vars(sys.modules[package])
        return sorted({*held, *held["__all__"]})

    return names

"""Packages that not everybody needs, and the extra that installs each."""

from __future__ import annotations

DISTRIBUTION = "pconv-inpaint"  # the name of this package for pip, as in pyproject.toml

# By the name a package is imported by.
_EXTRAS = {
    "gradio": "app",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
    "prometheus_client": "serve",
    "accelerate": "train",
    "tensorboard": "train",
    "torchvision": "padding",
    "onnxruntime": "onnx",
    "onnxscript": "export",
    "skimage": "evaluate",
    "matplotlib": "evaluate",
    "patchmatch": "evaluate",
    "torchmetrics": "evaluate",
    "ray": "ray",
    "pillow_heif": "heic",
}


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def advice(error: ModuleNotFoundError) -> str:
    """What a missing package is called, and the command that installs it if an extra does."""
    package = (error.name or "").split(".")[0]
    if package not in _EXTRAS or "pip install" in str(error):
        return str(error)
    return not_installed(package)


def not_installed(package: str) -> str:
    """That a package of an extra is missing, and the command that installs it."""
    return f"{package} is not installed; get it with: {install(_EXTRAS[package])}"

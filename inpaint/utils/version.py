"""The version of the package."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("inpaint")
except PackageNotFoundError:  # the folder of a checkout, used without an installation
    __version__ = "unknown"

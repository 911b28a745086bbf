"""The version of the package."""

from importlib.metadata import PackageNotFoundError, version

from inpaint.utils.extras import DISTRIBUTION

try:
    __version__ = version(DISTRIBUTION)
except PackageNotFoundError:  # the folder of a checkout, used without an installation
    __version__ = "unknown"

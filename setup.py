"""Adds the weights and examples, which lie beside the package, to what is built of it."""

import re
from pathlib import Path

from setuptools import find_packages, setup

# Where folders of this repository lie inside the installed package, see inpaint/utils/shipped.py.
SHIPPED = {
    "inpaint._weights": "weights",
    "inpaint._examples": "examples",
    "inpaint._examples.masks": "examples/masks",
}

# Of the README: pictures and links to files of this repository.
IMAGES = re.compile(r'!\[[^]]*\]\((?!https?:)[^)]*\)|<img [^>]*src="(?!https?:)[^>]*>')
LINKS = re.compile(r"\[([^]]*)\]\((?!https?:)[^)]*\)")


def long_description() -> str:
    """The README without its pictures, and the texts of its links: package indexes have no files
    that these could lead to."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    return LINKS.sub(r"\1", IMAGES.sub("", text))


setup(
    packages=[*find_packages(include=["inpaint", "inpaint.*"]), *SHIPPED],
    package_dir=SHIPPED,
    long_description=long_description(),
    long_description_content_type="text/markdown",
)

"""Adds the weights and examples, which lie beside the package, to what is built of it."""

from setuptools import find_packages, setup

# Where folders of this repository lie inside the installed package, see inpaint/utils/shipped.py.
SHIPPED = {
    "inpaint._weights": "weights",
    "inpaint._examples": "examples",
    "inpaint._examples.masks": "examples/masks",
}

setup(packages=[*find_packages(include=["inpaint", "inpaint.*"]), *SHIPPED], package_dir=SHIPPED)

"""Holes: random ones, the test set made of them, and those that people bring."""

from inpaint.masks.generate import (
    GENERATOR_VERSION,
    HOLE_BUCKETS,
    TRAINING_VERSION,
    border_width,
    fixed_hole,
    hole_bucket,
    random_hole,
)
from inpaint.masks.read import grow_hole, read_hole
from inpaint.masks.testset import write_test_set

__all__ = [
    "GENERATOR_VERSION",
    "HOLE_BUCKETS",
    "TRAINING_VERSION",
    "border_width",
    "fixed_hole",
    "grow_hole",
    "hole_bucket",
    "random_hole",
    "read_hole",
    "write_test_set",
]

"""Holes: random ones and the test set made of them."""

from inpaint.masks.generate import HOLE_BUCKETS, border_width, fixed_hole, hole_bucket, random_hole
from inpaint.masks.testset import write_test_set

__all__ = [
    "HOLE_BUCKETS",
    "border_width",
    "fixed_hole",
    "hole_bucket",
    "random_hole",
    "write_test_set",
]

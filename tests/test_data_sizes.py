"""What a run says of the sizes of its pictures."""

import re
from pathlib import Path

import numpy as np
import pytest
from test_data_sources import gray_value, write_tar

from inpaint.data import TarSource
from inpaint.data.sizes import describe_sizes, shorter_sides


def test_shorter_sides_come_from_all_over_the_source(tmp_path: Path) -> None:
    members = {f"{i:02d}.png": gray_value(0, (90 - i, 100)) for i in range(60)}
    members["30.png"] = b"no picture"
    source = TarSource([write_tar(tmp_path / "a.tar", members)])
    assert shorter_sides(source, 6).tolist() == [0, 40, 50, 70, 80, 90]
    assert len(shorter_sides(source, 100)) == 60


def test_the_line_says_what_is_enlarged_and_what_is_left_out() -> None:
    sides = np.array([0, 100, 200, 256, 300])
    found = "shorter sides of 4 pictures looked at: 100 to 300 px; samples of 128, 256 px"
    assert describe_sizes(sides, [256, 128, 128], 1) == (
        f"{found}; 50% are too small for those of 256 px and left out"
    )
    assert describe_sizes(sides, [128, 256], 2) == (
        f"{found}; 25% are enlarged for those of 256 px; "
        "25% are too small for those of 256 px and left out"
    )
    same = "shorter sides of 2 pictures looked at: 64 px; samples of 64 px"
    assert describe_sizes(np.array([64, 64]), [64], 1) == same
    assert "none of those looked at is readable" in describe_sizes(np.array([0]), [64], 1)


def test_pictures_that_are_all_too_small_are_refused_with_three_ways_out() -> None:
    ways = "smaller samples (--size 256), or enlarge them (--max-upscale 2)"
    with pytest.raises(ValueError, match=rf"512 px cannot be cut from them.*{re.escape(ways)}"):
        describe_sizes(np.array([256]), [512], 1)
    with pytest.raises(ValueError, match=r"enlarged at most 2 times.*--max-upscale 4\.27"):
        describe_sizes(np.array([100, 120]), [512], 2)

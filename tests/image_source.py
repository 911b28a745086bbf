"""A source of images for tests of samples."""

from collections.abc import Sequence

import numpy as np


class Pictures:
    """Pictures in memory, which are bad where they are an error."""

    def __init__(self, pictures: Sequence[np.ndarray | Exception]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def name(self, index: int) -> str:
        return f"{index}.png"

    def load(self, index: int) -> np.ndarray:
        picture = self.pictures[index]
        if isinstance(picture, Exception):
            raise picture
        return picture

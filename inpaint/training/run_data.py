"""The images of a run: what its phases train on, and what it is validated on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from inpaint.data import FixedSamples, TrainingSamples, open_source
from inpaint.data.device_crops import scale_squares
from inpaint.data.sizes import describe_sizes, shorter_sides
from inpaint.masks.batched import BatchedHoles
from inpaint.training.config import RECIPES, Phase, TrainConfig
from inpaint.training.validate import to_unit, unpack_hole, unpack_image


class RunData:
    """Samples of a run, by phase."""

    def __init__(self, config: TrainConfig, phases: tuple[Phase, ...], hole_version: int) -> None:
        """hole_version: of the generator of holes, see `random_hole`.

        Raises ValueError or OSError for data that cannot work.
        """
        self.config = config
        self.phases = phases
        self.hole_version = hole_version
        self.recipe = RECIPES[config.config]
        largest = max(phase.size for phase in phases)
        self.source = open_source(config.data, config.root, size=largest)

    def samples(self, number: int) -> TrainingSamples:
        """The samples of a phase, from 0; without holes if these are drawn on the device."""
        return TrainingSamples(
            self.source,
            self.phases[number].size,
            seed=self.config.seed + number,
            ratio_weights=self.recipe.bucket_weights,
            sides=self.recipe.sides,
            hole_dir=self.config.holes,
            invert_holes=self.config.invert_holes,
            hole_version=self.hole_version,
            with_holes=not self.config.device_holes,
            scaled=self.config.crops != "device",
            max_upscale=self.phases[number].max_upscale,
        )

    def check(self) -> str:
        """The sizes of the images, as a line for the log.

        Raises ValueError for images that cannot be used at the size of a phase.
        """
        sizes = [phase.size for phase in self.phases]
        scale = min(phase.max_upscale for phase in self.phases)
        text = describe_sizes(shorter_sides(self.source), sizes, scale)
        try:
            for number in range(len(self.phases)):
                self.samples(number)[0]
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return text

    def unpack(
        self, batch: dict[str, Any], size: int, device: torch.device, seed: int
    ) -> tuple[Tensor, Tensor]:
        """A batch of samples of `size` px on the device; see `unpack` of validation.

        What the samples leave to the device is done there; `seed` draws the holes.
        """
        if self.config.crops == "device":
            squares, side, flipped = (
                batch[name].to(device, non_blocking=True) for name in ("image", "side", "flipped")
            )
            image = to_unit(scale_squares(squares, side, flipped, size))
        else:
            image = unpack_image(batch, device)
        if self.config.device_holes:
            return image, self._draw_holes(image, seed)
        return image, unpack_hole(batch, device)

    def _draw_holes(self, image: Tensor, seed: int) -> Tensor:
        """Holes of a batch of images, (B, 1, H, W) float, 1 = hole, drawn on its device."""
        generator = torch.Generator(image.device).manual_seed(seed)
        holes = BatchedHoles(self.recipe.bucket_weights, sides=self.recipe.sides)
        return holes.draw(len(image), image.shape[2], generator).float()

    def validation(self, batch_size: int) -> list[dict[str, Any]]:
        """All batches, read once: 48 images of 512 px are 50 MB."""
        config, size = self.config, self.phases[-1].size
        root = config.val_root or config.root
        source = open_source(config.data, root, split="val", size=size)
        samples = FixedSamples(source, size, count=config.val_pictures, seed=config.seed)
        return list(DataLoader(samples, batch_size=batch_size))

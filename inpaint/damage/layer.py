"""A layer of damage, and how it changes an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from inpaint.damage.drawing import log_uniform

Kind = Literal["scratch", "dust", "stamp"]


@dataclass(frozen=True, eq=False)
class Layer:
    """Damage of one class and colour.

    A covering layer hides the image: `image + opacity * (colour - image)`. One that does not
    shifts it, as a faint scratch does: `image + opacity * colour`.
    """

    kind: Kind
    opacity: np.ndarray  # (H, W) float32 in [0, 1]
    colour: np.ndarray | tuple[float, float, float]  # RGB; [0, 1], or of a shift [-1, 1]
    covering: bool = True

    def apply(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the layer into an image, in place.

        Args:
            image: (H, W, 3) float32, RGB in [0, 1], contiguous.

        Returns:
            The places it covers by more than 1 %, (N,) indices of the flattened image, and the
            largest change of a channel there, (N,) float32.
        """
        places = np.flatnonzero(self.opacity.ravel() > 0.01)
        pixels = image.reshape(-1, 3)
        before = pixels[places]
        opacity = self.opacity.ravel()[places][:, None]
        colour = np.array(self.colour, np.float32)
        change = opacity * (colour - before if self.covering else colour)
        after = np.clip(before + change, 0, 1)
        pixels[places] = after
        return places, np.abs(after - before).max(1)


def light_or_dark(
    rng: np.random.Generator, kind: Kind, opacity: np.ndarray, *, light: float = 0.6
) -> Layer:
    """A layer with a colour that damage of film and paper has.

    Half of them cover the image with nearly white or black, a quarter of these wholly; the others
    shift it by 0.05 to 0.6.

    Args:
        rng: Draws the colour.
        kind: Class of the damage.
        opacity: (H, W) float32 in [0, 1].
        light: Share of light ones.
    """
    sign = 1.0 if rng.random() < light else -1.0
    tint = rng.normal(0, 0.12 if rng.random() < 0.4 else 0.015, 3)
    if rng.random() < 0.5:
        base = rng.uniform(0.75, 1) if sign > 0 else rng.uniform(0, 0.2)
        colour = np.clip(base + tint, 0, 1)
        strength = np.float32(1.0 if rng.random() < 0.25 else log_uniform(rng, 0.3, 1.0))
        return Layer(kind, opacity * strength, colour)
    shift = sign * log_uniform(rng, 0.05, 0.6) * (1 + tint)
    return Layer(kind, opacity, shift, covering=False)

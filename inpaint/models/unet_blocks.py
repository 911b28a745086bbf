"""The blocks that the levels of PConvUNet are made of, arXiv:1804.07723, section 3.2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inpaint.models.partial_conv import partial_conv, rescale, window_count, without_autocast

_NOISE_TILE = 64  # side of the noise that is repeated over a level's features
_NOISE_STRENGTH = 0.1  # at the start of training; normalised features are of the order of 1


class PConvBlock(nn.Module):
    """Partial convolution, batch norm, activation.

    Features come in masked and go out masked, zero in every hole. So a tensor that is used
    twice, by the next level and by the skip connection, is masked once.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        norm: bool = True,
        leak: float | None = 0.0,
    ) -> None:
        """leak: slope of the activation below 0 (0 is a ReLU), None for no activation."""
        super().__init__()
        # A plain convolution holds the weights, so its state dict is the usual one.
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=not norm
        )
        self.norm = nn.BatchNorm2d(out_channels) if norm else nn.Identity()
        self.leak = leak

    def forward(
        self, x: Tensor, valid: Tensor, mask_channels: Sequence[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W), zero in its holes; valid (B or 1, K, H, W); see partial_conv.

        Returns features and mask of size ceil(H / stride) x ceil(W / stride); the mask has one
        channel.
        """
        y, valid = partial_conv(
            x,
            self.conv.weight,
            self.conv.bias,
            valid,
            mask_channels=mask_channels,
            stride=self.conv.stride,
            padding=self.conv.padding,
            masked=True,
        )
        if isinstance(self.norm, nn.Identity):
            masked = y  # nothing has moved the holes away from zero
        else:
            masked = self.norm(y).mul_(valid)
        if self.leak is None:
            return masked, valid
        return F.leaky_relu(masked, self.leak, inplace=True), valid  # keeps zeros

    def joined(
        self, x: Tensor, valid: Tensor, skip: Tensor, skip_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The block on x (B, C, ceil(H / 2), ceil(W / 2)), upsampled and joined with the features
        of a skip connection, (B, S, H, W); both zero in their holes, masks of one channel."""
        features = torch.cat([_upsample(x, skip), skip], 1)
        mask = torch.cat([_upsample(valid, skip_valid), skip_valid], 1)
        return self(features, mask, (x.shape[1], skip.shape[1]))


class PConvOutput(nn.Module):
    """The last level: 3x3 partial convolution of the upsampled features and the image.

    Three output channels at the image's full size keep few lanes of a processor busy, and the
    upsampled features are the largest tensor of the network. So it is never made: the four
    outputs that share a small pixel are four channels of a convolution at the small size. At
    512x512 with 64 features that is 12 ms instead of 88 ms on one core.
    """

    fold: Tensor

    def __init__(self, features: int, in_channels: int = 3, out_channels: int = 3) -> None:
        """features: channels of the level below; in_channels: of the image."""
        super().__init__()
        self.features = features
        self.conv = nn.Conv2d(features + in_channels, out_channels, 3, padding=1)
        # Upsampled rows 2i-1 .. 2i+2 are the rows i-1, i, i, i+1. So the three taps of an even
        # row, and of an odd one, fall on the taps i-1, i, i+1 like this.
        even, odd = [[1.0, 0, 0], [0, 1, 1], [0, 0, 0]], [[0.0, 0, 0], [1, 1, 0], [0, 0, 1]]
        self.register_buffer("fold", torch.tensor([even, odd]), persistent=False)

    def forward(
        self, x: Tensor, valid: Tensor, image: Tensor, image_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W), image (B, I, 2H, 2W), zero in their holes; masks of one channel.

        Returns the new image (B, O, 2H, 2W) and its mask. Under autocast they are float32: below 1
        bfloat16 has steps of 0.004, an 8-bit level.
        """
        if torch.is_autocast_enabled(x.device.type):
            with without_autocast(x.device):
                return self.forward(x.float(), valid.float(), image.float(), image_valid.float())
        features = self.features
        weight = self.conv.weight
        small = torch.einsum("pik,qjl,ockl->opqcij", self.fold, self.fold, weight[:, :features])
        y = F.pixel_shuffle(F.conv2d(x, small.flatten(0, 2), padding=1), 2)
        y = y + F.conv2d(image, weight[:, features:], padding=1)
        mask = torch.cat([_upsample(valid, image_valid), image_valid], 1)
        count = window_count(mask, (3, 3), weights=(features, image.shape[1]), padding=1)
        return rescale(y, self.conv.bias, count, weight[0].numel())


class NoiseInjection(nn.Module):
    """Noise of one channel added to all of them, each with a strength that is learnt.

    A network that is to invent texture needs something to make it of: deep in a hole its features
    are as smooth as its answer was. From StyleGAN (arXiv:1812.04948, section 3.2). Fresh noise in
    training; afterwards always the same, so that the same image gives the same fill.
    """

    tile: Tensor

    def __init__(self, channels: int, seed: int = 0) -> None:
        """seed: of the noise after training."""
        super().__init__()
        self.strength = nn.Parameter(torch.full((1, channels, 1, 1), _NOISE_STRENGTH))
        generator = torch.Generator().manual_seed(seed)
        tile = torch.randn(1, 1, _NOISE_TILE, _NOISE_TILE, generator=generator, device="cpu")
        self.register_buffer("tile", tile, persistent=False)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """x (B, C, H, W) with noise where valid, (B or 1, 1, H, W), is 1."""
        if self.training:
            noise = torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device)
        else:
            noise = self.tile
            for axis in (2, 3):
                wrapped = torch.arange(x.shape[axis], device=x.device) % _NOISE_TILE
                noise = noise.index_select(axis, wrapped)
        return x + (self.strength * noise * valid).to(x.dtype)


class ResidualUnit(nn.Module):
    """x + LeakyReLU(partial convolution of x): further layers for a decoder level.

    Starts as the identity, so that it can be added to a network that is trained already.
    """

    def __init__(self, channels: int, dilation: int, leak: float) -> None:
        """dilation: of the 3x3 convolution, px; leak: slope of the LeakyReLU below 0."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.leak = leak

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """x (B, C, H, W), zero where valid, (B or 1, 1, H, W), is 0; stays so."""
        y, _ = partial_conv(
            x,
            self.conv.weight,
            self.conv.bias,
            valid,
            padding=self.conv.padding,
            dilation=self.conv.dilation,
            masked=True,
        )
        return x + F.leaky_relu(y, self.leak, inplace=True) * valid


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    """x at the size of `like`, nearest: twice its size, less one row or column if that is odd."""
    # Not by a factor of two and then cropped: torch.export cannot prove that the crop fits. The
    # rows are the same, but for float32 rounding at odd sizes above 4,000, where one may repeat
    # its other neighbour.
    return F.interpolate(x, size=like.shape[2:], mode="nearest")

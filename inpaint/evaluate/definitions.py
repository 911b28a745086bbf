"""The metrics by name: their definitions, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricInfo:
    """A metric, its definition and how it is shown."""

    title: str
    digits: int  # after the decimal point
    rising: bool  # more is better
    definition: str  # x is the original, y the composite, both in [0, 1]


METRICS = {
    "l1": MetricInfo(
        "L1 (%)", 2, False, "mean of |x - y| over all pixels and colours, in %."
    ),
    "psnr": MetricInfo(
        "PSNR (dB)", 2, True,
        "-10 log10 of the mean of (x - y)^2; at most 100, which only an exact result reaches.",
    ),
    "ssim": MetricInfo(
        "SSIM", 3, True,
        "Wang et al. 2004 on each colour, then averaged: Gaussian window of 11x11 pixels with "
        "sigma 1.5, population covariances, K = (0.01, 0.03), data range 1, averaged over the "
        "windows that lie inside the picture; scikit-image's.",
    ),
    "mae": MetricInfo(
        "L1 in the hole (%)", 2, False, "mean of |x - y| over the hole's pixels and colours, in %."
    ),
    "vgg": MetricInfo(
        "VGG-16 distance", 3, False,
        "features relu1_2, relu2_2 and relu3_3 of the authors' VGG-16 (ImageNet, from Caffe), "
        "those of each position scaled to length 1 over channels; squared differences summed over "
        "channels, averaged over positions, summed over the three layers.",
    ),
    "lpips": MetricInfo(
        "LPIPS (AlexNet)", 3, False, "Zhang et al. 2018, version 0.1; torchmetrics'."
    ),
}  # fmt: skip

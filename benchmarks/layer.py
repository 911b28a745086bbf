"""What masks cost: the U-Net of partial convolutions against two others with the same weights.

    python benchmarks/layer.py            # a Markdown table
    python benchmarks/layer.py --check    # and the layer against its oracle; 1 if a limit is missed

`plain` is the same network with ordinary convolutions and without masks: what any U-Net costs.
`reference` has a mask channel for every feature and counts with a kernel of ones of shape
(C_out, C_in, k, k), as the layer published with arXiv:1804.07723 does. Our network never makes
the upsampled features of its last level, and the others do; `upsampled` is ours but for that, so
it shows what the masks alone cost.

All networks run in one process and take turns, so that a busy machine slows all of them; a ratio
is the median of the ratios within the turns. A training step is forward and backward; the
optimiser costs all networks the same. Peak memory is what the resident set of a fresh process
grows by from just before the network is built, so it includes the weights.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from measure import alternating, resident
from torch import Tensor

from inpaint.masks import fixed_hole
from inpaint.models.partial_conv import partial_conv
from inpaint.models.unet import PConvUNet, UNetConfig
from inpaint.models.unet_blocks import PConvOutput, _upsample

# (phase, measure, network whose cost divides the U-Net's, highest ratio allowed)
LIMITS = [
    ("inference", "time", "plain", 1.10),
    ("training", "time", "plain", 1.15),
    ("inference", "time", "reference", 1 / 2.2),
]
LAYER_LIMIT = 1e-5  # largest difference between the layer and its oracle, float32


class PlainUNet(PConvUNet):
    """The same levels, weights, norms and activations, and no masks."""

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        features = (image - self.mean) / self.std
        skips = []
        for block in self.encoder:
            skips.append(features)
            features = self._block(block, features)
        for block in self.decoder:
            skip = skips.pop()
            features = torch.cat([_upsample(features, skip), skip], 1)
            features = self._block(block, features)
        return features * self.std + self.mean

    @staticmethod
    def _block(block: Any, x: Tensor) -> Tensor:
        x = block.conv(x)
        if isinstance(block, PConvOutput):
            return x
        x = block.norm(x)
        return x if block.leak is None else F.leaky_relu(x, block.leak, inplace=True)


class ReferenceUNet(PConvUNet):
    """The same network with masks as wide as the features, by the published formula."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        for block in [*self.encoder, *self.decoder]:
            block.register_buffer("ones", torch.ones_like(block.conv.weight))

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        features, mask = (image - self.mean) / self.std, valid.expand_as(image)
        skips = []
        for block in self.encoder:
            skips.append((features, mask))
            features, mask = self._block(block, features, mask)
        for block in self.decoder:
            skip, skip_mask = skips.pop()
            features = torch.cat([_upsample(features, skip), skip], 1)
            mask = torch.cat([_upsample(mask, skip_mask), skip_mask], 1)
            features, mask = self._block(block, features, mask)
        return features * self.std + self.mean

    @staticmethod
    def _block(block: Any, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        conv = block.conv
        with torch.no_grad():
            count = F.conv2d(mask, block.ones, None, conv.stride, conv.padding)
            valid = count.clamp(0, 1)
            ratio = conv.weight[0].numel() / (count + 1e-8) * valid
        y = conv(x * mask)
        if conv.bias is None:
            y = y * ratio
        else:
            bias = conv.bias.view(1, -1, 1, 1)
            y = ((y - bias) * ratio + bias) * valid
        if isinstance(block, PConvOutput):
            return y, valid
        y = block.norm(y)
        return (y if block.leak is None else F.leaky_relu(y, block.leak, inplace=True)), valid


class UpsampledOutput(PConvOutput):
    def forward(
        self, x: Tensor, valid: Tensor, picture: Tensor, image_valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        channels = (x.shape[1], 3)
        mask = torch.cat([_upsample(valid, image_valid), image_valid], 1)
        x = torch.cat([_upsample(x, picture), picture], 1)
        weight, bias = self.conv.weight, self.conv.bias
        return partial_conv(x, weight, bias, mask, mask_channels=channels, padding=1, masked=True)


class UpsampledUNet(PConvUNet):
    """Our network, with the last level computed as the others do."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        self.decoder[-1] = UpsampledOutput(config.widths[0])


NETWORKS: dict[str, type[PConvUNet]] = {
    "partial": PConvUNet,
    "upsampled": UpsampledUNet,
    "plain": PlainUNet,
    "reference": ReferenceUNet,
}


def build(name: str, phase: str, size: int) -> Callable[[], object]:
    """A call of the network called `name`: one forward pass, or one forward and backward pass."""
    network = NETWORKS[name](UNetConfig()).train(phase == "training")
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    hole = fixed_hole((size, size), 0, seed=0, bucket=2)
    valid = 1 - torch.from_numpy(hole)[None, None].float()

    def infer() -> None:
        with torch.inference_mode():
            network(image, valid)

    def train() -> None:
        network.zero_grad()
        F.l1_loss(network(image, valid), image).backward()

    return train if phase == "training" else infer


def times(phase: str, *, size: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of every call of every network, taking turns, after one call to warm up."""
    calls = {name: build(name, phase, size) for name in NETWORKS}
    return alternating(calls, rounds)


def own_peak(name: str, phase: str, size: int) -> int:
    """Bytes by which this process grows to its peak in two calls. Call it once in a process."""
    before = resident("VmRSS")
    call = build(name, phase, size)
    call()
    call()
    return resident("VmHWM") - before


def peak(name: str, phase: str, *, size: int, threads: int) -> int:
    """own_peak in a fresh process."""
    command = [sys.executable, __file__, "--peak", name, phase]
    command += ["--size", str(size), "--threads", str(threads)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(*, size: int, rounds: int, threads: int) -> list[dict[str, Any]]:
    """One row for each phase and network, with ratios to the U-Net of partial convolutions."""
    rows: list[dict[str, Any]] = []
    for phase in ("inference", "training"):
        seconds = times(phase, size=size, rounds=rounds)
        peaks = {name: peak(name, phase, size=size, threads=threads) for name in NETWORKS}
        for name in NETWORKS:
            pairs = zip(seconds["partial"], seconds[name], strict=True)
            rows.append(
                {
                    "phase": phase,
                    "network": name,
                    "seconds": median(seconds[name]),
                    "time": median(ours / theirs for ours, theirs in pairs),
                    "peak_bytes": peaks[name],
                    "memory": peaks["partial"] / peaks[name],
                }
            )
    return rows


def oracle_difference() -> tuple[float, int]:
    """Largest difference between the layer and the tests' oracle, and the number of cases."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from oracle import cases, difference

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    grid = cases()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel")
        largest = max(difference(case) for case in grid)
    torch.set_num_threads(threads)
    return largest, len(grid)


def missed(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each limit that the rows do not keep."""
    ratios = {(row["phase"], row["network"]): row for row in rows}
    return [
        f"{phase}: {key} is {ratios[phase, name][key]:.3f} of {name}, wanted at most {limit:.3f}"
        for phase, key, name, limit in LIMITS
        if ratios[phase, name][key] > limit
    ]


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| phase | network | median s | partial / network | peak MB | partial / network |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['phase']} | {row['network']} | {row['seconds']:.3f} | {row['time']:.3f} "
        f"| {row['peak_bytes'] / 2**20:.0f} | {row['memory']:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=512, help="height and width, px")
    parser.add_argument("--rounds", type=int, default=7, help="timed calls of each network")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak:
        name, phase = options.peak
        print(own_peak(name, phase, options.size))
        return 0
    rows = measure(size=options.size, rounds=options.rounds, threads=options.threads)
    print(json.dumps(rows) if options.json else table(rows))
    if not options.check:
        return 0
    failures = missed(rows)
    largest, cases = oracle_difference()
    print(f"largest difference to the oracle in {cases} cases: {largest:.1e}", file=sys.stderr)
    if largest > LAYER_LIMIT:
        failures.append(f"the layer differs from its oracle by more than {LAYER_LIMIT:.0e}")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

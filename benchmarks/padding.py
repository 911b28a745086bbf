"""What partial-convolution padding costs: ResNet-50 with zero padding against itself converted.

    python benchmarks/padding.py            # a Markdown table
    python benchmarks/padding.py --check    # and the layers against the formula; 1 if a limit is
                                            # missed

`map` multiplies the whole output of a convolution by its ratio, as the layer published with
arXiv:1811.11718 does; `partial` scales the border's rows and columns only.

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
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from measure import resident
from torch import Tensor, nn

from inpaint.padding import PartialPaddingConv2d, build, convert

NETWORKS = ("zero", "partial", "map")
PHASES = ("evaluation", "training")
# (phase, highest ratio of partial to zero padding allowed), for time and for memory
LIMITS = {"evaluation": 1.05, "training": 1.08}
LAYER_LIMIT = 1e-5  # largest difference between a layer and the formula, float32


class MapConv2d(PartialPaddingConv2d):
    """The same values by a ratio for each window."""

    def forward(self, input: Tensor) -> Tensor:
        return self._by_map(input)


def make(name: str, arch: str) -> nn.Module:
    torch.manual_seed(0)
    model = build(arch).to(memory_format=torch.channels_last)
    if name != "zero":
        convert(model)
    if name == "map":
        for module in model.modules():
            if type(module) is PartialPaddingConv2d:
                module.__class__ = MapConv2d
    return model


def runner(model: nn.Module, x: Tensor, phase: str) -> Callable[[], None]:
    """One evaluation, or one forward and backward pass."""
    model.train(phase == "training")

    def evaluate() -> None:
        with torch.inference_mode():
            model(x)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model(x).square().mean().backward()

    return step if phase == "training" else evaluate


def times(arch: str, x: Tensor, phase: str, turns: int) -> dict[str, list[float]]:
    """Seconds of each network in each turn."""
    runners = {name: runner(make(name, arch), x, phase) for name in NETWORKS}
    found: dict[str, list[float]] = {name: [] for name in NETWORKS}
    for turn in range(turns + 1):  # the first warms up
        order = list(runners) if turn % 2 else list(reversed(runners))
        for name in order:
            start = time.perf_counter()
            runners[name]()
            if turn:
                found[name].append(time.perf_counter() - start)
    return found


def peak_memory(name: str, options: argparse.Namespace, phase: str) -> float:
    """MB that a fresh process grows by."""
    command = [sys.executable, __file__, "--memory-of", name, "--phase", phase,
               "--arch", options.arch, "--batch", str(options.batch), "--size", str(options.size),
               "--threads", str(options.threads)]  # fmt: skip
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def measure_memory(name: str, options: argparse.Namespace) -> float:
    """MB by which this process grows to its peak in two calls. Call it once in a process."""
    before = resident("VmRSS")
    run = runner(make(name, options.arch), picture(options), options.phase)
    for _ in range(2):
        run()
    return (resident("VmHWM") - before) / 2**20


def picture(options: argparse.Namespace) -> Tensor:
    x = torch.randn(options.batch, 3, options.size, options.size)
    return x.contiguous(memory_format=torch.channels_last)


def layer_difference(arch: str, size: int) -> float:
    """Largest difference between a converted network's convolutions and the formula, on the
    inputs that they see in the network."""
    model = build("pd" + arch).eval()
    worst = 0.0

    def compare(conv: PartialPaddingConv2d, inputs: tuple[Tensor], y: Tensor) -> None:
        nonlocal worst
        (x,) = inputs
        geometry = (conv.stride, conv.padding, conv.dilation)
        ones = torch.ones(1, 1, *x.shape[2:])
        count = F.conv2d(ones, torch.ones(1, 1, *conv.kernel_size), None, *geometry)
        wanted = F.conv2d(x, conv.weight, None, *geometry, conv.groups)
        wanted = wanted * (conv.kernel_size[0] * conv.kernel_size[1] / count)
        if conv.bias is not None:
            wanted = wanted + conv.bias.view(-1, 1, 1)
        worst = max(worst, float((y - wanted).abs().max() / wanted.abs().max()))

    for module in model.modules():
        if isinstance(module, PartialPaddingConv2d):
            module.register_forward_hook(compare)
    with torch.inference_mode():
        model(torch.randn(1, 3, size, size))
    return worst


def main() -> int:
    options = _options()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print(json.dumps(measure_memory(options.memory_of, options)))
        return 0
    print(f"{options.arch}, batch {options.batch}, {options.size} px, {options.threads} threads, "
          f"torch {torch.__version__}; in brackets relative to zero padding.\n")  # fmt: skip
    print("| phase | measure | " + " | ".join(NETWORKS) + " |\n|---|---|" + "---:|" * len(NETWORKS))
    failed = False
    for phase in PHASES:
        seconds = times(options.arch, picture(options), phase, options.turns)
        ratio = {name: median(ours / zero for ours, zero in zip(seconds[name], seconds["zero"],
                                                                strict=True))
                 for name in NETWORKS}  # fmt: skip
        cells = [f"{median(seconds[name]):.3f} ({ratio[name]:.3f})" for name in NETWORKS]
        print(f"| {phase} | time, s | {' | '.join(cells)} |", flush=True)
        memory = {name: peak_memory(name, options, phase) for name in NETWORKS}
        cells = [f"{memory[name]:.0f} ({memory[name] / memory['zero']:.3f})" for name in NETWORKS]
        print(f"| {phase} | memory, MB | {' | '.join(cells)} |", flush=True)
        worst = max(ratio["partial"], memory["partial"] / memory["zero"])
        failed |= worst > LIMITS[phase]
    if not options.check:
        return 0
    difference = layer_difference(options.arch, options.size)
    print(f"\nlargest difference to the formula: {difference:.1e} of the largest value")
    return int(failed or difference > LAYER_LIMIT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--batch", type=int, default=8, help="pictures (8)")
    parser.add_argument("--size", type=int, default=224, help="side of the pictures, px (224)")
    parser.add_argument("--turns", type=int, default=15, help="that count (15)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is missed")
    parser.add_argument("--memory-of", choices=NETWORKS, help=argparse.SUPPRESS)
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Share of each term in the paper's loss, at the start of training and at its end.

    python benchmarks/loss_shares.py --root PICTURES     # a Markdown table

Start: the paper's network with random weights. End: shipped weights, which were trained for days,
but not with this loss, so they represent a network that is good at L1 and PSNR. With both ranges
of colours that `--pixel-range` knows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import default_collate

from inpaint import PConvUNet, UNetConfig
from inpaint.checkpoints.vgg import VGG16
from inpaint.checkpoints.weights import find_weights, load_network
from inpaint.data import TrainingSamples, open_source
from inpaint.training.losses import inpainting_terms
from inpaint.training.validate import unpack
from inpaint.training.weights import LossWeights

BATCH = 4
TERMS = ("valid", "hole", "perceptual", "style_out", "style_comp", "tv")
EXAMPLES = Path(__file__).parents[1] / "examples"


@torch.no_grad()
def shares(
    network: nn.Module, samples: TrainingSamples, count: int, vgg: VGG16, weights: LossWeights
) -> dict[str, float]:
    """Weighted terms over their sum, by name, in %, means over samples; and their sum, `total`."""
    sums = dict.fromkeys(TERMS, 0.0)
    for first in range(0, count, BATCH):
        batch = default_collate([samples[first + number] for number in range(BATCH)])
        image, hole = unpack(batch, torch.device("cpu"))
        output = network(image, 1 - hole)
        terms = inpainting_terms(output, image, hole, vgg=vgg, normalised=weights.normalised)
        for name in TERMS:
            sums[name] += getattr(weights, name) * terms[name].item() * BATCH / count
    total = sum(sums.values())
    return {**{name: 100 * value / total for name, value in sums.items()}, "total": total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=str(EXAMPLES), help="folder or tar files of pictures")
    parser.add_argument("--size", type=int, default=256, help="side of the samples, px (256)")
    parser.add_argument("--count", type=int, default=24, help="samples, a multiple of 4 (24)")
    parser.add_argument("--weights", default="places2-compact", help="of the end (%(default)s)")
    parser.add_argument("--vgg-weights", help="VGG-16 file; default: the shipped one")
    options = parser.parse_args()
    kind = "wds" if options.root.endswith(".tar") else "folder"
    samples = TrainingSamples(open_source(kind, options.root), options.size, hole_version=1)
    vgg = VGG16(options.vgg_weights)
    torch.manual_seed(0)
    networks = {
        "start": PConvUNet(UNetConfig.named("paper")).train(),
        "end": load_network(find_weights(options.weights)),
    }
    print(f"| colours | at | {' | '.join(TERMS)} | total |")
    print(f"|---|---|{'---:|' * (len(TERMS) + 1)}")
    for name, normalised in (("[0, 1]", False), ("normalised", True)):
        weights = LossWeights(normalised=normalised)
        for stage, network in networks.items():
            found = shares(network, samples, options.count, vgg, weights)
            cells = [f"{found[term]:.1f} %" for term in TERMS]
            print(f"| {name} | {stage} | {' | '.join(cells)} | {found['total']:.2f} |")


if __name__ == "__main__":
    main()

"""Milliseconds per picture of each part of a training step, by sample size.

    python benchmarks/train_parts.py                 # a Markdown table, on the GPU if there is one

Parts: decode (a JPEG whose shorter side is a third longer than the samples'), crop, hole (one by
one on the CPU, and by the batch on the device), copy to the device, network (forward and backward,
with the pixel losses) and VGG terms (forward and backward). Decoding, cropping and holes are timed
in one process, which stands for each worker. Without a GPU the times are CPU times of all threads,
so that other programs hardly count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from measure import alternating

from inpaint import PConvUNet, UNetConfig
from inpaint.checkpoints.vgg import VGG16
from inpaint.data.crops import random_square
from inpaint.images import decode_rgb
from inpaint.masks import HOLE_BUCKETS, random_hole
from inpaint.masks.batched import BatchedHoles
from inpaint.training.losses import inpainting_loss, inpainting_terms
from inpaint.training.validate import unpack
from inpaint.training.weights import LossWeights

PARTS = ("decode", "crop", "hole", "holes by the batch", "copy", "network", "VGG terms")
PIXELS = LossWeights(perceptual=0, style_out=0, style_comp=0)


def jpeg(size: int) -> bytes:
    """A photo-like JPEG, shorter side a third larger than `size`."""
    rng = np.random.default_rng(0)
    shape = (size * 4 // 3, size * 16 // 9, 3)
    coarse = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), shape[1::-1])
    noisy = (coarse + rng.normal(0, 12, shape)).clip(0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy)[1].tobytes()


def parts(
    size: int, batch: int, network: PConvUNet, vgg: VGG16, device: torch.device, autocast: bool
) -> dict[str, Callable[[], object]]:
    """What each part does for a batch."""
    data, rng = jpeg(size), np.random.default_rng(0)
    image = decode_rgb(data)
    pin = torch.cuda.is_available()
    samples = {
        "image": torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8),
        "hole": torch.rand(batch, 1, size, size) < 0.3,
    }
    samples = {name: value.pin_memory() if pin else value for name, value in samples.items()}
    target, hole = unpack(samples, device)
    generator, batched = torch.Generator(device).manual_seed(0), BatchedHoles((1,) * 6)
    fixed = torch.rand_like(target).requires_grad_()

    def done(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()

        return run

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            output = network(target, 1 - hole)
        inpainting_loss(output, target, hole, weights=PIXELS)[0].backward()

    def perceive() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            terms = inpainting_terms(fixed, target, hole, vgg=vgg)
            LossWeights().total(terms).backward()

    def draw() -> None:
        for number in range(batch):
            random_hole((size, size), rng, ratio=HOLE_BUCKETS[number % 6], version=2)

    works = (
        lambda: [decode_rgb(data) for _ in range(batch)],
        lambda: [random_square(image, size, rng) for _ in range(batch)],
        draw,
        lambda: batched.draw(batch, size, generator),
        lambda: unpack(samples, device),
        step,
        perceive,
    )
    return {name: done(work) for name, work in zip(PARTS, works, strict=True)}


def cell(ms: float) -> str:
    rate = 1000 / ms
    return f"{ms:.1f} ({rate:,.0f})" if rate >= 10 else f"{ms:.1f} ({rate:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="128,256,512", help="sides of the samples, px")
    parser.add_argument("--batch", type=int, default=4, help="pictures (4)")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each part (3)")
    parser.add_argument("--network", default="compact", help="compact or paper (compact)")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    options = parser.parse_args()
    cv2.setNumThreads(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    network = PConvUNet(UNetConfig.named(options.network)).train().to(device)
    network = network.to(memory_format=torch.channels_last)
    vgg = VGG16().to(device).to(memory_format=torch.channels_last)
    precision = "bfloat16" if options.bf16 else "float32"
    print(
        f"{options.network} network, batch {options.batch}, {precision}, {where}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; ms per picture (pictures/s)"
    )
    print(f"\n| size | {' | '.join(PARTS)} |\n|---|{'---:|' * len(PARTS)}")
    for size in map(int, options.sizes.split(",")):
        works = parts(size, options.batch, network, vgg, device, options.bf16)
        clock = time.perf_counter if device.type == "cuda" else time.process_time
        found = alternating(works, options.rounds, clock=clock)
        each = [1000 * min(found[name]) / options.batch for name in PARTS]
        print(f"| {size} px | {' | '.join(map(cell, each))} |")


if __name__ == "__main__":
    main()

"""Milliseconds per picture of each part of a training step, by sample size.

    python benchmarks/train_parts.py                 # a Markdown table, on the GPU if there is one

Parts: decode (a JPEG whose shorter side is a third longer than the samples'), crop, or else cut (a
square is copied out of the image) and crops by the batch (scaled on the device); hole (one by one
on the CPU, and by the batch on the device); boundary of the refiner (one by one on the CPU, and by
the batch on the device); copy to the device, network (forward and backward, with the pixel losses)
and VGG terms (forward and backward). Decoding, crops, cuts and holes are timed in one process,
which stands for each worker. Without a GPU the times are CPU times of all threads, so that other
programs hardly count.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable

import cv2
import numpy as np
import torch
from measure import alternating

from inpaint import PConvUNet, UNetConfig
from inpaint.checkpoints.vgg import VGG16
from inpaint.data.crops import cut_square, scale_square
from inpaint.data.device_crops import Unscaled, collate_unscaled, scale_squares
from inpaint.images import decode_rgb
from inpaint.inference.batched_boundary import blend_boundaries
from inpaint.inference.boundary import blend_boundary
from inpaint.masks import HOLE_BUCKETS, random_hole
from inpaint.masks.batched import BatchedHoles
from inpaint.training.losses import inpainting_loss, inpainting_terms
from inpaint.training.validate import unpack
from inpaint.training.weights import LossWeights
from inpaint.utils.crop import Crop

Works = dict[str, Callable[[], object]]  # by the names of the parts

PIXELS = LossWeights(perceptual=0, style_out=0, style_comp=0)


def jpeg(size: int) -> bytes:
    """A photo-like JPEG, shorter side a third larger than `size`."""
    rng = np.random.default_rng(0)
    shape = (size * 4 // 3, size * 16 // 9, 3)
    coarse = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), shape[1::-1])
    noisy = (coarse + rng.normal(0, 12, shape)).clip(0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy)[1].tobytes()


def sample_parts(size: int, batch: int, device: torch.device) -> Works:
    """What makes the samples of a batch."""
    data, rng = jpeg(size), np.random.default_rng(0)
    image = decode_rgb(data)
    generator, batched = torch.Generator(device).manual_seed(0), BatchedHoles((1,) * 6)

    def crop() -> list[np.ndarray]:
        return [scale_square(cut_square(image, size, rng), size) for _ in range(batch)]

    def cut() -> dict[str, torch.Tensor]:
        squares = [Unscaled.of(cut_square(image, size, rng), size, False) for _ in range(batch)]
        return collate_unscaled([{"image": square} for square in squares])

    unscaled = {name: part.to(device) for name, part in cut().items()}
    return {
        "decode": lambda: [decode_rgb(data) for _ in range(batch)],
        "crop": crop,
        "cut, for crops by the batch": cut,
        "crops by the batch": lambda: scale_squares(**unscaled, size=size),
        "hole": lambda: holes(size, batch, rng),
        "holes by the batch": lambda: batched.draw(batch, size, generator),
    }


def step_parts(
    size: int, batch: int, network: PConvUNet, vgg: VGG16, device: torch.device, autocast: bool
) -> Works:
    """What a step does with a batch."""
    samples = {
        "image": torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8),
        "hole": torch.from_numpy(holes(size, batch, np.random.default_rng(1))),
    }
    if device.type == "cuda":
        samples = {name: value.pin_memory() for name, value in samples.items()}
    target, hole = unpack(samples, device)
    fixed = torch.rand_like(target).requires_grad_()
    fill = torch.where(hole > 0, target.roll(9, 3), target)
    images, gaps = fill.permute(0, 2, 3, 1).cpu().numpy(), samples["hole"][:, 0].numpy()
    crops = [Crop(one, gap, np.zeros_like(gap)) for one, gap in zip(images, gaps, strict=True)]

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            output = network(target, 1 - hole)
        inpainting_loss(output, target, hole, weights=PIXELS)[0].backward()

    def perceive() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            terms = inpainting_terms(fixed, target, hole, vgg=vgg)
            LossWeights().total(terms).backward()

    return {
        "boundary of the refiner": lambda: [blend_boundary(crop) for crop in crops],
        "boundaries by the batch": lambda: blend_boundaries(fill, hole > 0),
        "copy": lambda: unpack(samples, device),
        "network": step,
        "VGG terms": perceive,
    }


def holes(size: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """(batch, 1, size, size) bool, one of each bucket in turn."""
    ratios = [HOLE_BUCKETS[number % 6] for number in range(batch)]
    return np.stack([random_hole((size, size), rng, ratio=r, version=2)[None] for r in ratios])


def done(work: Callable[[], object]) -> Callable[[], object]:
    """The work, and the wait for the GPU until it is done."""

    def run() -> None:
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return run


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
    sizes = [int(size) for size in options.sizes.split(",")]
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    columns: dict[str, list[float]] = defaultdict(list)
    for size in sizes:
        works = sample_parts(size, options.batch, device)
        works |= step_parts(size, options.batch, network, vgg, device, options.bf16)
        timed = {name: done(work) for name, work in works.items()}
        for name, seconds in alternating(timed, options.rounds, clock=clock).items():
            columns[name].append(1000 * min(seconds) / options.batch)
    print("\n| part |" + "".join(f" {size} px |" for size in sizes))
    print("|---|" + "---:|" * len(sizes))
    for name, each in columns.items():
        print(f"| {name} | {' | '.join(map(cell, each))} |")


if __name__ == "__main__":
    main()
